//! What is done to processed mail at its source, by calls that fail or are cut.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use besunny_core::{
    message::{Filing, MailFiling},
    source::{ItemId, SourceError, SourceErrorKind, StreamRef, Subject},
};

use super::{
    faults::{Fault, Faults},
    stage::lock,
};
use crate::{planted::Planted, scripted::ScriptedMail};

/// What the provider saw of filing a mail.
#[derive(Clone, Debug, Default)]
pub(super) struct Marked {
    /// How often it was called.
    pub(super) calls: u64,
    /// What was done.
    pub(super) filing: Filing,
}

/// Marks mail, and remembers what was asked.
#[derive(Debug)]
pub(super) struct Marks {
    faults: Arc<Faults>,
    mail: Arc<ScriptedMail>,
    planted: Option<Planted>,
    marked: Mutex<BTreeMap<(Subject, ItemId), Marked>>,
    /// Mails that cannot be marked until somebody looks into it.
    stubborn: Mutex<BTreeSet<(Subject, ItemId)>>,
}

impl Marks {
    pub(super) fn new(
        faults: Arc<Faults>,
        mail: Arc<ScriptedMail>,
        planted: Option<Planted>,
    ) -> Self {
        Self { faults, mail, planted, marked: Mutex::default(), stubborn: Mutex::default() }
    }

    /// Lets every mail be marked again.
    pub(super) fn relent(&self) {
        lock(&self.stubborn).clear();
    }

    /// Returns what became of the mails of a mailbox.
    pub(super) fn of(&self, subject: &Subject) -> BTreeMap<ItemId, Marked> {
        let marked = lock(&self.marked);
        let of = marked.iter().filter(|((of, _), _)| of == subject);
        of.map(|((_, item), marked)| (item.clone(), marked.clone())).collect()
    }

    async fn call(
        &self,
        stream: &StreamRef,
        item: &ItemId,
        filing: &Filing,
    ) -> Result<(), SourceError> {
        let (operation, subject) = ("scripted.file", &stream.subject);
        let key = (subject.clone(), item.clone());
        lock(&self.marked).entry(key.clone()).or_default().calls += 1;
        self.faults.point(operation).await;
        if self.faults.roll(50) {
            lock(&self.stubborn).insert(key.clone());
        }
        let is_stubborn = lock(&self.stubborn).contains(&key);
        if self.faults.roll(12) || is_stubborn {
            self.faults.fire(Fault::FilingFailed);
            // What the source cannot do for now is tried for ever.
            let kind = SourceErrorKind::Unavailable;
            let kind = if is_stubborn { SourceErrorKind::Malformed } else { kind };
            return Err(SourceError::new(kind, operation));
        }
        let (revoked, is_there) =
            self.mail.with(subject, |mailbox| (mailbox.is_revoked(), mailbox.holds(item)));
        if revoked {
            return Err(SourceError::new(SourceErrorKind::Unauthorized, operation));
        }
        if is_there {
            lock(&self.marked).entry(key).or_default().filing = filing.clone();
        }
        self.faults.point(operation).await;
        if self.faults.roll(12) {
            self.faults.fire(Fault::FilingCut);
            return Err(SourceError::new(SourceErrorKind::Unavailable, operation));
        }
        Ok(())
    }
}

#[async_trait]
impl MailFiling for Marks {
    async fn file(
        &self,
        stream: &StreamRef,
        item: &ItemId,
        filing: &Filing,
    ) -> Result<(), SourceError> {
        match (self.call(stream, item, filing).await, self.planted) {
            (Err(_), Some(Planted::ForgottenFiling)) => Ok(()),
            (Err(_), Some(Planted::RepeatedFiling)) => self.call(stream, item, filing).await,
            (done, _) => done,
        }
    }
}
