//! Mail in files: mbox, a folder of `.eml` files, a Maildir.
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use besunny_core::{
    ids::AccountId,
    message::Message,
    source::{
        Scope, Snapshot, SnapshotSource, Source, SourceErrorKind, StreamKey, StreamRef, Subject,
    },
};
use besunny_local::{Form, LocalMail};
use besunny_testkit::conformance::{
    Power,
    mail::{MailWorld, World, cases},
    snapshot::{self, SnapshotWorld},
};
use bytes::Bytes;
use libtest_mimic::Trial;

/// So many mails a page of a listing has, so that listings have several.
const PAGE: usize = 7;

pub(crate) fn trials() -> Vec<Trial> {
    let groups = [
        super::trials("mbox", cases(), lacks_in_files, || {
            Box::pin(async { LocalWorld::fresh(Form::Mbox) })
        }),
        super::trials("eml", cases(), lacks_in_files, || {
            Box::pin(async { LocalWorld::fresh(Form::Eml) })
        }),
        super::trials("maildir", cases(), lacks_in_maildir, || {
            Box::pin(async { LocalWorld::fresh(Form::Maildir) })
        }),
        super::trials(
            "mbox",
            snapshot::cases(),
            |_| None,
            || Box::pin(async { LocalWorld::listed(Form::Mbox) }),
        ),
        super::trials(
            "eml",
            snapshot::cases(),
            |_| None,
            || Box::pin(async { LocalWorld::listed(Form::Eml) }),
        ),
        super::trials(
            "maildir",
            snapshot::cases(),
            |_| None,
            || Box::pin(async { LocalWorld::listed(Form::Maildir) }),
        ),
    ];
    groups.into_iter().flatten().collect()
}

fn lacks_in_files(power: Power) -> Option<&'static str> {
    match power {
        Power::Hide => Some("a file has no trash"),
        Power::ExpireLog
        | Power::Fail
        | Power::KillPages
        | Power::PageWise
        | Power::Poison
        | Power::Reopen
        | Power::Lengthen
        | Power::Replace
        | Power::Keys
        | Power::Bot(_) => lacks_in_maildir(power),
    }
}

fn lacks_in_maildir(power: Power) -> Option<&'static str> {
    match power {
        Power::ExpireLog => Some("files keep no log"),
        Power::Poison => Some("bytes in a file are always readable"),
        Power::Fail => Some("the file system does not fail on request"),
        Power::Hide
        | Power::KillPages
        | Power::PageWise
        | Power::Reopen
        | Power::Lengthen
        | Power::Replace
        | Power::Keys
        | Power::Bot(_) => None,
    }
}

#[derive(Debug)]
pub(crate) struct LocalWorld {
    form: Form,
    folder: tempfile::TempDir,
    source: Arc<SnapshotSource<LocalMail>>,
    count: AtomicU32,
}

impl LocalWorld {
    pub(crate) fn listed(form: Form) -> snapshot::World {
        Arc::new(Self::new(form))
    }

    fn fresh(form: Form) -> World {
        Arc::new(Self::new(form))
    }

    fn new(form: Form) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        match form {
            Form::Mbox => fs::write(folder.path().join("mbox"), "").expect("an empty mailbox"),
            Form::Eml => {}
            Form::Maildir => ["cur", "new", "tmp"]
                .iter()
                .for_each(|part| fs::create_dir(folder.path().join(part)).expect("a Maildir")),
        }
        let source = Arc::new(LocalMail::paged(form, PAGE));
        Self { form, folder, source, count: AtomicU32::new(0) }
    }

    fn path(&self) -> PathBuf {
        match self.form {
            Form::Mbox => self.folder.path().join("mbox"),
            Form::Eml | Form::Maildir => self.folder.path().to_path_buf(),
        }
    }

    /// Returns the files that hold one mail each and have this subject.
    fn files(&self, subject: &str) -> Vec<PathBuf> {
        let folder = match self.form {
            Form::Maildir => self.path().join("cur"),
            Form::Mbox | Form::Eml => self.path(),
        };
        let files =
            fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
        files.filter(|path| path.is_file() && has_subject(path, subject)).collect()
    }
}

