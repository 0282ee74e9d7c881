//! The engine on Gmail over real HTTP, at a simulator that shares no code with the adapter.
use std::{sync::Arc, time::Duration};

use besunny::{
    core::{
        account::Intake,
        message::{Filing, MailFiling, RawMail},
        scheduler::PauseReason,
        source::{Cursor, Fetched, ItemId, Next, Read, Scope, Source, SourceErrorKind},
        token::TokenSource,
    },
    google::{Credentials, GoogleConfig, GoogleTokens, Inquiry, Use, check},
};
use besunny_simulator::{
    Damage, Delivery, Fault, FaultChance, FaultRule, FaultScript, Oddity, Operation, RateRefusal,
    RefusalFault, RetryAfter, SpoiledId, WireFault,
};
use besunny_testkit::clock::ManualClock;

mod calendars;
mod channels;
mod hook;
mod month;
mod pushes;
mod same;
mod stage;

use stage::{ANN, Stage, ann};

const MINUTE: Duration = Duration::from_mins(1);

/// 340 mails cost 6,800 units, more than the 6,000 of a minute: nothing is refused, since calls
/// wait.
#[tokio::test]
async fn a_mailbox_is_read_within_the_quota() {
    let stage = Stage::new(|_| {}).await;
    stage.deliver(0..340, ANN);
    let account = stage.connect(Intake::Whole).await;
    let begin = stage.control().now();
    stage.work().await;
    let took = stage.control().now() - begin;
    let verification = stage.verify(&account).await;
    assert!(verification.is_complete(), "{verification:?}");
    assert_eq!(verification.stored, 340);
    let usage = &stage.control().usage()[ANN];
    let refused: u64 = usage.values().map(|usage| usage.refused).sum();
    assert_eq!(refused, 0, "{usage:?}");
    assert_eq!(usage[&Operation::GetMessage].calls, 340, "each mail is fetched once");
    assert!(took.num_seconds() <= 70, "{took} for 6,800 units at 6,000 a minute");
}

/// What may happen to any request, each with the same chance.
fn troubles() -> Vec<Fault> {
    let limited =
        |refusal, retry_after| Fault::Refusal(RefusalFault::RateLimited { refusal, retry_after });
    let broken =
        |status, retry_after| Fault::Refusal(RefusalFault::ServerError { status, retry_after });
    vec![
        limited(RateRefusal::TooManyRequests, RetryAfter::Absent),
        limited(RateRefusal::TooManyRequests, RetryAfter::Seconds(7)),
        limited(RateRefusal::Forbidden, RetryAfter::HttpDate(3)),
        broken(500, RetryAfter::Absent),
        broken(503, RetryAfter::Seconds(2)),
        Fault::Refusal(RefusalFault::HtmlError { status: 502 }),
        Fault::Refusal(RefusalFault::EmptyError { status: 504 }),
        Fault::Refusal(RefusalFault::ExpiredToken),
        Fault::Refusal(RefusalFault::DeadPageToken),
        Fault::Damage(Damage::InvalidJson),
        Fault::Damage(Damage::UnpaddedBase64),
        Fault::Damage(Damage::EmptyPage),
        Fault::Damage(Damage::RepeatPageToken),
        Fault::Damage(Damage::MalformedItem { id: SpoiledId::Readable }),
        Fault::Damage(Damage::MalformedItem { id: SpoiledId::Unreadable }),
        odd("historyId", Oddity::Number),
        odd("historyId", Oddity::Missing),
        odd("internalDate", Oddity::Null),
        odd("labelIds", Oddity::Missing),
        Fault::Wire(WireFault::DropRequest),
        Fault::Wire(WireFault::DropAnswer),
        Fault::Wire(WireFault::CutBody),
        Fault::Wire(WireFault::StallBody),
        Fault::Wire(WireFault::Stall),
        Fault::Wire(WireFault::Gzip),
        Fault::Wire(WireFault::Latency { ms: 400 }),
        Fault::Wire(WireFault::SlowBody { pause_ms: 50 }),
    ]
}

fn odd(field: &str, oddity: Oddity) -> Fault {
    Fault::Damage(Damage::OddField { field: field.to_owned(), oddity })
}

fn script(seed: u64) -> FaultScript {
    let chance = |fault| FaultChance { operation: None, account: None, probability: 0.01, fault };
    let mut chances: Vec<_> = troubles().into_iter().map(chance).collect();
    chances.push(FaultChance {
        operation: Some(Operation::ListHistory),
        probability: 0.1,
        ..chance(Fault::Refusal(RefusalFault::ExpiredHistory))
    });
    FaultScript { rules: Vec::new(), chances, seed: Some(seed) }
}

