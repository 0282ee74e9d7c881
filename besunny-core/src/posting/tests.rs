//! Which bots are sent, when, and what becomes of them; as tables.
use std::collections::{BTreeMap, HashMap};

use super::*;
use crate::{
    address::Username,
    bot::{EndReason, Schedules},
    calendar::{Attendance, Attendee, EventTime, EventUid},
    meeting::{
        Meeting, MeetingStatus, meeting_id,
        sample::{attendee, meeting, noon, tenant},
    },
    source::{SourceError, SourceErrorKind},
};

#[test]
fn bot_5_which_meetings_get_a_bot_by_policy_and_by_hand() {
    use BotPolicy::{All, ExternalOnly, InvitedOnly, Never, OrganizerOnly};
    let choice = |kind| Some(Choice { kind, at: noon() });
    let invited = vec![Username::parse("ann").unwrap()];
    let stranger = attendee("eve@elsewhere.example");
    let room = Attendee { is_resource: true, ..stranger.clone() };
    let plain = meeting();
    let with = |other: Attendee| {
        let attendees = [plain.attendees.clone(), vec![other]].concat();
        Meeting { attendees, ..plain.clone() }
    };
    let wants = |meeting: &Meeting| {
        let policies = [All, OrganizerOnly, ExternalOnly, InvitedOnly, Never];
        let wanting = policies.into_iter().filter(|policy| policy.wants(meeting));
        wanting.map(BotPolicy::as_str).collect::<Vec<_>>().join(" ")
    };
    let invited = Meeting { invited, ..plain.clone() };
    let rows = [
        (plain.clone(), "all"),
        (Meeting { answer: Attendance::Declined, ..plain.clone() }, ""),
        (Meeting { is_own: Some(true), ..plain.clone() }, "all organizer_only"),
        (with(stranger), "all external_only"),
        (with(room), "all"),
        (invited.clone(), "all organizer_only external_only invited_only"),
        (
            Meeting { status: MeetingStatus::Tentative, ..invited.clone() },
            "all organizer_only external_only invited_only",
        ),
        (Meeting { status: MeetingStatus::Cancelled, ..invited.clone() }, ""),
        (Meeting { link: None, ..invited.clone() }, ""),
        (Meeting { choice: choice(ChoiceKind::KeepOut), ..invited }, ""),
        (
            Meeting { choice: choice(ChoiceKind::Send), ..plain.clone() },
            "all organizer_only external_only invited_only never",
        ),
    ];
    for (meeting, want) in rows {
        assert_eq!(wants(&meeting), want, "{meeting:?}");
    }
    for policy in [All, OrganizerOnly, ExternalOnly, InvitedOnly, Never] {
        assert_eq!(BotPolicy::parse(policy.as_str()), Some(policy));
    }
}

fn posting() -> Posting {
    let of = meeting();
    let link = of.link.unwrap();
    Posting {
        id: PostingId::derived(&[b"one"]),
        version: 3,
        provider: Provider::new("attendee"),
        room: link.key,
        url: link.url,
        starts_at: of.starts_at,
        ends_at: of.ends_at,
        serves: vec![Served { meeting: of.id, owner: of.owner }],
        made_at: noon() - Duration::from_hours(48),
        wish: Wish::Attend,
        stage: Stage::Wanted,
        seen: Seen::default(),
        trouble: None,
        erasure: None,
    }
}

fn sent(phase: BotPhase, looked: i64) -> Posting {
    let posting = posting();
    let sent = Sent {
        bot: BotRef::from_source("bot_1"),
        join_at: Some(posting.join_at()),
        url: posting.url.clone(),
        stopped_at: None,
        is_stuck: false,
    };
    let looked_at = Some(noon() + chrono::TimeDelta::minutes(looked));
    let seen = Seen { phase: Some(phase), looked_at, ..Seen::default() };
    Posting { stage: Stage::Sent(sent), seen, ..posting }
}

