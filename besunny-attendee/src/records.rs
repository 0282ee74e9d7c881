//! Transcript, recording, and their end (BOT-12, BOT-15).
use std::collections::BTreeMap;

use async_trait::async_trait;
use besunny_core::{
    bot::{BotPhase, BotProvider, BotRecords, BotRef, Changed, RecordingLink, Segment, Transcript},
    source::{Cursor, SourceError, SourceErrorKind},
};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use reqwest::{Method, Url};

use crate::{
    provider::{Attendee, hindered, path, unexpected},
    refusal::Sense,
    transport::Call,
    wire::{RecordingAnswer, Utterance, instant},
};

/// An error about a bot that is not there.
pub(crate) const fn gone(operation: &'static str) -> SourceError {
    SourceError::new(SourceErrorKind::StreamGone, operation)
}

impl Attendee {
    /// Returns from when on to read next, given when an answer was made; without that, as before.
    pub(crate) fn watermark(&self, made_at: Option<DateTime<Utc>>, before: &str) -> String {
        let overlap = TimeDelta::from_std(self.transport.config().overlap).unwrap_or_default();
        let next = made_at.and_then(|made_at| made_at.checked_sub_signed(overlap));
        next.map_or_else(|| before.to_owned(), instant)
    }
}

#[async_trait]
impl BotRecords for Attendee {
    async fn transcript(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Transcript, SourceError> {
        const OPERATION: &str = "attendee.transcript.get";
        let path = path(at, "/transcript").ok_or_else(|| gone(OPERATION))?;
        let since = after.map_or("", Cursor::as_str);
        let mut call = Call::get(OPERATION, path);
        if !since.is_empty() {
            call = call.with("updated_after", since);
        }
        let good = match self.ask(call).await? {
            Ok(good) => good,
            Err(refusal) if refusal.sense == Sense::NoSuchBot => return Err(gone(OPERATION)),
            Err(refusal) => return Err(unexpected(OPERATION, refusal)),
        };
        let mut segments = BTreeMap::<_, Segment>::new();
        for utterance in good.read::<Vec<Utterance>>()? {
            let segment = utterance.into_segment();
            let failed = |odd| SourceError::new(SourceErrorKind::Malformed, OPERATION).because(odd);
            if let Some(segment) = segment.map_err(failed)? {
                segments.insert((segment.starts_at, segment.key.clone()), segment);
            }
        }
        Ok(Transcript {
            segments: segments.into_values().collect(),
            is_whole: false,
            next: Cursor::from_source(self.watermark(good.made_at, since)),
        })
    }

    async fn recording(&self, at: &BotRef) -> Result<Option<RecordingLink>, SourceError> {
        const OPERATION: &str = "attendee.recording.get";
        let path = path(at, "/recording").ok_or_else(|| gone(OPERATION))?;
        match self.ask(Call::get(OPERATION, path)).await? {
            Ok(good) => {
                let RecordingAnswer { url, start_timestamp_ms } = good.read()?;
                let starts_at = start_timestamp_ms.and_then(DateTime::from_timestamp_millis);
                let until = until(&url);
                Ok(Some(RecordingLink { url: url.into(), headers: Vec::new(), until, starts_at }))
            }
            Err(refusal) if refusal.sense == Sense::NoRecording => Ok(None),
            Err(refusal) if refusal.sense == Sense::NoSuchBot => Err(gone(OPERATION)),
            Err(refusal) => Err(unexpected(OPERATION, refusal)),
        }
    }

    async fn erase(&self, at: &BotRef) -> Result<Changed, SourceError> {
        const OPERATION: &str = "attendee.data.delete";
        let Some(path) = path(at, "/delete_data") else { return Ok(Changed::Gone) };
        let call = Call::send(OPERATION, Method::POST, path, Some(b"{}".to_vec()));
        let Err(refusal) = self.ask(call).await? else { return Ok(Changed::Applied) };
        if refusal.sense != Sense::WrongPhase {
            return Ok(hindered(refusal));
        }
        // The refusal does not say whether it came too early or too late.
        let phase = self.find(at).await?.map(|bot| bot.phase);
        Ok(match phase {
            None => Changed::Gone,
            Some(Some(BotPhase::Erased)) => Changed::Over,
            Some(_) => Changed::Frozen { until: None },
        })
    }
}

/// Reads until when a signed address is good (Amazon S3, "Authenticating requests: query parameters").
fn until(url: &str) -> Option<DateTime<Utc>> {
    let url = Url::parse(url).ok()?;
    let value = |name: &str| {
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let signed = NaiveDateTime::parse_from_str(&value("X-Amz-Date")?, "%Y%m%dT%H%M%SZ").ok()?;
    let seconds = TimeDelta::try_seconds(value("X-Amz-Expires")?.parse().ok()?)?;
    signed.and_utc().checked_add_signed(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_address_says_until_when_it_is_good() {
        let url = "https://a.s3.amazonaws.com/r.mp4?X-Amz-Date=20261120T182542Z&X-Amz-Expires=1800";
        assert_eq!(until(url), Some("2026-11-20T18:55:42Z".parse().unwrap()));
        assert_eq!(until("https://files.example/r.mp4"), None);
        let odd = "https://a.org/?X-Amz-Date=20261120T182542Z&X-Amz-Expires=999999999999999999";
        assert_eq!(until(odd), None);
    }
}