/// Nothing is lost and nothing doubled, whatever the neighbours do (I1, I2).
///
/// A mail whose fetch failed five times is quarantined by the engine; a person asks for it.
#[tokio::test]
async fn nothing_is_lost_under_faults() {
    let mut fired = std::collections::BTreeMap::new();
    for seed in 0..6 {
        let stage = Stage::new(|config| config.seed = seed).await;
        stage.deliver(0..60, ANN);
        let account = stage.connect(Intake::Whole).await;
        stage.control().set_faults(script(seed));
        for wave in 1..6_u32 {
            stage.live(MINUTE).await;
            stage.deliver(wave * 100..wave * 100 + 30, ANN);
            let ids = stage.ann().ids_in_scope();
            let place = usize::try_from(seed).unwrap() + usize::try_from(wave).unwrap();
            stage.ann().delete(&ids[place]).unwrap();
            stage.ann().trash(&ids[place + 3]).unwrap();
            if wave == 3 {
                stage.ann().expire_history();
            }
        }
        stage.live(MINUTE * 5).await;
        stage.control().set_faults(FaultScript::default());
        stage.live(MINUTE * 40).await;
        stage.ask_for_quarantined().await;
        stage.live(MINUTE).await;
        let want = stage.ann().ids_in_scope().len();
        let verification = stage.verify(&account).await;
        let status = stage.status().await;
        assert!(verification.is_complete(), "seed {seed}: {verification:?} {status:?}");
        let items = (status.items.stored, status.items.ignored, status.items.quarantined);
        assert_eq!(items, (u64::try_from(want).unwrap(), 0, 0), "seed {seed}");
        assert_eq!((status.paused, status.attempt), (None, 0), "seed {seed}: {:?}", status.error);
        for (kind, count) in stage.control().fired() {
            *fired.entry(kind).or_insert(0) += count;
        }
    }
    assert!(fired.len() >= 15, "too few kinds of faults struck: {fired:?}");
}

/// The same with the engine's own tasks, as in a server.
#[tokio::test]
async fn the_running_engine_follows_gmail() {
    let stage = Stage::new(|_| {}).await;
    stage.deliver(0..5, ANN);
    let account = stage.connect(Intake::Whole).await;
    let engine = stage.besunny.start();
    for number in 5..8 {
        stage.pass_until(async || stage.status().await.items.stored == u64::from(number)).await;
        stage.deliver(number..number + 1, ANN);
    }
    stage.pass_until(async || stage.status().await.items.stored == 8).await;
    assert!(engine.stop().await, "the tasks end when asked to");
    assert!(stage.verify(&account).await.is_complete());
}

/// A dead grant pauses the stream, is not asked for again, and loses nothing.
#[tokio::test]
async fn a_revoked_grant_pauses_and_is_not_tried_again() {
    let stage = Stage::new(|_| {}).await;
    stage.deliver(0..5, ANN);
    stage.connect(Intake::Whole).await;
    stage.live(MINUTE).await;
    stage.ann().revoke().unwrap();
    stage.deliver(5..8, ANN);
    stage.live(MINUTE * 60).await;
    let status = stage.status().await;
    assert_eq!(status.paused, Some(PauseReason::Reconnect), "{:?}", status.error);
    let tokens = || {
        let usage = stage.control().requests();
        usage.iter().filter(|entry| entry.operation == Operation::Token).count()
    };
    assert_eq!(tokens(), 2, "one for the first token, one that says the grant is dead");
    assert_eq!(status.items.stored, 5);
}

/// A dead refresh token is asked for once; a new one in the file heals the account (AUTH-5).
#[tokio::test]
async fn a_new_refresh_token_heals_and_a_dead_one_is_left_alone() {
    let stage = Stage::new(|_| {}).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token.json");
    stage::write_token(&path, stage.control());
    let http = stage::http(&stage.simulator, &stage.clock);
    let tokens = GoogleTokens::new(http, Credentials::File(path.clone()));
    stage.ann().revoke().unwrap();
    for _ in 0..3 {
        let error = stage.drive(tokens.token(&ann())).await.unwrap_err();
        assert_eq!(error.kind, SourceErrorKind::Unauthorized);
    }
    assert_eq!(stage.control().requests().len(), 1);
    stage::write_token(&path, stage.control());
    stage.drive(tokens.token(&ann())).await.unwrap();
}