fn terms() -> Terms {
    let schedules = Schedules {
        min_lead: Duration::from_mins(2),
        frozen_before_join: Duration::from_mins(5),
        max_ahead: Duration::from_hours(24 * 365),
    };
    Terms { schedules: Some(schedules), poll_floor: Duration::from_secs(10) }
}

/// What is to be done at so many minutes after the beginning of the meeting.
fn at(posting: &Posting, terms: &Terms, minutes: i64) -> String {
    let now = noon() + chrono::TimeDelta::minutes(minutes);
    let of = |at: DateTime<Utc>| (at - noon()).num_minutes();
    match posting.next(terms, now) {
        Step::Rest(until) => format!("rest {}", of(until)),
        Step::Prepare => "prepare".to_owned(),
        Step::Create { join_at: None } => "create now".to_owned(),
        Step::Create { join_at: Some(join_at) } => format!("create {}", of(join_at)),
        Step::Search => "search".to_owned(),
        Step::Move(amend) => format!("move {:?}", amend.join_at.map(of)),
        Step::Stop => "stop".to_owned(),
        Step::Look => "look".to_owned(),
        Step::Erase => "erase".to_owned(),
        Step::Finish(outcome) => format!("finish {outcome:?}"),
        Step::Nothing => "nothing".to_owned(),
    }
}

#[test]
fn bot_4_when_a_bot_is_asked_for() {
    let (wanted, asked) = (posting(), posting().prepared());
    let day = 24 * 60;
    let at_once = Terms { schedules: None, ..terms() };
    let rows = [
        (&wanted, terms(), -3 * day, format!("rest {}", -day - 2)),
        (&wanted, terms(), -day - 2, "prepare".to_owned()),
        (&wanted, terms(), 10, "prepare".to_owned()),
        (&wanted, terms(), 30, "finish Missed".to_owned()),
        (&wanted, at_once, -60, "rest -2".to_owned()),
        (&asked, terms(), -60, "create -2".to_owned()),
        (&asked, terms(), -3, "create now".to_owned()),
        (&asked, at_once, -2, "create now".to_owned()),
        (&asked, terms(), 30, "search".to_owned()),
    ];
    for (posting, terms, minutes, want) in rows {
        assert_eq!(at(posting, &terms, minutes), want, "{:?} at {minutes}", posting.stage);
    }
    let unwanted = Wish::Withdrawn(Withdrawal::Unwanted);
    let (wanted, asked) =
        (Posting { wish: unwanted, ..wanted }, Posting { wish: unwanted, ..asked });
    assert_eq!(at(&wanted, &terms(), -60), "finish Withdrawn");
    assert_eq!(at(&asked, &terms(), -60), "search", "a call may have been made");
    let missed = asked.missed(noon());
    assert_eq!(at(&missed, &terms(), 1), "rest 3", "it may be on its way");
    assert_eq!(at(&missed, &terms(), 3), "search");
    assert_eq!(at(&missed.missed(noon()), &terms(), 3), "nothing");
}

#[test]
fn bot_11_how_often_a_bot_is_looked_at() {
    let rows = [
        (BotPhase::Planned, -600, -500, "rest -17"),
        (BotPhase::Planned, -600, -17, "look"),
        (BotPhase::Planned, -16, -15, "rest -14"),
        (BotPhase::Planned, 3, 4, "stop"),
        (BotPhase::Committed, -6, -4, "look"),
        (BotPhase::InCall, 5, 6, "rest 7"),
        (BotPhase::InCall, 5, 7, "look"),
        (BotPhase::Processing, 31, 31, "rest 32"),
        (BotPhase::Processing, 31, 32, "look"),
        (BotPhase::Lobby, 31, 30 + 6 * 60, "look"),
        (BotPhase::Committed, 31, 30 + 6 * 60, "stop"),
        (BotPhase::InCall, 31, 30 + 24 * 60, "stop"),
    ];
    for (phase, looked, minutes, want) in rows {
        assert_eq!(at(&sent(phase, looked), &terms(), minutes), want, "{phase:?} at {minutes}");
    }
    let moved =
        Posting { starts_at: noon() + Duration::from_hours(1), ..sent(BotPhase::Planned, -60) };
    assert_eq!(at(&moved, &terms(), -30), "move Some(58)");
    let early =
        Posting { starts_at: noon() - Duration::from_hours(1), ..sent(BotPhase::Planned, -60) };
    assert_eq!(at(&early, &terms(), -30), "move Some(-29)", "it is to come at once");
}

