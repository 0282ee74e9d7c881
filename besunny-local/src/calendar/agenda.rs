//! What `.ics` files hold, as of one moment.
use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use besunny_core::{
    calendar::{
        CalendarEvent,
        ics::{self, Caps, IcsError, IcsFile},
    },
    source::{ItemId, ItemRef},
};

use super::version::{Versions, file_id};
use crate::{
    eml::LOOKS,
    folder::{files, fingerprint},
    index,
};

/// What the names of calendars in a folder end in.
const END: &str = "ics";

/// All events of a file or a folder.
#[derive(Debug)]
pub(super) struct Agenda {
    /// What the files looked like; another look tells whether they changed.
    pub(super) fingerprint: String,
    /// The events, in order.
    pub(super) events: Vec<Event>,
    places: HashMap<ItemId, usize>,
}

/// An event, or why it cannot be read.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) at: ItemRef,
    pub(super) what: Result<CalendarEvent, &'static str>,
}

impl Agenda {
    fn new(fingerprint: String, events: Vec<Event>) -> Self {
        let place = |(at, event): (usize, &Event)| (event.at.id.clone(), at);
        let places = events.iter().enumerate().map(place).collect();
        Self { fingerprint, events, places }
    }

    pub(super) fn find(&self, id: &ItemId) -> Option<&Event> {
        self.places.get(id).and_then(|at| self.events.get(*at))
    }
}

/// Describes the file or folder at `path`.
pub(super) fn look(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.is_dir() {
        Ok(fingerprint(&files(path, END)?))
    } else {
        index::look(path)
    }
}

/// Reads the file or folder at `path`, until it looks the same before and after.
pub(super) fn read(path: &Path) -> io::Result<Agenda> {
    settled(|| look(path), || read_once(path))
}

/// Reads until what is read looks the same before and after.
///
/// What was cut off is read again too, since somebody may be writing it.
pub(super) fn settled(
    look: impl Fn() -> io::Result<String>,
    mut read: impl FnMut() -> io::Result<Vec<Event>>,
) -> io::Result<Agenda> {
    let mut before = look()?;
    for _ in 0..LOOKS {
        let events = read();
        let after = look()?;
        if after == before {
            return Ok(Agenda::new(after, events?));
        }
        before = after;
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "the calendar changes while it is read"))
}

fn read_once(path: &Path) -> io::Result<Vec<Event>> {
    let mut versions = Versions::default();
    if !fs::metadata(path)?.is_dir() {
        let file = read_file(path)?.map_err(|error| refused(path, &error))?;
        versions.take(file);
        return Ok(versions.newest());
    }
    for (file, _) in files(path, END)? {
        let name = file.strip_prefix(path).unwrap_or(&file);
        match read_file(&file) {
            Ok(Ok(read)) => versions.take(read),
            // The rest may still come: what it held must not be taken for removed.
            Ok(Err(error @ (IcsError::CutOff { .. } | IcsError::Empty))) => {
                return Err(refused(&file, &error));
            }
            Ok(Err(_)) => versions.refuse(file_id(name), "it is no calendar that can be read"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                versions.refuse(file_id(name), "its file may not be read");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(versions.newest())
}

fn read_file(path: &Path) -> io::Result<Result<IcsFile, IcsError>> {
    let caps = Caps::default();
    let most = u64::try_from(caps.bytes).unwrap_or(u64::MAX).saturating_add(1);
    let mut raw = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut raw)?;
    Ok(ics::read(&raw, &caps))
}

fn refused(path: &Path, error: &IcsError) -> io::Error {
    let is_short = matches!(error, IcsError::CutOff { .. } | IcsError::Empty);
    let kind = if is_short { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::InvalidData };
    io::Error::new(kind, format!("{}: {error}", path.display()))
}
