//! Calls of channels, genuine and forged.
use besunny_core::source::{AccountRef, Subject};
use besunny_core::{budget::Unmetered, ids::AccountId, source::StreamKey};

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn config(secrets: &[&str]) -> ChannelConfig {
    ChannelConfig {
        address: "https://besunny.example/webhooks/calendar".to_owned(),
        secrets: secrets.iter().map(|&secret| secret.into()).collect(),
    }
}

fn request() -> WatchRequest {
    WatchRequest {
        id: WatchId::derived(&[b"w"]),
        stream: StreamRef {
            account: AccountId::derived(&[b"a"]),
            subject: Subject::from_source("ann@example.com"),
            key: StreamKey::from_source("primary"),
        },
        until: "2026-06-08T08:00:00Z".parse().unwrap(),
    }
}

#[derive(Debug)]
struct NoToken;

#[async_trait]
impl besunny_core::token::TokenSource for NoToken {
    async fn token(&self, _: &AccountRef) -> Result<besunny_core::token::AccessToken, SourceError> {
        Err(SourceError::new(SourceErrorKind::Unauthorized, "token"))
    }
    async fn invalidate(&self, _: &AccountRef, _: &besunny_core::token::AccessToken) {}
}

fn calendar(secrets: &[&str]) -> GoogleCalendar<Called> {
    let clock = std::sync::Arc::new(besunny_testkit::clock::ManualClock::default());
    let http = crate::Http::new(crate::GoogleConfig::default(), clock).unwrap();
    let calendar =
        GoogleCalendar::new(http, std::sync::Arc::new(NoToken), std::sync::Arc::new(Unmetered));
    calendar.with_push(config(secrets)).unwrap()
}

fn receive(
    secrets: &[&str],
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Vec<Notice>, Rejected> {
    let headers: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let received_at = "2026-06-01T08:00:00Z".parse().unwrap();
    let delivery = Delivery { path: "/", headers: &headers, body, received_at };
    calendar(secrets).receive(&delivery, &[])
}

#[test]
fn cal_2_a_call_with_the_token_of_its_channel_is_a_hint() {
    let channel = channel_of(&request());
    let token = config(&[SECRET]).token(&channel).unwrap();
    let want = Notice { about: About::Watch(request().id), dedup: Some(format!("{channel} 7")) };
    for state in ["sync", "exists", "not_exists", "new_word"] {
        let headers = [
            ("X-Goog-Channel-ID", &*channel),
            ("X-Goog-Channel-Token", &token),
            ("X-Goog-Resource-State", state),
            ("X-Goog-Message-Number", "7"),
        ];
        assert_eq!(receive(&[SECRET], &headers, b""), Ok(vec![want.clone()]), "{state}");
        assert_eq!(receive(&[SECRET], &headers, b"{}"), Err(Rejected::Unreadable));
        // An older secret proves until its channels have ended.
        let newer = "abcdef0123456789abcdef0123456789";
        assert_eq!(receive(&[newer, SECRET], &headers, b""), Ok(vec![want.clone()]));
        assert_eq!(receive(&[newer], &headers, b""), Err(Rejected::BadSignature));
    }
}

#[test]
fn cal_2_a_call_that_proves_nothing_is_refused() {
    let channel = channel_of(&request());
    let token = config(&[SECRET]).token(&channel).unwrap();
    let other = config(&[SECRET]).token("other").unwrap();
    let mut changed = token.clone();
    changed.replace_range(..1, if changed.starts_with('A') { "B" } else { "A" });
    for (id, token, want) in [
        (&*channel, &*changed, Rejected::BadSignature),
        (&channel, &other, Rejected::BadSignature),
        (&channel, &token[..42], Rejected::BadSignature),
        (&channel, "", Rejected::BadSignature),
        (&channel, "zz", Rejected::BadSignature),
        ("another-1", &token, Rejected::BadSignature),
        ("other", &other, Rejected::Unreadable),
    ] {
        let headers = [(CHANNEL, id), (TOKEN, token), (STATE, "exists"), (NUMBER, "7")];
        assert_eq!(receive(&[SECRET], &headers, b""), Err(want), "{id} {token}");
    }
    let unsigned = Err(Rejected::Unsigned);
    assert_eq!(receive(&[SECRET], &[(CHANNEL, &channel), (STATE, "exists")], b""), unsigned);
    assert_eq!(receive(&[SECRET], &[(TOKEN, &token), (STATE, "exists")], b""), unsigned);
    let stateless = [(CHANNEL, &*channel), (TOKEN, &token)];
    assert_eq!(receive(&[SECRET], &stateless, b""), Err(Rejected::Unreadable));
}

#[test]
fn a_channel_names_its_watch_and_fits_into_an_id() {
    let channel = channel_of(&request());
    assert!(channel.len() <= 64, "{channel}");
    assert_eq!(watch_of(&channel), Some(request().id));
    let again = WatchRequest { until: "2026-06-08T08:00:01Z".parse().unwrap(), ..request() };
    assert_ne!(channel_of(&again), channel);
    assert!(config(&[SECRET]).token(&channel).unwrap().len() <= 256);
    insta::assert_snapshot!(channel);
}

#[test]
fn wrong_forms_are_named() {
    assert!(config(&[SECRET]).check().is_ok());
    for (address, secrets) in [
        ("http://besunny.example/x", vec![SECRET]),
        ("besunny.example", vec![SECRET]),
        ("https://besunny.example/x", vec![]),
        ("https://besunny.example/x", vec!["short"]),
        ("https://besunny.example/x", vec![SECRET, "short"]),
    ] {
        let wrong = ChannelConfig { address: address.to_owned(), ..config(&secrets) };
        assert!(matches!(wrong.check(), Err(ConfigError::Form { .. })), "{address}");
    }
    assert!(!format!("{:?}", config(&[SECRET])).contains(SECRET));
}
