//! How far a bot is, why it failed and what can be done, in sentences.
use besunny::core::{
    bot::{BotPhase, Capture, EndReason},
    meeting::{Meeting, MeetingLink, MeetingStatus},
    posting::{BotPolicy, BotStatus, Outcome, Posting, Stage, Wish, Withdrawal},
    scheduler::PauseReason,
};
use chrono::{DateTime, Utc};

/// What becomes of a wish that its provider does not take now.
pub(super) const FROZEN: &str = "Nothing to do: it cannot be stopped just before it joins, and is told to leave as soon as it has.";

/// What becomes of a wish to erase that its provider does not take now.
pub(super) const NOT_YET_ERASED: &str =
    "Nothing to do: it is erased as soon as its provider allows it.";

/// Names how far a bot is, as briefly as a list needs it.
pub(in crate::web) const fn status_name(status: BotStatus) -> &'static str {
    match status {
        BotStatus::Pending => "Bot wanted",
        BotStatus::BotScheduled => "Bot booked",
        BotStatus::BotJoining => "Bot joining",
        BotStatus::BotJoined => "Bot in the call",
        BotStatus::Transcribing => "Bot writes along",
        BotStatus::Paused => "Bot paused",
        BotStatus::PostProcessing => "Bot has left",
        BotStatus::Completed => "Bot done",
        BotStatus::Failed => "Bot failed",
        BotStatus::Cancelled => "Bot called off",
    }
}

/// Returns the class by which a status is coloured.
pub(in crate::web) const fn status_class(status: BotStatus) -> &'static str {
    match status {
        BotStatus::BotJoined | BotStatus::Transcribing | BotStatus::Completed => "good",
        BotStatus::Failed => "bad",
        BotStatus::Pending
        | BotStatus::BotScheduled
        | BotStatus::BotJoining
        | BotStatus::Paused
        | BotStatus::PostProcessing => "busy",
        BotStatus::Cancelled => "plain",
    }
}

/// Names a policy for people, to follow "Bots go to".
pub(in crate::web) const fn policy_name(policy: BotPolicy) -> &'static str {
    match policy {
        BotPolicy::All => "every meeting that I have not declined",
        BotPolicy::OrganizerOnly => "meetings that I call, or that invite a bot",
        BotPolicy::ExternalOnly => "meetings with people from outside, or that invite a bot",
        BotPolicy::InvitedOnly => "meetings that invite a bot",
        BotPolicy::Never => "no meeting, unless I send one",
    }
}

/// Says how far a bot is, and what can be done about it.
pub(super) fn told(posting: &Posting) -> (String, Option<&'static str>) {
    let (message, fix) = match (&posting.stage, posting.wish) {
        (Stage::Over { outcome, .. }, wish) => over(posting, *outcome, wish),
        (_, Wish::Withdrawn(why)) => {
            (format!("{} It is kept out, or told to leave.", withdrawn(why)), None)
        }
        (Stage::Wanted | Stage::Asked(_), Wish::Attend) => {
            ("It is wanted, and asked for in time.".to_owned(), None)
        }
        (Stage::Collecting { .. }, Wish::Attend) => {
            let (message, fix) = ended(posting);
            let then = if posting.seen.phase == Some(BotPhase::Failed) {
                "What it heard until then is fetched."
            } else {
                "What it heard is fetched; single pieces may come late."
            };
            (format!("{message}{then}"), fix)
        }
        (Stage::Sent(_), Wish::Attend) => present(posting),
    };
    (message, fix)
}

/// Says where a bot is that its provider has.
fn present(posting: &Posting) -> (String, Option<&'static str>) {
    let seen = &posting.seen;
    let (message, fix) = match seen.phase {
        None | Some(BotPhase::Planned) => ("It is booked at its provider.", None),
        Some(BotPhase::Committed) => ("It is about to join.", None),
        Some(BotPhase::Joining) => ("It is on its way into the call.", None),
        Some(BotPhase::Lobby) => {
            ("It waits to be let in.", Some("Somebody in the call must let it in."))
        }
        Some(BotPhase::InCall) => match seen.capture {
            Capture::On => ("It is in the call and writes along.", None),
            Capture::Off => ("It is in the call and does not write yet.", None),
            Capture::Paused => ("It is in the call, and somebody paused it.", None),
            Capture::Denied => (
                "It is in the call, and the host does not let it record.",
                Some("Ask the host to allow it; until then nothing is written."),
            ),
        },
        Some(BotPhase::Leaving | BotPhase::Processing) => {
            ("It has left, and its provider prepares what it heard.", None)
        }
        Some(BotPhase::Failed) => ("It broke.", None),
        Some(BotPhase::Done | BotPhase::Erased) => ("It is done.", None),
    };
    (message.to_owned(), fix)
}

