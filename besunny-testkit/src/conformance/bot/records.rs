//! Nothing that was said is lost, however it comes.
use std::collections::BTreeMap;

use besunny_core::{
    bot::{BotPhase, BotRef, Changed, NewBot, RecordingKind, Segment, SegmentKey, Transcript},
    source::{Cursor, SourceErrorKind},
};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;

use super::{
    BotPower, Broken, CANARY, Case, MOMENT, Outcome, Power, Scene, World, check, check_equal,
    clause, end, find, in_call, let_in, planned, refused, unknown, wanted,
};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("records.transcript.complete", complete),
        clause("records.transcript.after", after),
        clause("records.transcript.amended", amended).needing(Power::Bot(BotPower::Amend)),
        clause("records.transcript.late", late).needing(Power::Bot(BotPower::SpeakLate)),
        clause("records.transcript.stable-keys", stable_keys),
        clause("records.transcript.repeatable", repeatable),
        clause("records.transcript.failed", failed),
        clause("records.transcript.gone", gone),
        clause("records.recording.ready", recording_ready).needing(Power::Bot(BotPower::Record)),
        clause("records.recording.hidden", recording_hidden).needing(Power::Bot(BotPower::Record)),
        clause("records.erase.ends", erase_ends),
        clause("records.erase.early", erase_early),
        clause("records.erase.again", erase_again),
    ]
}

/// Providers round the time of a word to this.
const ROUNDED: TimeDelta = TimeDelta::seconds(1);

/// What a reader holds who adds every answer to what it held.
#[derive(Debug, Default)]
struct Held {
    segments: BTreeMap<SegmentKey, Segment>,
    cursor: Option<Cursor>,
}

impl Held {
    async fn read(&mut self, world: &World, at: &BotRef) -> Result<Transcript, Broken> {
        let answer = world.records().transcript(at, self.cursor.as_ref()).await?;
        if answer.is_whole {
            self.segments.clear();
        }
        let pieces = answer.segments.iter().map(|segment| (segment.key.clone(), segment.clone()));
        self.segments.extend(pieces);
        self.cursor = Some(answer.next.clone());
        Ok(answer)
    }

    fn check(&self, want: &[&str], when: &str) -> Outcome {
        let mut segments: Vec<_> = self.segments.values().collect();
        segments.sort_by_key(|segment| segment.starts_at);
        let texts: Vec<&str> =
            segments.iter().map(|segment| segment.text.expose().as_str()).collect();
        check_equal(&texts, &want.to_vec(), &format!("what is held {when}"))
    }
}

/// Lets somebody speak; returns when that began.
async fn say(world: &World, at: &BotRef, name: &'static str, text: &str) -> DateTime<Utc> {
    let began = world.now();
    world.play(at, Scene::Says { name, text: text.to_owned() }).await;
    world.advance(MOMENT).await;
    began
}

async fn complete(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    let mut want = Vec::new();
    for (name, text) in [("Ada", "Shall we start?"), ("Zoë", "Ja, „los“ 😀"), ("Ada", "Good.")]
    {
        want.push((say(&world, &at, name, text).await, name, text));
    }
    end(&world, &at).await;
    let transcript = world.records().transcript(&at, None).await?;
    check_equal(&transcript.segments.len(), &want.len(), "segments")?;
    for (segment, (began, name, text)) in transcript.segments.iter().zip(want) {
        check_equal(&segment.text.expose().as_str(), &text, "the words")?;
        let spoke = segment.speaker.as_ref().and_then(|speaker| speaker.name.as_ref());
        check_equal(&spoke.map(|name| name.expose().as_str()), &Some(name), "who spoke")?;
        let off = (segment.starts_at - began).abs();
        check(off <= ROUNDED, format_args!("it began {off} off"))?;
    }
    Ok(())
}

async fn after(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    let mut held = Held::default();
    held.read(&world, &at).await?;
    say(&world, &at, "Ada", "One").await;
    held.read(&world, &at).await?;
    for text in ["Two", "Three"] {
        say(&world, &at, "Zoë", text).await;
    }
    end(&world, &at).await;
    held.read(&world, &at).await?;
    held.check(&["One", "Two", "Three"], "after three looks")
}

async fn amended(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    let mut held = Held::default();
    say(&world, &at, "Ada", "We beg").await;
    held.read(&world, &at).await?;
    held.check(&["We beg"], "at first")?;
    world.advance(MOMENT).await;
    world.play(&at, Scene::Amends("We begin now".to_owned())).await;
    held.read(&world, &at).await?;
    held.check(&["We begin now"], "once it was heard better")
}

async fn late(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    let mut held = Held::default();
    say(&world, &at, "Ada", "One").await;
    end(&world, &at).await;
    held.read(&world, &at).await?;
    held.check(&["One"], "when the bot was done")?;
    world.advance(MOMENT).await;
    say(&world, &at, "Zoë", "Late").await;
    held.read(&world, &at).await?;
    held.check(&["One", "Late"], "after a late piece")
}