#[test]
fn bot_7_a_bot_never_goes_back_and_an_unknown_word_changes_nothing() {
    let bot = |phase: Option<BotPhase>| Bot {
        at: BotRef::from_source("bot_1"),
        phase,
        word: "word".to_owned().into(),
        capture: Capture::On,
        ending: None,
        join_at: None,
        dedup_key: None,
        metadata: BTreeMap::default(),
        transcript: Readiness::Running,
        recording: Readiness::None,
        changed_at: None,
    };
    let looked = |posting: Posting, phase| {
        let found = Found { bot: Some(bot(phase)), ..Found::default() };
        posting.looked(found, noon()).posting
    };
    let posting = looked(sent(BotPhase::Planned, 0), Some(BotPhase::InCall));
    assert_eq!(posting.status(), BotStatus::Transcribing);
    assert_eq!(looked(posting.clone(), Some(BotPhase::Lobby)).seen.phase, Some(BotPhase::InCall));
    assert_eq!(looked(posting.clone(), None).seen.phase, Some(BotPhase::InCall));
    let over = looked(posting, Some(BotPhase::Failed));
    assert!(matches!(over.stage, Stage::Collecting { .. }));
    assert_eq!(looked(over, Some(BotPhase::Done)).seen.phase, Some(BotPhase::Done));
}

#[test]
fn a_bot_that_is_refused_shortly_before_it_joins_is_given_up_with_the_reason() {
    let error = || SourceError::new(SourceErrorKind::Malformed, "bots.create");
    let refused = |posting: Posting, minutes: i64| {
        let now = noon() + chrono::TimeDelta::minutes(minutes);
        posting.failed(&error(), "no such meeting".to_owned(), 1.0, now).refused(now)
    };
    let mut posting = posting().prepared();
    for _ in 0..9 {
        posting = refused(posting, -60);
    }
    assert_eq!(at(&posting, &terms(), -50), "create -2", "it may be a passing trouble");
    for _ in 0..3 {
        posting = refused(posting, -20);
    }
    assert_eq!(at(&posting, &terms(), -10), "search");
    let over = posting.missed(noon()).missed(noon());
    assert!(matches!(over.stage, Stage::Over { outcome: Outcome::Refused, .. }), "{over:?}");
    assert_eq!(over.trouble.unwrap().error, "no such meeting");
}

#[test]
fn bot_12_a_transcript_that_cannot_be_read_is_asked_for_through_a_day() {
    let mut posting = sent(BotPhase::InCall, 30);
    posting.seen.transcript = Readiness::Complete;
    posting.seen.joined_at = Some(noon());
    posting.stage = Stage::Collecting { bot: BotRef::from_source("bot_1"), since: noon() };
    let looked = |minutes: i64, read: i64| {
        let at = |minutes: i64| Some(noon() + chrono::TimeDelta::minutes(minutes));
        let seen = Seen { looked_at: at(minutes), read_at: at(read), ..posting.seen.clone() };
        Posting { seen, ..posting.clone() }
    };
    let rows = [
        (looked(0, 0), 1, "rest 2"),
        (looked(5, 5), 10, "look"),
        (looked(10, 10), 10, "finish Attended"),
        (looked(10, 5), 10, "rest 30"),
        (looked(60, 5), 61, "rest 90"),
        (looked(1_430, 5), 1_440, "finish Attended"),
    ];
    for (posting, minutes, want) in rows {
        assert_eq!(at(&posting, &terms(), minutes), want, "{:?} at {minutes}", posting.seen);
    }
}