fn has_subject(path: &Path, subject: &str) -> bool {
    let text = fs::read_to_string(path).expect("a mail");
    text.lines().any(|line| line == format!("Subject: {subject}"))
}

#[async_trait]
impl MailWorld for LocalWorld {
    fn source(&self) -> Arc<dyn Source<Message>> {
        Arc::<SnapshotSource<LocalMail>>::clone(&self.source)
    }

    async fn restarted(&self) -> Arc<dyn Source<Message>> {
        Arc::new(LocalMail::paged(self.form, PAGE))
    }

    fn stream(&self) -> StreamRef {
        let subject = Subject::from_source(self.path().to_string_lossy());
        let account = AccountId::derived(&[subject.as_str().as_bytes()]);
        StreamRef { account, subject, key: StreamKey::from_source("mailbox") }
    }

    async fn deliver(&self, raw: Bytes) {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        match self.form {
            Form::Mbox => {
                let mut mbox = fs::read(self.path()).expect("the mailbox");
                mbox.extend_from_slice(b"From bob@example.org Mon Jun  1 09:30:00 2026\n");
                mbox.extend_from_slice(&raw);
                mbox.extend_from_slice(b"\n");
                fs::write(self.path(), mbox).expect("the mailbox");
            }
            Form::Eml => {
                fs::write(self.path().join(format!("{number}.eml")), raw).expect("a mail");
            }
            Form::Maildir => {
                let name = format!("1780300000.M{number}.host:2,S");
                fs::write(self.path().join("cur").join(name), raw).expect("a mail");
            }
        }
    }

    async fn remove(&self, subject: &str) {
        if self.form != Form::Mbox {
            for file in self.files(subject) {
                fs::remove_file(file).expect("a mail");
            }
            return;
        }
        let mbox = fs::read_to_string(self.path()).expect("the mailbox");
        let line = format!("Subject: {subject}\r\n");
        let kept: String =
            mbox.split_inclusive("\r\n\n").filter(|mail| !mail.contains(&line)).collect();
        fs::write(self.path(), kept).expect("the mailbox");
    }

    async fn hide(&self, subject: &str, hidden: bool) {
        let flags = if hidden { ":2,ST" } else { ":2,S" };
        for file in self.files(subject) {
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            let unique = name.split(':').next().unwrap_or_default();
            fs::rename(&file, file.with_file_name(format!("{unique}{flags}"))).expect("a mail");
        }
    }

    async fn poison(&self, _: &str) {}

    async fn expire_log(&self) {}

    /// Somebody else lists the mailbox after it changed.
    async fn kill_pages(&self) {
        MailWorld::deliver(self, Bytes::from_static(b"Subject: passing\r\n\r\nx\r\n")).await;
        let listed = self.source.list(&MailWorld::stream(self), &Scope::default(), None).await;
        listed.expect("a listing");
        MailWorld::remove(self, "passing").await;
    }

    async fn fail_next(&self, _: SourceErrorKind, _: Option<u64>) {}

    fn lacks(&self, power: Power) -> Option<&'static str> {
        match self.form {
            Form::Maildir => lacks_in_maildir(power),
            Form::Mbox | Form::Eml => lacks_in_files(power),
        }
    }
}

#[async_trait]
impl SnapshotWorld for LocalWorld {
    fn snapshot(&self) -> Arc<dyn Snapshot<Message>> {
        Arc::new(self.source.snapshot().clone())
    }

    fn stream(&self) -> StreamRef {
        MailWorld::stream(self)
    }

    async fn deliver(&self, raw: Bytes) {
        MailWorld::deliver(self, raw).await;
    }

    async fn remove(&self, subject: &str) {
        MailWorld::remove(self, subject).await;
    }
}
