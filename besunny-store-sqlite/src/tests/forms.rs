//! The JSON in the columns: a database of today must be readable for ever.
use std::{fmt::Debug, time::Duration};

use besunny_core::{
    address::Username,
    calendar::{Attendance, CalendarEvent, EventTime, EventUid},
    classify::{
        Alternative, Earlier, Evidence, Making, Ruling, Signal, Stage, Unheard, Verdict,
        cascade::Known,
    },
    contender::Contender,
    document::{Decider, DocumentKind, DocumentState, Origin, Review, ReviewReason, Route},
    event::News,
    experiment::{Arm, Trial},
    failure::Trouble,
    feedback::{Act, Asking, Deed, Move, RuleChange},
    history::Fact,
    ids::{
        AccountId, CommitId, DocumentId, OnboardingId, ProjectId, RuleId, StreamId, TenantId,
        UserId, WatchId,
    },
    item::{IgnoredReason, Oversized, QuarantineReason},
    job::Task,
    label::{Answer, Said, Teacher, Truth},
    language::Usage,
    learner::Guess,
    mail::RecipientKind,
    meeting::{Meeting, MeetingLink, MeetingStatus, meeting_id},
    onboarding::{Dropped, Generated, Onboarding, PRODUCTION, Source},
    profile::{Field, Profile},
    project::{Period, Signals},
    promise::{Guessed, Promises},
    push::Watch,
    repository::Learned,
    scheduler::PauseReason,
    shadow::{Shadow, View},
    source::{Cursor, ItemId, Next, PageToken, Relist, Scope, Sweep},
    standing::{Match, MatchKind, NewRule, Says, StandingRule},
    tenant::Allowed,
    track::{Missing, ScanId, Steer, Track},
    untrusted::Untrusted,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Reads values back.
type Check = Box<dyn Fn(&[Value])>;

/// What is written into one kind of column, and how it is read back.
struct Form {
    column: &'static str,
    written: Vec<Value>,
    check: Check,
}

fn form<T>(column: &'static str, values: Vec<T>) -> Form
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    let written = values.iter().map(|value| serde_json::to_value(value).unwrap()).collect();
    let check = Box::new(move |stored: &[Value]| {
        let read: Vec<T> = stored
            .iter()
            .map(|stored| serde_json::from_value(stored.clone()).expect("a readable form"))
            .collect();
        assert_eq!(read, values, "{column}");
    });
    Form { column, written, check }
}

fn project() -> ProjectId {
    ProjectId::derived(&[b"project"])
}

fn user() -> UserId {
    UserId::derived(&[b"user"])
}

fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn item() -> ItemId {
    ItemId::from_source("item")
}

fn act_id() -> CommitId {
    CommitId::derived(&[b"act"])
}

fn rule() -> StandingRule {
    let of = Match::Sender("bob@client.example".to_owned());
    let wanted = NewRule { project: project(), says: Says::Never, of };
    let tenant = TenantId::derived(&[b"tenant"]);
    StandingRule::new(tenant, wanted, (user(), user()), instant(1_800_000_000)).unwrap()
}

/// Rules of every kind of match.
fn rules() -> Vec<StandingRule> {
    let kinds = [
        (MatchKind::Sender, "bob@client.example", Says::Always),
        (MatchKind::Domain, "client.example", Says::Always),
        (MatchKind::Thread, "1@client.example", Says::Always),
        (MatchKind::Subject, "the plan", Says::Never),
    ];
    let made =
        kinds.map(|(kind, text, says)| StandingRule { of: kind.of_text(text), says, ..rule() });
    made.into()
}

fn deeds() -> Vec<Deed> {
    let rule = RuleId::derived(&[b"rule"]);
    vec![
        Deed::Assign { to: project() },
        Deed::Unassign,
        Deed::Decline,
        Deed::Confirm,
        Deed::Accept { rule },
        Deed::Withdraw { rule },
        Deed::Undo { act: act_id() },
    ]
}

fn rule_changes() -> Vec<RuleChange> {
    let (id, owner, by) = (act_id(), user(), user());
    let asking = Asking { id, owner, by, at: instant(1_800_000_000) };
    Act::withdraw(asking, rule()).rules
}

fn moves() -> Vec<Move> {
    let document = DocumentId::derived(&[b"document"]);
    let (before, after) = (DocumentState::Pending, DocumentState::NoProject { by: user() });
    let made = Move { document, version: 3, before, after, truth: None };
    let truth = Some(Truth::Nowhere);
    vec![made.clone(), Move { truth, ..made }]
}

fn states() -> Vec<DocumentState> {
    let route = |by| DocumentState::Routed(Route { project: project(), by, confidence: 0.75 });
    let reasons = [
        ReviewReason::NoEvidence,
        ReviewReason::Ambiguous,
        ReviewReason::BelowThreshold,
        ReviewReason::NoProjects,
        ReviewReason::ClassifierFailed,
        ReviewReason::TakenOut,
        ReviewReason::Barred,
        ReviewReason::Nowhere,
        ReviewReason::Suspicious,
    ];
    let review = |reason| {
        let suggestion = (reason == ReviewReason::Ambiguous).then(project);
        DocumentState::NeedsReview(Review { reason, suggestion })
    };
    let decided = [
        Decider::Classifier("rules-1".to_owned()),
        Decider::Person(user()),
        Decider::Rule(rule().id),
    ]
    .map(route);
    let simple = [DocumentState::Pending, DocumentState::NoProject { by: user() }];
    simple.into_iter().chain(decided).chain(reasons.map(review)).collect()
}

/// A verdict with evidence of every kind.
fn verdict() -> Verdict {
    let signals = [
        Signal::Thread,
        Signal::Code,
        Signal::NameInSubject,
        Signal::NameInText,
        Signal::Person,
        Signal::Domain,
        Signal::Keyword,
        Signal::Sender,
        Signal::Recipients,
        Signal::Subject,
        Signal::Words,
        Signal::Similar,
        Signal::Quote,
        Signal::Imitation,
    ];
    let evidence = signals.map(|signal| Evidence {
        project: project(),
        signal,
        quote: Untrusted::new("HBL-7".to_owned()),
        weight: 0.5,
        earlier: (signal == Signal::Sender).then_some(Earlier { here: 7, all: 8 }),
    });
    Verdict {
        classifier: "rules-1".to_owned(),
        choice: Some(project()),
        confidence: 0.75,
        evidence: evidence.into(),
        alternatives: vec![Alternative { project: project(), confidence: 0.25 }],
        made: Making {
            model: Some("model-1".to_owned()),
            prompt_sha256: Some("c0ffee".to_owned()),
            input_tokens: 900,
            output_tokens: 40,
            cost_micros: 120,
            took: Duration::from_millis(350),
        },
    }
}

fn facts() -> Vec<Fact> {
    let verdict = verdict();
    let ruling = Ruling {
        stage: Stage::Learned,
        needed: Some(0.5),
        promised: Some(0.75),
        others: vec![verdict.clone()],
        known: Some(Known { version: Some(2), answers: 51 }),
        trial: Some(Trial { experiment: "language".to_owned(), arm: Arm::Treatment }),
        unheard: None,
    };
    let why = "the language model did not answer: the server is unavailable".to_owned();
    let unheard = Ruling { unheard: Some(Unheard { why, is_out: true }), ..Ruling::default() };
    vec![
        Fact::Stored { origin: Origin { account: AccountId::derived(&[b"a"]), item: item() } },
        Fact::Decided {
            verdict: Box::new(verdict.clone()),
            state: DocumentState::Pending,
            ruling: Box::new(ruling.clone()),
            barred: Vec::new(),
        },
        Fact::Decided {
            verdict: Box::new(verdict),
            state: DocumentState::Pending,
            ruling: Box::new(ruling),
            barred: vec![rule()],
        },
        Fact::Decided {
            verdict: Box::new(self::verdict()),
            state: DocumentState::Pending,
            ruling: Box::new(unheard),
            barred: Vec::new(),
        },
        Fact::Ruled { rule: Box::new(rule()), state: DocumentState::Pending, act: None },
        Fact::Ruled { rule: Box::new(rule()), state: DocumentState::Pending, act: Some(act_id()) },
        Fact::ClassifierFailed { why: "no answer".to_owned() },
        Fact::Removed,
        Fact::Restored,
    ]
}

fn shadows() -> Vec<Shadow> {
    let (document, at) = (DocumentId::derived(&[b"document"]), instant(1_800_000_000));
    let (verdict, ruling) = (Box::new(verdict()), Box::default());
    let decided = View::Decided { verdict, state: DocumentState::Pending, ruling };
    let failed = View::Failed { why: "no answer".to_owned() };
    let noted = |(with, view)| Shadow { document, version: 2, with, at, view };
    [(Contender::Pinned(7), decided), (Contender::Language, failed)].map(noted).into()
}

/// What people said.
fn facts_of_people() -> Vec<Fact> {
    vec![
        Fact::Assigned { by: user(), from: None, to: Some(project()), act: None },
        Fact::Assigned { by: user(), from: Some(project()), to: None, act: Some(act_id()) },
        Fact::Confirmed { by: user(), project: project(), act: act_id() },
        Fact::Declined { by: user(), from: None, act: act_id() },
        Fact::Undone {
            by: user(),
            undoes: act_id(),
            state: DocumentState::Pending,
            act: CommitId::derived(&[b"undo"]),
        },
    ]
}

/// Every truth and every teacher.
fn answers() -> Vec<Answer> {
    let answer = |truth, by| Answer {
        document: DocumentId::derived(&[b"document"]),
        truth,
        by,
        said: vec![Said {
            classifier: "rules-1".to_owned(),
            choice: Some(project()),
            confidence: 0.75,
            was_taken: true,
        }],
        act: None,
    };
    let by_act = |truth| Answer { act: Some(act_id()), ..answer(truth, Teacher::Person(user())) };
    vec![
        answer(Truth::To(project()), Teacher::Consent),
        answer(Truth::NotTo(project()), Teacher::Person(user())),
        by_act(Truth::Nowhere),
        by_act(Truth::Unsaid(CommitId::derived(&[b"before"]))),
    ]
}

fn promises() -> Promises {
    let mut promises = Promises::default();
    for (name, truth) in [("first", Truth::To(project())), ("second", Truth::NotTo(project()))] {
        let guess = Guess { choice: (name == "first").then(project), confidence: 0.75 };
        let document = DocumentId::derived(&[name.as_bytes()]);
        let (classifier, kind) = ("learned/2", DocumentKind::Email);
        promises.judge(Guessed { classifier, kind, level: 0.95, document, guess }, truth);
    }
    promises
}

fn news() -> Vec<News> {
    vec![
        News::DocumentStored,
        News::DocumentRouted { project: project(), confidence: 0.75 },
        News::DocumentNeedsReview { suggestion: Some(project()) },
        News::DocumentNeedsReview { suggestion: None },
        News::DocumentInNoProject,
        News::DocumentReopened,
        News::DocumentRemoved,
        News::DocumentRestored,
    ]
}

/// The track of a stream in every phase of both lanes.
fn tracks() -> Vec<Track> {
    let page = |page: &str| Next::Page(PageToken::from_source(page));
    let cursor = || Some(Cursor::from_source("17"));
    let begun = |relist| {
        Track::begun(ScanId(3), cursor(), &Scope { revision: 2 }, relist, instant(1_800_000_000))
    };
    let forgets = || begun(Relist { sweep: Sweep::Forget, ..Relist::default() });
    let keeps = begun(Relist { sweep: Sweep::Keep, ..Relist::default() });
    let listing = forgets().listed(page("p2"), 5, Some(9)).unwrap();
    let listed = forgets().listed(Next::End, 5, None).unwrap();
    let swept = listed.clone().swept(Some(item()));
    let held = listed.clone().held(Missing { unseen: 50, members: 60 });
    let accepted = held.clone().steered(Steer::AcceptRemovals);
    let settled = listed.clone().swept(None);
    let following = settled.clone().followed(page("p7")).unwrap();
    let lost = listing.clone().log_lost();
    let failing = [(item(), 4)].into();
    let troubled = Track { failing, ..following.clone() };
    let known = [keeps, listing, listed, swept, held, accepted, settled, following, lost, troubled];
    [Track::default()].into_iter().chain(known).collect()
}

/// A watch in trouble that never began, and one that began.
fn watches() -> Vec<Watch> {
    let (id, since) = (WatchId::derived(&[b"watch"]), instant(1_800_000_000));
    let trouble = Some(Trouble {
        attempt: 2,
        error: "it failed".to_owned(),
        waits_for: Some(PauseReason::MissingPermission),
        retry_at: since,
    });
    let handle = Some("handle".to_owned());
    vec![
        Watch { id, handle: None, since, until: None, trouble },
        Watch { id, handle, since, until: Some(since), trouble: None },
    ]
}

fn words() -> Vec<String> {
    vec!["word".to_owned()]
}

fn period() -> Period {
    let day = |day| NaiveDate::from_ymd_opt(2026, 6, day).unwrap();
    Period::new(day(14), day(16)).unwrap()
}

fn signals() -> Signals {
    Signals { codes: words(), people: words(), domains: words(), keywords: words(), active: None }
}

/// A profile that says something in every field.
fn profile() -> Profile {
    let line = |field: &Field| match field {
        Field::Status => "completed".to_owned(),
        Field::People => "Ann <ann@studio.example> (client_lead)".to_owned(),
        Field::Domains => "studio.example".to_owned(),
        Field::ActivePeriod => period().to_string(),
        Field::ContentTypes => "meeting_transcript".to_owned(),
        Field::ConfidenceThresholds => "gdrive.filename_match 0.5".to_owned(),
        Field::Name
        | Field::Description
        | Field::Notes
        | Field::ProjectCodes
        | Field::ReferenceKeywords
        | Field::NormalizedTags
        | Field::Categories
        | Field::Locations => "word".to_owned(),
    };
    let edits = Field::ALL.iter().map(|field| (*field, vec![line(field)])).collect();
    Profile::default().edited(&edits).unwrap()
}

/// An onboarding that was just begun, and one that has everything.
fn onboardings() -> Vec<Onboarding> {
    let (id, at) = (OnboardingId::derived(&[b"onboarding"]), instant(1_800_000_000));
    let begun = Onboarding::begun(id, user(), &PRODUCTION, at);
    let answered = begun.conversation.clone().answered(&PRODUCTION, "Dykes").unwrap();
    let source = Source::Model {
        model: "model-1".to_owned(),
        prompt: 1,
        usage: Usage { input_tokens: 1, output_tokens: 2, cost_micros: 3 },
    };
    let dropped = Dropped { field: Field::Domains, text: "evil.example".to_owned().into() };
    let generated = Generated { profile: profile(), source, dropped: vec![dropped] };
    let full = Onboarding {
        project: Some(project()),
        generated: Some(generated),
        edits: [(Field::Notes, words())].into(),
        ..begun.clone().with_conversation(answered, at)
    };
    let source = Source::Answers { reason: Some("an outage".to_owned()) };
    let generated = Generated { profile: profile(), source, dropped: Vec::new() };
    let alone = Onboarding { generated: Some(generated), ..begun.clone() };
    vec![begun, full, alone]
}

fn meeting() -> Meeting {
    let (tenant, owner) = (TenantId::derived(&[b"acme"]), UserId::derived(&[b"ann"]));
    let uid = EventUid::from_source("uid");
    Meeting {
        id: meeting_id(tenant, owner, &uid, None),
        version: 1,
        owner,
        uid,
        original: Some(EventTime::Day(DateTime::UNIX_EPOCH.date_naive())),
        starts_at: DateTime::UNIX_EPOCH,
        ends_at: DateTime::UNIX_EPOCH,
        status: MeetingStatus::Tentative,
        title: Some(Untrusted::new("Title".to_owned())),
        link: MeetingLink::of_url("https://zoom.us/j/123456789?pwd=x"),
        organizer: None,
        attendees: Vec::new(),
        answer: Attendance::NeedsAction,
        is_own: Some(true),
        invited: vec![Username::parse("ann").unwrap()],
        choice: None,
    }
}

fn tasks() -> Vec<Task> {
    vec![
        Task::Classify { document: DocumentId::derived(&[b"document"]) },
        Task::AskAgain { document: DocumentId::derived(&[b"document"]), version: 3 },
        Task::File { stream: StreamId::derived(&[b"stream"]), item: item() },
        Task::Meet {
            account: AccountId::derived(&[b"account"]),
            item: item(),
            at: DateTime::UNIX_EPOCH,
        },
        Task::Consent { version: 2, answer: answers().remove(0) },
    ]
}

fn forms() -> Vec<Form> {
    let reason = || "the reason".to_owned();
    let oversized = Oversized {
        size_bytes: 30_000_000,
        limit_bytes: 26_214_400,
        subject: Untrusted::new("Subject".to_owned()),
        from: Untrusted::new("bob@example.org".to_owned()),
    };
    vec![
        form("documents.decision", states()),
        form("history.fact", [facts(), facts_of_people()].concat()),
        form("outbox.news", news()),
        form("streams.track", tracks()),
        form("streams.watch", watches()),
        form("jobs.task", tasks()),
        form("events.event", vec![CalendarEvent::new(EventUid::from_source("uid"))]),
        form("meetings.meeting", vec![meeting()]),
        form("labels.answer", answers()),
        form("models.learned", vec![Learned::default().then(0, 50).then(70, 90)]),
        form("models.promises", vec![promises()]),
        form("tenants.allowed", vec![Allowed { language_models: true }]),
        form(
            "items.reason of ignored",
            vec![
                IgnoredReason::NotAddressed,
                IgnoredReason::UnknownUser(vec![Username::parse("ann").unwrap()]),
                IgnoredReason::AutoReply,
                IgnoredReason::Bounce,
            ],
        ),
        form(
            "items.reason of quarantined",
            vec![
                QuarantineReason::Unreadable(reason()),
                QuarantineReason::Refused(reason()),
                QuarantineReason::TooLarge(Box::new(oversized)),
                QuarantineReason::KeepsFailing(reason()),
                QuarantineReason::NotAnswered,
                QuarantineReason::Panicked,
            ],
        ),
        form("acts.deed", deeds()),
        form("acts.moves", moves()),
        form("acts.rules", rule_changes()),
        form("standing_rules.rule", rules()),
        form("shadows.shadow", shadows()),
        form(
            "detections.kind",
            vec![RecipientKind::To, RecipientKind::Cc, RecipientKind::Bcc, RecipientKind::Envelope],
        ),
        form("project_metadata.profile", vec![profile()]),
        form("onboardings.state", onboardings()),
        form("projects.signals", vec![signals(), Signals { active: Some(period()), ..signals() }]),
    ]
}

#[test]
fn every_stored_form_is_as_it_was() {
    let written: Map<String, Value> = forms()
        .into_iter()
        .map(|form| (form.column.to_owned(), Value::Array(form.written)))
        .collect();
    insta::assert_json_snapshot!("stored_forms", written);
}

/// The text that was reviewed and committed, not what this build would write.
#[test]
fn what_was_stored_is_read_back() {
    let snapshot = include_str!("snapshots/besunny_store_sqlite__tests__forms__stored_forms.snap");
    let (_, text) = snapshot.trim_start_matches("---").split_once("---\n").expect("a header");
    let stored: Map<String, Value> = serde_json::from_str(text).expect("JSON");
    for form in forms() {
        let values = stored[form.column].as_array().expect("a list of forms");
        (form.check)(values);
    }
}