/// Says what came of a bot.
fn over(posting: &Posting, outcome: Outcome, wish: Wish) -> (String, Option<&'static str>) {
    let (why, fix) = ended(posting);
    match (outcome, wish) {
        (Outcome::Attended, _) if posting.seen.has_heard => (format!("{why}It was there."), None),
        (Outcome::Attended, _) if posting.seen.denied_at.is_some() => (
            format!("{why}It was there, and the host did not let it record."),
            Some("Ask the host to allow it the next time."),
        ),
        (Outcome::Attended, _) => (format!("{why}It was there, and heard nothing."), fix),
        (Outcome::Failed, _) => (format!("{why}It was not in the call."), fix),
        (Outcome::Refused, _) => (
            "Its provider would not make it.".to_owned(),
            Some("See that the link is one that the provider knows, and ask for a bot again."),
        ),
        (Outcome::Missed, _) => (
            "The meeting was over before a bot could be had.".to_owned(),
            Some("See that the provider can be reached: `besunny doctor` says what is wrong."),
        ),
        (Outcome::Withdrawn, Wish::Withdrawn(why)) => (withdrawn(why).to_owned(), None),
        (Outcome::Withdrawn, Wish::Attend) => ("It was called off.".to_owned(), None),
        (Outcome::Lost, _) => (
            "It was taken away at its provider before it was to join.".to_owned(),
            Some("Send another one, if one is wanted."),
        ),
    }
}

const fn withdrawn(why: Withdrawal) -> &'static str {
    match why {
        Withdrawal::Unwanted => "No meeting wants it any more.",
        Withdrawal::Stopped => "Somebody in this meeting keeps bots out.",
        Withdrawal::Replaced => "It could not be moved, so that another one takes its place.",
    }
}

/// Says why a bot is over, with a space behind it; nothing where that is not known.
fn ended(posting: &Posting) -> (String, Option<&'static str>) {
    let Some(ending) = &posting.seen.ending else { return (String::new(), None) };
    let (why, fix) = ending_in_words(ending.reason);
    (format!("{why} "), fix)
}

const fn ending_in_words(reason: EndReason) -> (&'static str, Option<&'static str>) {
    match reason {
        EndReason::MeetingEnded => ("The meeting has ended.", None),
        EndReason::Requested => ("It was told to leave.", None),
        EndReason::Removed => ("Somebody in the call removed it.", None),
        EndReason::NotAdmitted => {
            ("Nobody let it in.", Some("Let it in from the waiting room, and send another one."))
        }
        EndReason::NotStarted => ("The meeting never began.", None),
        EndReason::BadLink => {
            ("There is no meeting at the link.", Some("Correct the link in the event."))
        }
        EndReason::LoginRequired => (
            "The meeting wants everybody to be logged in.",
            Some("Let guests in, or give bots a login in the settings of their provider."),
        ),
        EndReason::Captcha => (
            "The meeting wants proof of a person.",
            Some("Give bots a login in the settings of their provider."),
        ),
        EndReason::Silence => ("Nobody spoke for long, so it left.", None),
        EndReason::Alone => ("It was alone, so it left.", None),
        EndReason::MaxTime => ("It was in the call as long as it may.", None),
        EndReason::LimitReached => (
            "A limit at its provider was used up.",
            Some("Add credit at the provider, or raise its limit."),
        ),
        EndReason::ProviderFault => ("Its provider broke.", Some("Send another one.")),
        EndReason::Other => ("It ended for a reason that we do not know.", None),
    }
}

/// Says why no bot can be sent to a meeting, and what to do, if none can.
pub(super) fn unsendable(
    meeting: &Meeting,
    now: DateTime<Utc>,
) -> Option<(&'static str, &'static str)> {
    let link = meeting.link.as_ref();
    if meeting.status == MeetingStatus::Cancelled {
        return Some(("The meeting is cancelled.", "Send a bot to one that takes place."));
    }
    if meeting.ends_at <= now {
        return Some(("The meeting is over.", "Send a bot to one that is to come."));
    }
    match link.map(MeetingLink::is_bot_capable) {
        Some(true) => None,
        Some(false) => Some((
            "No bot can join on this platform.",
            "Put a link to Google Meet, Zoom or Teams into the event.",
        )),
        None => Some((
            "The meeting has no link to join by.",
            "Put the link to the call into the event.",
        )),
    }
}

/// Says what to do about a provider that did not do as it was asked.
pub(super) const fn trouble_fix(waits_for: Option<PauseReason>) -> &'static str {
    match waits_for {
        Some(PauseReason::Reconnect) => {
            "The key of the provider is no good any more: make a new one; `besunny doctor` tries it."
        }
        Some(PauseReason::MissingPermission) => {
            "The key of the provider does not allow this: make another one; `besunny doctor` tries it."
        }
        Some(PauseReason::Misconfigured) => {
            "The settings of the provider are wrong: mend them; `besunny doctor` says which."
        }
        Some(PauseReason::StreamGone) => "It is gone at the provider; another one can be sent.",
        None => "Nothing to do: it is asked again by itself.",
    }
}
