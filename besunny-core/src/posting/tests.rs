use super::*;
use crate::{
    address::Username,
    bot::{EndReason, Schedules},
    calendar::{Attendance, Attendee, EventUid},
    ids::TenantId,
    mail::Mailbox,
    meeting::{Meeting, MeetingLink, MeetingStatus, meeting_id},
};

fn mailbox(address: &str) -> Mailbox {
    Mailbox { name: None, address: address.to_owned().into() }
}

fn attendee(address: &str, is_self: bool) -> Attendee {
    let (mailbox, answer) = (mailbox(address), Attendance::Accepted);
    Attendee { mailbox, answer, is_self, is_resource: false }
}

fn noon() -> DateTime<Utc> {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn meeting() -> Meeting {
    let (tenant, owner) = (TenantId::derived(&[b"acme"]), UserId::derived(&[b"ann"]));
    let uid = EventUid::from_source("one");
    Meeting {
        id: meeting_id(tenant, owner, &uid, None),
        version: 1,
        owner,
        uid,
        original: None,
        starts_at: noon(),
        ends_at: noon() + Duration::from_mins(30),
        status: MeetingStatus::Planned,
        title: None,
        link: MeetingLink::of_url("https://meet.google.com/abc-defg-hij"),
        organizer: Some(mailbox("bob@Example.com")),
        attendees: vec![attendee("ann@example.com", true), attendee("bob@example.com", false)],
        answer: Attendance::Accepted,
        is_own: Some(false),
        invited: Vec::new(),
        choice: None,
    }
}

#[test]
fn bot_5_which_meetings_get_a_bot_by_policy_and_by_hand() {
    use BotPolicy::{All, ExternalOnly, InvitedOnly, Never, OrganizerOnly};
    let choice = |kind| Some(Choice { kind, at: noon() });
    let invited = vec![Username::parse("ann").unwrap()];
    let stranger = attendee("eve@elsewhere.example", false);
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
        (BotPhase::Committed, -6, -4, "look"),
        (BotPhase::InCall, 5, 6, "rest 7"),
        (BotPhase::InCall, 5, 7, "look"),
        (BotPhase::Processing, 31, 31, "rest 32"),
        (BotPhase::Processing, 31, 32, "look"),
        (BotPhase::Lobby, 31, 30 + 6 * 60, "look"),
        (BotPhase::Committed, 31, 30 + 6 * 60, "finish Failed"),
        (BotPhase::InCall, 31, 30 + 24 * 60, "finish Failed"),
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
    let bot = |phase: Option<BotPhase>| crate::bot::Bot {
        at: BotRef::from_source("bot_1"),
        phase,
        word: "word".to_owned().into(),
        capture: Capture::On,
        ending: None,
        join_at: None,
        dedup_key: None,
        metadata: Default::default(),
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
fn the_stored_form_of_a_posting() {
    let mut posting = sent(BotPhase::InCall, 1);
    posting.seen.ending = Some(Ending { reason: EndReason::Alone, word: None });
    posting.seen.cursor = Some(Cursor::from_source("12"));
    posting.trouble = Some(WatchTrouble {
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
