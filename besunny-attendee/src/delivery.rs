//! Deliveries of Attendee: the signature, and what they hint at (BOT-9, BOT-10).
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use besunny_core::{
    bot::{BotHint, BotNotice, BotReceiver, BotRef},
    push::{Delivery, Rejected},
    untrusted::Untrusted,
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{config::ConfigError, token::canonical, word};

/// The header that has the signature.
pub const SIGNATURE: &str = "X-Webhook-Signature";

/// Attendee's secrets have 32 bytes; shorter ones than this can be guessed.
const MIN_SECRET_BYTES: usize = 16;

/// Reads what Attendee calls back with, once its signature holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttendeeReceiver;

/// What every event has; events of calendars name no bot.
#[derive(Deserialize)]
struct Event {
    idempotency_key: Option<String>,
    bot_id: Option<String>,
    trigger: String,
}

/// What else a change of state has.
#[derive(Deserialize)]
struct StateChange {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    new_state: String,
    created_at: Option<String>,
}

/// Says whether a secret has the form that the dashboard shows.
///
/// # Errors
/// [`ConfigError::Secret`] if not; without a word of it.
pub fn check_secret(secret: &SecretString) -> Result<(), ConfigError> {
    key(secret).map(drop).ok_or(ConfigError::Secret)
}

fn key(secret: &SecretString) -> Option<hmac::Key> {
    let bytes = STANDARD.decode(secret.expose_secret().trim()).ok()?;
    let is_long = bytes.len() >= MIN_SECRET_BYTES;
    is_long.then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

impl BotReceiver for AttendeeReceiver {
    fn receive(
        &self,
        delivery: &Delivery<'_>,
        secrets: &[SecretString],
    ) -> Result<BotNotice, Rejected> {
        let signature = delivery.header(SIGNATURE).ok_or(Rejected::Unsigned)?;
        let signature = STANDARD.decode(signature.trim());
        let signature = signature.map_err(|_odd| Rejected::BadSignature)?;
        // What is signed is the canonical text; a body that has none was signed by nobody.
        let text = canonical(delivery.body).map_err(|_odd| Rejected::BadSignature)?;
        let is_signed = secrets
            .iter()
            .filter_map(key)
            .any(|key| hmac::verify(&key, text.as_bytes(), &signature).is_ok());
        if !is_signed {
            return Err(Rejected::BadSignature);
        }
        read(&text).ok_or(Rejected::Unreadable)
    }
}

/// Reads an event that is proven.
fn read(text: &str) -> Option<BotNotice> {
    let Event { idempotency_key, bot_id, trigger } = serde_json::from_str(text).ok()?;
    let hint = match trigger.as_str() {
        "bot.state_change" => {
            let Data { new_state, created_at } =
                serde_json::from_str::<StateChange>(text).ok()?.data;
            let at = created_at.and_then(|at| at.parse::<DateTime<Utc>>().ok());
            BotHint::Phase { phase: word::phase(&new_state), word: Untrusted::new(new_state), at }
        }
        "transcript.update" | "async_transcription.state_change" => BotHint::Transcript,
        "chat_messages.update" => BotHint::Chat,
        "participant_events.join_leave" | "participant_events.speech_start_stop" => {
            BotHint::Presence
        }
        _ => BotHint::Other { word: Untrusted::new(trigger) },
    };
    Some(BotNotice { bot: bot_id.map(BotRef::from_source), dedup: idempotency_key, hint })
}

#[cfg(test)]
mod tests;