/// Ten callers at once lead to one refresh, and a refused token to one more.
#[tokio::test]
async fn refreshes_fly_alone() {
    let stage = Stage::new(|_| {}).await;
    let http = stage::http(&stage.simulator, &stage.clock);
    let tokens = GoogleTokens::new(http, stage::credentials(stage.control()));
    let account = ann();
    let before = stage.ann().refreshes();
    let all = || futures::future::join_all((0..10).map(|_| tokens.token(&account)));
    let held = stage.drive(all()).await.remove(0).unwrap();
    assert_eq!(stage.ann().refreshes() - before, 1);
    stage.drive(tokens.invalidate(&account, &held)).await;
    stage.drive(all()).await;
    stage.drive(tokens.invalidate(&account, &held)).await;
    stage.drive(all()).await;
    assert_eq!(stage.ann().refreshes() - before, 2, "the old token says nothing of the new one");
    stage.advance(Duration::from_mins(49));
    stage.drive(all()).await;
    assert_eq!(stage.ann().refreshes() - before, 3, "refreshed at 80 % of its life");
    assert!(!format!("{tokens:?} {held:?}").contains("ya29"));
}

/// The token endpoint is down: a token that still lives goes on being used.
#[tokio::test]
async fn a_token_outlives_an_outage_of_the_token_endpoint() {
    let stage = Stage::new(|_| {}).await;
    let http = stage::http(&stage.simulator, &stage.clock);
    let tokens = GoogleTokens::new(http, stage::credentials(stage.control()));
    stage.drive(tokens.token(&ann())).await.unwrap();
    let down = RefusalFault::ServerError { status: 503, retry_after: RetryAfter::Seconds(5) };
    let rule = FaultRule::always(Operation::Token, Fault::Refusal(down));
    stage.control().add_fault(rule);
    stage.advance(Duration::from_mins(50));
    assert!(stage.drive(tokens.token(&ann())).await.is_ok());
    stage.advance(Duration::from_mins(10));
    let error = stage.drive(tokens.token(&ann())).await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_secs(5)));
    assert_eq!(error.to_string(), "oauth.token failed: the source is unavailable");
}

/// MAIL-14: the label is made once, and marking twice is marking once.
#[tokio::test]
async fn processed_mail_is_marked_once() {
    let stage = Stage::new(|_| {}).await;
    stage.deliver(0..3, "ai+ann@besunny.example");
    stage.connect(Intake::Master).await;
    stage.live(MINUTE).await;
    let usage = &stage.control().usage()[ANN];
    assert_eq!(usage[&Operation::CreateLabel].calls, 1);
    assert_eq!(usage[&Operation::ModifyMessage].calls, 3);
    let id = ItemId::from_source(stage.ann().message_ids().remove(0));
    let at = stage::mailbox();
    let history = stage.ann().history_id();
    let filing = Filing::ReadAndLabel("besunny/PROCESSED".to_owned());
    stage.drive(stage.gmail.file(&at, &id, &filing)).await.unwrap();
    assert_eq!(stage.ann().history_id(), history, "it was marked before, whatever the case");
    for (id, is_good) in [("0000000000000000", true), ("..", true), ("", true), ("../../x", false)]
    {
        let filed = stage.drive(stage.gmail.file(&at, &ItemId::from_source(id), &filing)).await;
        assert_eq!(filed.is_ok(), is_good, "{id}");
    }
    let paths = stage.control().requests().into_iter().map(|entry| entry.path);
    assert!(
        paths.into_iter().all(|path| path.starts_with("/gmail/v1/users/me/") || path == "/token")
    );
}

/// An item that cannot be decoded is quarantined alone, and read again when a person asks.
#[tokio::test]
async fn an_undecodable_mail_is_quarantined_and_can_be_read_again() {
    let stage = Stage::new(|_| {}).await;
    stage.deliver(0..5, ANN);
    let id = stage.ann().message_ids().remove(2);
    let rule = FaultRule::always(Operation::GetMessage, odd("raw", Oddity::Missing));
    stage.control().add_fault(FaultRule { message: Some(id.clone()), ..rule });
    let account = stage.connect(Intake::Whole).await;
    stage.live(MINUTE).await;
    let status = stage.status().await;
    assert_eq!((status.items.stored, status.items.quarantined), (4, 1));
    stage.control().set_faults(FaultScript::default());
    let again = [ItemId::from_source(id)];
    stage.besunny.retry(&stage.scope, status.id, &again).await.unwrap();
    stage.live(MINUTE).await;
    assert_eq!(stage.verify(&account).await.stored, 5);
}

