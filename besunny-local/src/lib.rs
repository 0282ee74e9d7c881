//! Mail and calendars from files on this machine: the same port as a provider's, with no account.
//!
//! [`LocalMail`] follows mbox files, folders and archives of `.eml` files, and Maildirs. The subject
//! of an account is a path. None of them keeps a change log, so each is a
//! [`Snapshot`](besunny_core::source::Snapshot): its fingerprint says whether to list again.
//!
//! Files and folders give no ids, so an item is named by its content: the hash of the mail and how
//! many equal ones come before it. Message ids repeat in real mailboxes, and offsets break when a
//! mailbox is compacted. A Maildir names its mails itself.
//!
//! [`LocalCalendar`] follows `.ics` files and folders of them. Events have names of their own.

mod calendar;
mod disk;
mod eml;
mod folder;
mod index;
mod maildir;
mod mbox;
mod page;
mod source;

pub use calendar::LocalCalendar;
pub use source::{Form, LocalMail};
