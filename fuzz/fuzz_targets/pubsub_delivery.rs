//! A delivery that nobody signed is refused, whatever its header and its body hold.
#![no_main]

use std::sync::Arc;

use besunny_core::{budget::Unmetered, push::{Delivery, Receiver}};
use besunny_google::{Credentials, Gmail, GoogleConfig, GoogleTokens, Http, PushConfig};
use besunny_testkit::clock::ManualClock;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|parts: (&str, &[u8])| {
    let http = Http::new(GoogleConfig::default(), Arc::new(ManualClock::default())).unwrap();
    let tokens = GoogleTokens::new(http.clone(), Credentials::File("none".into()));
    let push = PushConfig {
        topic: "projects/p/topics/t".to_owned(),
        subscription: "projects/p/subscriptions/s".to_owned(),
        audience: "https://example.org/".to_owned(),
        service_account: "push@example.org".to_owned(),
    };
    let gmail = Gmail::new(http, Arc::new(tokens), Arc::new(Unmetered)).with_push(push).unwrap();
    let bearer = format!("Bearer {}", parts.0);
    let headers = [("authorization", bearer.as_bytes())];
    let received_at = chrono::DateTime::UNIX_EPOCH;
    let delivery = Delivery { path: "/", headers: &headers, body: parts.1, received_at };
    assert!(gmail.receive(&delivery, &[]).is_err());
});