async fn stable_keys(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    say(&world, &at, "Ada", "One").await;
    say(&world, &at, "Ada", "One").await;
    end(&world, &at).await;
    let keys = |transcript: Transcript| -> Vec<_> {
        transcript.segments.into_iter().map(|segment| segment.key).collect()
    };
    let first = keys(world.records().transcript(&at, None).await?);
    check(first.len() == 2 && first[0] != first[1], "the same words twice are one segment")?;
    world.advance(MOMENT).await;
    let second = keys(world.records().transcript(&at, None).await?);
    check_equal(&second, &first, "the keys")
}

async fn repeatable(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    say(&world, &at, "Ada", "One").await;
    let first = world.records().transcript(&at, None).await?;
    say(&world, &at, "Ada", "Two").await;
    end(&world, &at).await;
    let once = world.records().transcript(&at, Some(&first.next)).await?;
    let twice = world.records().transcript(&at, Some(&first.next)).await?;
    check_equal(&twice.segments, &once.segments, "what the same cursor answers")?;
    let has_two = once.segments.iter().any(|segment| segment.text.expose() == "Two");
    check(has_two, "what was said since is missing")
}

async fn failed(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    say(&world, &at, "Ada", "Before it broke").await;
    world.play(&at, Scene::Breaks).await;
    world.advance(MOMENT).await;
    let bot = find(&world, &at).await?;
    check_equal(&bot.phase, &Some(BotPhase::Failed), "the phase")?;
    let mut held = Held::default();
    held.read(&world, &at).await?;
    held.check(&["Before it broke"], "of a bot that failed")
}

async fn gone(world: World) -> Outcome {
    let error = refused(world.records().transcript(&unknown(), None).await, "no bot")?;
    check_equal(&error.kind, &SourceErrorKind::StreamGone, "the kind")
}

/// Makes a bot that records, and lets it in.
async fn recording(world: &World) -> Result<BotRef, Broken> {
    let recording = RecordingKind::Video;
    let_in(world, &NewBot { recording, ..wanted(world, 0, None) }).await
}

async fn recording_ready(world: World) -> Outcome {
    let at = recording(&world).await?;
    check(world.records().recording(&at).await?.is_none(), "there is a recording already")?;
    end(&world, &at).await;
    let link = world.records().recording(&at).await?;
    let link = link.ok_or_else(|| Broken::new("there is no recording"))?;
    check(link.url.expose_secret().starts_with("http"), "its address is none")?;
    check(link.until.is_none_or(|until| until > world.now()), "it is too late for it already")
}

async fn recording_hidden(world: World) -> Outcome {
    let at = recording(&world).await?;
    end(&world, &at).await;
    let link = world.records().recording(&at).await?;
    let link = link.ok_or_else(|| Broken::new("there is no recording"))?;
    let shown = format!("{link:?}");
    check(!shown.contains(link.url.expose_secret()), "the address is shown")?;
    let leaks = link.headers.iter().any(|(_, value)| shown.contains(value.expose_secret()));
    check(!leaks, "a header is shown")
}

async fn erase_ends(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    say(&world, &at, "Ada", CANARY).await;
    end(&world, &at).await;
    check_equal(&world.records().erase(&at).await?, &Changed::Applied, "what became of it")?;
    let transcript = world.records().transcript(&at, None).await;
    let is_left = transcript.is_ok_and(|transcript| !transcript.segments.is_empty());
    check(!is_left, "the transcript is still there")?;
    let recording = world.records().recording(&at).await;
    check(!recording.is_ok_and(|link| link.is_some()), "the recording is still there")?;
    let phase = world.provider().find(&at).await?.map(|bot| bot.phase);
    let is_erased = phase.is_none_or(|phase| phase == Some(BotPhase::Erased));
    check(is_erased, format_args!("it is {phase:?}"))
}

async fn erase_early(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    say(&world, &at, "Ada", "Stays").await;
    let changed = world.records().erase(&at).await?;
    let is_frozen = matches!(changed, Changed::Frozen { .. });
    check(is_frozen, format_args!("a bot in the call was erased: {changed:?}"))?;
    end(&world, &at).await;
    let mut held = Held::default();
    held.read(&world, &at).await?;
    held.check(&["Stays"], "after it could not be erased")
}

async fn erase_again(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    end(&world, &at).await;
    for _ in 0..2 {
        let changed = world.records().erase(&at).await?;
        let is_frozen = matches!(changed, Changed::Frozen { .. });
        check(!is_frozen, "a bot that is over cannot be erased")?;
    }
    planned(&world, 1).await?;
    check_equal(&world.records().erase(&unknown()).await?, &Changed::Gone, "of no bot")
}