#[test]
fn bot_12_what_a_provider_says_of_a_transcript_counts() {
    use Completeness::{Complete, Partial, Short};
    let judge = |readiness, is_unread, hours: i64, is_over| {
        let mut posting = sent(BotPhase::Done, 30);
        let bot = BotRef::from_source("bot_1");
        posting.seen.joined_at = Some(noon());
        posting.seen.recorded = Duration::from_hours(hours.unsigned_abs());
        posting.seen.transcript = readiness;
        posting.seen.is_unread = is_unread;
        posting.stage = if is_over {
            Stage::Over { bot: Some(bot), outcome: Outcome::Attended, since: noon() }
        } else {
            Stage::Collecting { bot, since: noon() }
        };
        posting.completeness()
    };
    let rows = [
        (Readiness::Complete, false, 0, true, Some(Complete)),
        (Readiness::Complete, false, 1, true, Some(Short)),
        (Readiness::Complete, true, 0, true, Some(Partial)),
        (Readiness::None, false, 0, true, Some(Complete)),
        (Readiness::Partial, false, 1, true, Some(Partial)),
        (Readiness::Running, false, 0, true, Some(Partial)),
        (Readiness::Running, false, 0, false, None),
        (Readiness::Complete, false, 1, false, Some(Short)),
    ];
    for (readiness, is_unread, hours, is_over, want) in rows {
        let got = judge(readiness, is_unread, hours, is_over);
        assert_eq!(got, want, "{readiness:?} unread {is_unread}, {hours} h, over {is_over}");
    }
    assert_eq!(sent(BotPhase::InCall, 1).completeness(), None, "it is under way");
    let one = |readiness| {
        let mut posting = sent(BotPhase::Done, 30);
        let bot = Some(BotRef::from_source("bot_1"));
        posting.stage = Stage::Over { bot, outcome: Outcome::Attended, since: noon() };
        Posting { seen: Seen { transcript: readiness, ..posting.seen.clone() }, ..posting }
    };
    let both = [one(Readiness::Partial), one(Readiness::Complete), posting()];
    assert_eq!(completeness(&both), Some(Partial), "the worst of several bots counts");
}

fn needs<'a>(
    room: &'a MeetingKey,
    provider: &'a Provider,
    meetings: &'a [Meeting],
    postings: &'a [Posting],
    policies: &'a HashMap<UserId, BotPolicy>,
) -> Needs<'a> {
    let (tenant, now) = (tenant(), noon() - chrono::TimeDelta::hours(1));
    Needs { tenant, room, version: 0, provider, meetings, postings, policies, now }
}

/// Another event in the room, which begins so many minutes later and takes as many.
fn other(name: &str, starts: i64, minutes: i64) -> Meeting {
    let uid = EventUid::from_source(name);
    let of = meeting();
    let starts_at = noon() + chrono::TimeDelta::minutes(starts);
    Meeting {
        id: meeting_id(tenant(), of.owner, &uid, None),
        uid,
        starts_at,
        ends_at: starts_at + chrono::TimeDelta::minutes(minutes),
        choice: Some(Choice { kind: ChoiceKind::Send, at: noon() - chrono::TimeDelta::hours(2) }),
        ..of
    }
}

#[test]
fn keeping_out_goes_before_every_meeting_that_overlaps_in_the_room() {
    let room = meeting().link.unwrap().key;
    let provider = Provider::new("attendee");
    let policies = HashMap::new();
    let kept = Choice { kind: ChoiceKind::KeepOut, at: noon() };
    let meetings = [
        other("one", 0, 60),
        Meeting { choice: Some(kept), ..other("two", 15, 60) },
        other("three", 75, 30),
    ];
    let staffing = staff(needs(&room, &provider, &meetings, &[], &policies));
    let starts: Vec<DateTime<Utc>> =
        staffing.changes.iter().map(|change| change.posting.starts_at).collect();
    assert_eq!(starts, [noon() + chrono::TimeDelta::minutes(75)]);
    assert_eq!(staffing.again_at, Some(noon()), "the next border of a meeting");
}

