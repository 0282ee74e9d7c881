//! Where mail is on this machine, checked before anything is stored.
use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use besunny::{
    core::{account::Provider, source::Subject},
    local::{Form, LocalCalendar},
};

use crate::command::Refusal;

/// Where a tar archive says that it is one (POSIX ustar).
const TAR_MARK: (usize, &[u8]) = (257, b"ustar");
/// The first bytes of gzip data (RFC 1952).
const GZIP_MARK: &[u8] = &[0x1f, 0x8b];

/// One of the forms of local mail, or a calendar.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Source {
    /// A mailbox file
    #[arg(long, value_name = "FILE")]
    mbox: Option<PathBuf>,
    /// A Maildir, with its subfolders
    #[arg(long, value_name = "DIR")]
    maildir: Option<PathBuf>,
    /// A folder of .eml files, or a tar archive of raw messages, gzipped or not
    #[arg(long, value_name = "DIR-or-tar.gz")]
    eml: Option<PathBuf>,
    /// A calendar file, or a folder of them
    #[arg(long, value_name = "FILE-or-DIR")]
    ics: Option<PathBuf>,
}

/// What a source holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Mail(Form),
    Calendar,
}

impl Kind {
    pub(super) fn provider(self) -> Provider {
        match self {
            Self::Mail(form) => form.provider(),
            Self::Calendar => LocalCalendar::provider(),
        }
    }

    /// Names what is counted.
    pub(super) const fn items(self) -> &'static str {
        match self {
            Self::Mail(_) => "mails",
            Self::Calendar => "events",
        }
    }
}

/// A source that is there.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) subject: Subject,
    path: PathBuf,
}

impl Source {
    /// Finds the source; its name is the absolute path, so that it is the same from any folder.
    pub(super) fn find(&self) -> Result<Place, Refusal> {
        let given = [
            (Kind::Mail(Form::Mbox), &self.mbox),
            (Kind::Mail(Form::Maildir), &self.maildir),
            (Kind::Mail(Form::Eml), &self.eml),
            (Kind::Calendar, &self.ics),
        ];
        let given = given.into_iter().find_map(|(kind, path)| Some((kind, path.as_ref()?)));
        let missing = || Refusal::usage("usage", "name one of --mbox, --maildir, --eml, --ics");
        let (kind, given) = given.ok_or_else(missing)?;
        let path = fs::canonicalize(given).map_err(|error| not_there(given, &error))?;
        let Some(name) = path.to_str() else {
            let message = format!(
                "{} has a name that is not UTF-8, so it cannot be remembered: rename it",
                given.display()
            );
            return Err(Refusal::usage("source", message));
        };
        let place = Place { kind, subject: Subject::from_source(name), path: path.clone() };
        place.check()?;
        Ok(place)
    }
}

impl Place {
    pub(super) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// Says that the source cannot be read, which may heal.
    pub(super) fn unreadable(&self, why: &str) -> Refusal {
        Refusal::finding("source", format!("{} cannot be read: {why}", self.shown()))
    }

    /// Says whether a source without any item is suspicious: a mailbox file or archive with content.
    ///
    /// A calendar without an event is one all the same; what is no calendar is refused.
    pub(super) fn should_have_items(&self) -> bool {
        let is_mail = matches!(self.kind, Kind::Mail(_));
        is_mail && fs::metadata(&self.path).is_ok_and(|file| file.is_file() && file.len() > 0)
    }

    /// Says what a source of this form looks like.
    pub(super) const fn expectation(&self) -> &'static str {
        match self.kind {
            Kind::Mail(Form::Mbox) => {
                "every mail of a mailbox file begins with a line `From SENDER DATE`; a single raw \
                 mail belongs into a folder for --eml"
            }
            Kind::Mail(Form::Maildir) => "a Maildir has the folders `cur` and `new`",
            Kind::Mail(Form::Eml) => {
                "name a folder of .eml files, or a tar archive, gzipped or not"
            }
            Kind::Calendar => "name a file with `BEGIN:VCALENDAR` in it, or a folder of .ics files",
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        let file = fs::metadata(&self.path).map_err(|error| not_there(&self.path, &error))?;
        let fits = match self.kind {
            Kind::Mail(Form::Mbox) => file.is_file(),
            Kind::Calendar => file.is_file() || file.is_dir(),
            Kind::Mail(Form::Maildir) => {
                file.is_dir() && ["cur", "new"].iter().all(|part| self.path.join(part).is_dir())
            }
            Kind::Mail(Form::Eml) => file.is_dir() || file.is_file() && self.is_archive()?,
        };
        if fits && file.is_file() {
            File::open(&self.path).map_err(|error| not_there(&self.path, &error))?;
        }
        if fits && file.is_dir() {
            fs::read_dir(&self.path).map_err(|error| not_there(&self.path, &error))?;
        }
        if fits {
            return Ok(());
        }
        let kind = self.kind.provider();
        let message = format!("{} is no {kind} source: {}", self.shown(), self.expectation());
        Err(Refusal::usage("source", message))
    }

    fn is_archive(&self) -> Result<bool, Refusal> {
        let mut start = Vec::new();
        let (at, mark) = TAR_MARK;
        let file = File::open(&self.path).map_err(|error| not_there(&self.path, &error))?;
        let wanted = u64::try_from(at + mark.len()).unwrap_or(u64::MAX);
        let read = file.take(wanted).read_to_end(&mut start);
        read.map_err(|error| not_there(&self.path, &error))?;
        let is_named_tar = self.path.extension().is_some_and(|end| end.eq_ignore_ascii_case("tar"));
        Ok(start.starts_with(GZIP_MARK) || start.get(at..) == Some(mark) || is_named_tar)
    }
}

/// A wrong path is wrong usage; a file that may not be read is a finding.
fn not_there(path: &Path, error: &std::io::Error) -> Refusal {
    let shown = path.display();
    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
        let message = format!("there is no {shown}: check the path");
        return Refusal::usage("source", message);
    }
    let message = format!("{shown} cannot be read: {error}; check its permissions");
    Refusal::finding("source", message)
}
