//! Calendars in files: one `.ics` file, and a folder of them.
use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use besunny_core::{
    calendar::CalendarEvent,
    ids::AccountId,
    source::{
        Scope, Snapshot, SnapshotSource, Source, SourceErrorKind, StreamKey, StreamRef, Subject,
    },
};
use besunny_local::LocalCalendar;
use besunny_testkit::conformance::{
    Power,
    calendar::{World, cases},
    snapshot::{self, SnapshotWorld},
    source::{Sample, SourceWorld},
};
use bytes::Bytes;
use libtest_mimic::Trial;

/// So many events a page of a listing has, so that listings have several.
const PAGE: usize = 7;
/// What every delivery ends with.
const END: &str = "END:VCALENDAR\r\n";

pub(crate) fn trials() -> Vec<Trial> {
    let nothing = |_| None;
    let groups = [
        super::trials("ics", cases(), lacks, || Box::pin(async { CalendarWorld::fresh(false) })),
        super::trials("ics-folder", cases(), lacks, || {
            Box::pin(async { CalendarWorld::fresh(true) })
        }),
        super::trials("ics", snapshot::cases(), nothing, || {
            Box::pin(async { CalendarWorld::listed(false) })
        }),
        super::trials("ics-folder", snapshot::cases(), nothing, || {
            Box::pin(async { CalendarWorld::listed(true) })
        }),
    ];
    groups.into_iter().flatten().collect()
}

fn lacks(power: Power) -> Option<&'static str> {
    match power {
        Power::ExpireLog => Some("files keep no log"),
        Power::Hide => Some("a file has no trash"),
        Power::Fail => Some("the file system does not fail on request"),
        Power::KillPages
        | Power::PageWise
        | Power::Poison
        | Power::Reopen
        | Power::Lengthen
        | Power::Replace
        | Power::Keys
        | Power::Bot(_) => None,
    }
}

#[derive(Debug)]
struct CalendarWorld {
    folder: tempfile::TempDir,
    is_folder: bool,
    source: Arc<SnapshotSource<LocalCalendar>>,
    count: AtomicU32,
}

impl CalendarWorld {
    fn fresh(is_folder: bool) -> World {
        Arc::new(Self::new(is_folder))
    }

    fn listed(is_folder: bool) -> snapshot::World<CalendarEvent> {
        Arc::new(Self::new(is_folder))
    }

    fn new(is_folder: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if !is_folder {
            let empty = format!("BEGIN:VCALENDAR\r\n{END}");
            fs::write(folder.path().join("all.ics"), empty).expect("an empty calendar");
        }
        let source = Arc::new(LocalCalendar::paged(PAGE));
        Self { folder, is_folder, source, count: AtomicU32::new(0) }
    }

    fn path(&self) -> PathBuf {
        let folder = self.folder.path();
        if self.is_folder { folder.to_path_buf() } else { folder.join("all.ics") }
    }

    /// Changes the calendars that hold an event of this name; one that becomes empty goes.
    fn change(&self, name: &str, change: impl Fn(&str) -> String) {
        for entry in fs::read_dir(self.folder.path()).expect("a folder") {
            let path = entry.expect("a file").path();
            let text = fs::read_to_string(&path).expect("a calendar");
            let line = format!("SUMMARY:{name}\r\n");
            let changed: String = text
                .split_inclusive(END)
                .map(|one| if one.contains(&line) { change(one) } else { one.to_owned() })
                .collect();
            if changed.is_empty() {
                fs::remove_file(path).expect("a calendar");
            } else if changed != text {
                fs::write(path, changed).expect("a calendar");
            }
        }
    }
}

#[async_trait]
impl SourceWorld<CalendarEvent> for CalendarWorld {
    fn source(&self) -> Arc<dyn Source<CalendarEvent>> {
        Arc::<SnapshotSource<LocalCalendar>>::clone(&self.source)
    }

    async fn restarted(&self) -> Arc<dyn Source<CalendarEvent>> {
        Arc::new(LocalCalendar::paged(PAGE))
    }

    fn stream(&self) -> StreamRef {
        let subject = Subject::from_source(self.path().to_string_lossy());
        let account = AccountId::derived(&[subject.as_str().as_bytes()]);
        StreamRef { account, subject, key: StreamKey::from_source("calendar") }
    }

    async fn deliver(&self, raw: Bytes) {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        if self.is_folder {
            let path = self.path().join(format!("{number}.ics"));
            return fs::write(path, raw).expect("a calendar");
        }
        let mut all = fs::read(self.path()).expect("a calendar");
        all.extend_from_slice(&raw);
        fs::write(self.path(), all).expect("a calendar");
    }

    async fn remove(&self, name: &str) {
        self.change(name, |_| String::new());
    }

    async fn hide(&self, _: &str, _: bool) {}

    async fn poison(&self, name: &str) {
        self.change(name, |one| one.replace("DTSTART:", "DTSTART:soon"));
    }

    async fn expire_log(&self) {}

    /// Somebody else lists the calendar after it changed.
    async fn kill_pages(&self) {
        SourceWorld::deliver(self, CalendarEvent::written("passing")).await;
        let listed = self.source.list(&SourceWorld::stream(self), &Scope::default(), None).await;
        listed.expect("a listing");
        SourceWorld::remove(self, "passing").await;
    }

    async fn fail_next(&self, _: SourceErrorKind, _: Option<u64>) {}

    fn lacks(&self, power: Power) -> Option<&'static str> {
        lacks(power)
    }
}

#[async_trait]
impl SnapshotWorld<CalendarEvent> for CalendarWorld {
    fn snapshot(&self) -> Arc<dyn Snapshot<CalendarEvent>> {
        Arc::new(self.source.snapshot().clone())
    }

    fn stream(&self) -> StreamRef {
        SourceWorld::stream(self)
    }

    async fn deliver(&self, raw: Bytes) {
        SourceWorld::deliver(self, raw).await;
    }

    async fn remove(&self, name: &str) {
        SourceWorld::remove(self, name).await;
    }
}