#[test]
fn a_bot_that_overruns_leaves_when_the_next_meeting_begins() {
    let room = meeting().link.unwrap().key;
    let provider = Provider::new("attendee");
    let policies = HashMap::new();
    let kept = Choice { kind: ChoiceKind::KeepOut, at: noon() };
    let first = sent(BotPhase::InCall, 29);
    let next = [
        other("two", 30, 30),
        Meeting { choice: None, ..other("of others", 30, 30) },
        Meeting { choice: Some(kept), ..other("private", 30, 30) },
    ];
    for next in next {
        let meetings = [other("one", 0, 30), next];
        let wish = |posting: &Posting, now: i64| {
            let postings = [posting.clone()];
            let now = noon() + chrono::TimeDelta::minutes(now);
            let all = Needs { now, ..needs(&room, &provider, &meetings, &postings, &policies) };
            let changes = staff(all).changes.into_iter();
            let of_first = changes.map(|change| change.posting).find(|one| one.id == first.id);
            of_first.unwrap_or_else(|| posting.clone())
        };
        assert_eq!(wish(&first, 29).wish, Wish::Attend);
        let left = wish(&first, 30);
        assert_ne!(left.wish, Wish::Attend, "{:?}", meetings[1]);
        assert_eq!(wish(&left, 31).wish, left.wish, "it is not called back");
    }
    let longer = [other("one", 0, 60), other("two", 30, 30)];
    let postings = [first.clone()];
    let now = noon() + chrono::TimeDelta::minutes(31);
    let all = Needs { now, ..needs(&room, &provider, &longer, &postings, &policies) };
    let changes = staff(all).changes.into_iter().map(|change| change.posting);
    let stays =
        changes.filter(|posting| posting.id == first.id).all(|one| one.wish == Wish::Attend);
    assert!(stays, "its meeting lasts longer than was said");
}

#[test]
fn an_event_of_every_minute_gets_one_bot_at_a_time() {
    let room = meeting().link.unwrap().key;
    let provider = Provider::new("attendee");
    let policies = [(meeting().owner, BotPolicy::All)].into();
    let minutely = |n: i64| {
        let original = EventTime::At { at: noon().fixed_offset(), zone: None };
        let (uid, choice) = (EventUid::from_source("bomb"), None);
        let id = MeetingId::derived(&[&n.to_be_bytes()]);
        Meeting { id, uid, original: Some(original), choice, ..other("bomb", n, 60) }
    };
    let meetings: Vec<Meeting> = (0..180).map(minutely).collect();
    let staffing = staff(needs(&room, &provider, &meetings, &[], &policies));
    assert_eq!(staffing.changes.len(), 3);
}

#[test]
fn the_stored_form_of_a_posting() {
    let mut posting = sent(BotPhase::InCall, 1);
    posting.seen.ending = Some(Ending { reason: EndReason::Alone, word: None });
    posting.seen.cursor = Some(Cursor::from_source("12"));
    posting.trouble = Some(Trouble {
        attempt: 1,
        error: "bots.find failed".to_owned(),
        waits_for: None,
        retry_at: noon(),
    });
    insta::assert_json_snapshot!(posting);
    let stages = [
        Stage::Wanted,
        Stage::Asked(Asked { refusals: 1, missed_at: Some(noon()) }),
        Stage::Collecting { bot: BotRef::from_source("bot_1"), since: noon() },
        Stage::Over { bot: None, outcome: Outcome::Missed, since: noon() },
    ];
    insta::assert_json_snapshot!(stages);
}
