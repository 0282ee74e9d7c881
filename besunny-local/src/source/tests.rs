//! What the adapter answers when files move, change or are away.

use std::fs;

use besunny_core::{
    ids::AccountId,
    message::RawMail,
    source::{Scope, Source, SourceErrorKind},
};

use super::*;

fn stream(path: &Path) -> StreamRef {
    let subject = Subject::from_source(path.to_string_lossy());
    let account = AccountId::derived(&[subject.as_str().as_bytes()]);
    StreamRef { account, subject, key: StreamKey::from_source("mailbox") }
}

async fn ids(source: &impl Source<Message>, stream: &StreamRef) -> Vec<ItemId> {
    let page = source.list(stream, &Scope::default(), None).await.unwrap();
    page.changes.iter().map(|change| change.id().clone()).collect()
}

/// Fetches mails; what is gone has no text.
async fn texts(
    source: &impl Source<Message>,
    stream: &StreamRef,
    ids: &[ItemId],
) -> Vec<Option<String>> {
    let fetched = source.fetch(stream, ids).await.unwrap();
    let text = |fetched: &Fetched<Message>| match fetched {
        Fetched::Present(_, Message { raw: RawMail::Whole(raw), .. }) => {
            Some(String::from_utf8(raw.to_vec()).unwrap())
        }
        Fetched::Gone(_) => None,
        other @ (Fetched::Present(..) | Fetched::Unreadable { .. }) => panic!("{other:?}"),
    };
    fetched.iter().map(text).collect()
}

#[tokio::test]
async fn files_that_change_places_after_a_listing_keep_their_mails() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["1.eml", "2.eml", "3.eml"] {
        fs::write(path(name), format!("Subject: {name}\n\nx\n")).unwrap();
    }
    let (source, stream) = (LocalMail::new(Form::Eml), stream(folder.path()));
    let ids = ids(&source, &stream).await;
    let before = texts(&source, &stream, &ids).await;
    fs::rename(path("1.eml"), path("4.eml")).unwrap();
    fs::rename(path("2.eml"), path("1.eml")).unwrap();
    fs::rename(path("4.eml"), path("2.eml")).unwrap();
    fs::write(path("3.eml"), "Subject: another\n\nx\n").unwrap();
    let after = texts(&source, &stream, &ids).await;
    assert_eq!(after, [before[0].clone(), before[1].clone(), None]);
}

#[tokio::test]
async fn a_mailbox_that_is_away_is_misconfigured_only_while_it_is_connected() {
    let folder = tempfile::tempdir().unwrap();
    for form in Form::ALL {
        let (source, stream) = (LocalMail::new(form), stream(&folder.path().join("away")));
        let account = AccountRef { id: stream.account, subject: stream.subject.clone() };
        let connected = source.streams(&account).await.unwrap_err().kind;
        assert_eq!(connected, SourceErrorKind::Misconfigured, "{form:?}");
        let followed = source.head(&stream, &Scope::default()).await.unwrap_err().kind;
        assert_eq!(followed, SourceErrorKind::Unavailable, "{form:?}");
        let listed = source.list(&stream, &Scope::default(), None).await.unwrap_err().kind;
        assert_eq!(listed, SourceErrorKind::Unavailable, "{form:?}");
    }
}

#[tokio::test]
async fn a_member_of_an_archive_that_is_not_read_is_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.tar");
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::new(b'V'));
    header.set_size(1);
    archive.append_data(&mut header, "1", &b"x"[..]).unwrap();
    fs::write(&path, archive.into_inner().unwrap()).unwrap();
    let (source, stream) = (LocalMail::new(Form::Eml), stream(&path));
    let ids = ids(&source, &stream).await;
    let fetched = source.fetch(&stream, &ids).await.unwrap();
    assert!(matches!(&fetched[..], [Fetched::Unreadable { .. }]), "{fetched:?}");
}

/// Shows the form of a cursor: its numbers and hashes differ from file to file.
#[cfg(unix)]
fn form(cursor: &Cursor) -> String {
    let text = cursor.as_str();
    if text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return format!("{} hexadecimal digits", text.len());
    }
    let parts = text.split_inclusive(['-', '.']);
    let parts = parts.map(|part| match part.trim_end_matches(['-', '.']) {
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => part.replace(number, "N"),
        _ => part.to_owned(),
    });
    parts.collect()
}

#[cfg(unix)]
#[tokio::test]
async fn stored_cursors_are_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let mbox = folder.path().join("box.mbox");
    fs::write(&mbox, "From a@x Mon Jun  1 08:00:00 2026\nSubject: x\n\nx\n").unwrap();
    let eml = folder.path().join("eml");
    fs::create_dir(&eml).unwrap();
    fs::write(eml.join("1.eml"), "Subject: x\n\nx\n").unwrap();
    let maildir = folder.path().join("maildir");
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    let mut forms = Vec::new();
    for (kind, path) in [(Form::Mbox, mbox), (Form::Eml, eml), (Form::Maildir, maildir)] {
        let head = LocalMail::new(kind).head(&stream(&path), &Scope::default()).await.unwrap();
        forms.push(format!("{kind:?}: {}", head.as_ref().map(form).unwrap_or_default()));
    }
    insta::assert_snapshot!(forms.join("\n"), @r"
    Mbox: N-N.N-N.N-N
    Eml: 32 hexadecimal digits
    Maildir: 32 hexadecimal digits
    ");
}
