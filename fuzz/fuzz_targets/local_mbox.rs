//! Every mail that a listing of a mailbox file names can be fetched, whatever the file holds.
#![no_main]

use besunny_core::{
    ids::AccountId,
    source::{Fetched, Next, Scope, Source, StreamKey, StreamRef, Subject},
};
use besunny_local::{Form, LocalMail};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|mbox: &[u8]| {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), mbox).unwrap();
    let stream = StreamRef {
        account: AccountId::derived(&[b"fuzz"]),
        subject: Subject::from_source(file.path().to_str().unwrap()),
        key: StreamKey::from_source("mailbox"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let source = LocalMail::new(Form::Mbox);
        let Ok(page) = source.list(&stream, &Scope { revision: 0 }, None).await else { return };
        assert!(matches!(page.next, Next::End | Next::Cursor { .. } | Next::Page(_)));
        let ids: Vec<_> = page.changes.iter().map(|change| change.id().clone()).collect();
        let fetched = source.fetch(&stream, &ids).await.unwrap();
        assert_eq!(fetched.len(), ids.len());
        assert!(!fetched.iter().any(|answer| matches!(answer, Fetched::Gone(_))));
    });
});