/// MAIL-18: more than is read whole keeps its headers; ids that are none reach nothing else.
#[tokio::test]
async fn what_a_fetch_answers() {
    let stage = Stage::new(|_| {}).await;
    let config = GoogleConfig { max_mail_bytes: 2_000, ..stage::config(&stage.simulator) };
    let gmail = stage.gmail_with(config);
    let body = "x".repeat(1_000_000);
    let large = format!("Subject: large\r\nTo: ann@example.test\r\n\r\n{body}");
    let large = stage.ann().deliver(large, &Delivery::default()).unwrap().id;
    let (at, scope) = (stage::mailbox(), Scope::default());
    let fetched = stage.drive(gmail.fetch(&at, &[ItemId::from_source(large)])).await.unwrap();
    let [Fetched::Present(_, message)] = fetched.as_slice() else { panic!("{fetched:?}") };
    let RawMail::TooLarge { headers, size_bytes } = &message.raw else { panic!("{message:?}") };
    assert_eq!(&headers[..], b"Subject: large\r\nTo: ann@example.test\r\n\r\n");
    assert!((1_000_000..1_001_000).contains(size_bytes), "{size_bytes}");
    for odd in ["../../x", "a?b=1", "a/modify", "x#y", "..", "", "%2e%2e", "0000000000000000"] {
        let fetched = stage.drive(gmail.fetch(&at, &[ItemId::from_source(odd)])).await.unwrap();
        assert!(matches!(fetched.as_slice(), [Fetched::Gone(id)] if id.as_str() == odd), "{odd}");
    }
    let is_message = |path: &str| {
        path.strip_prefix("/gmail/v1/users/me/messages/").is_some_and(|rest| !rest.contains('/'))
    };
    let requests = stage.control().requests();
    let mut asked = requests.iter().filter(|entry| entry.operation != Operation::Token);
    assert!(asked.all(|entry| is_message(&entry.path)), "{requests:?}");
    let head = stage.drive(gmail.head(&at, &scope)).await.unwrap().unwrap();
    assert_eq!(head.as_str(), stage.ann().history_id().to_string(), "the stored form of a cursor");
    for lost in ["", "x", "-1", "999999999999999999999999999999"] {
        let cursor = Cursor::from_source(lost);
        let read = stage.drive(gmail.changes_since(&at, &cursor, None)).await.unwrap();
        assert!(matches!(read, Read::Relist(_)), "{lost}");
    }
}

/// The first page of a listing says about how many mails there are; no other asks for it.
#[tokio::test]
async fn a_long_listing_says_how_many_mails_there_are() {
    let stage = Stage::new(|_| {}).await;
    stage.deliver(0..60, ANN);
    let gmail = stage.gmail_with(stage::config(&stage.simulator));
    let (at, scope) = (stage::mailbox(), Scope::default());
    let (mut totals, mut from) = (Vec::new(), None);
    loop {
        let page = stage.drive(gmail.list(&at, &scope, from.as_ref())).await.unwrap();
        totals.push(page.total);
        let Next::Page(next) = page.next else { break };
        from = Some(next);
    }
    assert_eq!(totals, [Some(60), None, None]);
    assert_eq!(stage.control().usage()[ANN][&Operation::GetProfile].calls, 1);
}

/// What `doctor` says.
#[tokio::test]
async fn a_check_names_the_setting_and_the_fix() {
    let stage = Stage::new(|_| {}).await;
    let credentials = stage::credentials(stage.control());
    let good = stage::config(&stage.simulator);
    let (account, push) = (ann(), stage::push());
    let asked = async |config, purpose, calendars| {
        let inquiry = Inquiry {
            config,
            credentials: &credentials,
            account: &account,
            calendars,
            push: Some(&push),
            purpose,
        };
        let findings = stage.drive(check(inquiry, Arc::<ManualClock>::clone(&stage.clock))).await;
        findings.iter().map(|finding| finding.setting).collect::<Vec<_>>()
    };
    let found = async |config, purpose| asked(config, purpose, false).await;
    assert_eq!(found(&good, Use::File).await, [""; 0]);
    assert_eq!(asked(&good, Use::Read, true).await, [""; 0]);
    let mut insecure = good.clone();
    insecure.endpoints.gmail = "http://gmail.googleapis.com".to_owned();
    assert_eq!(found(&insecure, Use::Read).await, ["endpoints"]);
    stage.clock.advance(MINUTE * 2);
    assert_eq!(found(&good, Use::File).await, ["clock"]);
    stage.control().advance(MINUTE * 2);
    let readonly = ["https://www.googleapis.com/auth/gmail.readonly".to_owned()];
    stage.ann().set_scopes(&readonly).unwrap();
    assert_eq!(found(&good, Use::Read).await, [""; 0]);
    assert_eq!(found(&good, Use::File).await, ["scopes"]);
    assert_eq!(asked(&good, Use::Read, true).await, ["scopes"]);
    stage.ann().revoke().unwrap();
    assert_eq!(found(&good, Use::Read).await, ["grant"]);
}
