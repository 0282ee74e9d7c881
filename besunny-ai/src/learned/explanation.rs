//! What spoke for a choice, in the words of the mail (CLS-7).
//!
//! Only the likeliest class and the next are explained, each against the other. The weights of a
//! class add up to at most 1: what is missing is how often and how lately it was used at all.
use besunny_core::{
    classify::{Earlier, Evidence, Signal},
    mail::Mail,
    untrusted::Untrusted,
};

use super::{Learned, Prediction, features, features::Features, view::View};

/// So many words are shown of those that spoke for a class.
const WORDS: usize = 5;
/// A history says something of a class whose share in it is so many times its share of all mails.
const LIFTED: f64 = 1.5;
/// What adds less to a choice than this share is not worth a line.
const SMALLEST: f64 = 0.02;

/// The kinds of evidence in the order of the blend.
mod kind {
    pub(super) const MARGIN: usize = 0;
    pub(super) const LIKELY: usize = 1;
    pub(super) const SENDER: usize = 2;
    pub(super) const SUBJECT: usize = 3;
    pub(super) const RECIPIENTS: usize = 4;
    pub(super) const THREAD: usize = 5;
    pub(super) const NEAREST: usize = 7;
    pub(super) const SHARE: usize = 8;
    pub(super) const WORDS: usize = 10;
    pub(super) const SHAPE: usize = 11;
    pub(super) const GROUP: usize = 12;
    pub(super) const DOMAIN: usize = 13;
}

/// What earlier mails have in common with one: of which kind, which, and where they went.
struct Telling {
    signal: Signal,
    quote: String,
    kinds: &'static [usize],
    /// How many of them went to the class, and how many there were.
    mails: (u32, u32),
}

/// Says whether a class is clearly more common in a history than among all mails.
///
/// What most mails are cannot be half as common again; half of what is missing to all is enough.
pub(super) fn is_telling((here, all): (u32, u32), (of_class, of_all): (u32, u32)) -> bool {
    let share = |(part, whole): (u32, u32)| f64::from(part) / f64::from(whole.max(1));
    let base = share((of_class, of_all));
    here > 0 && share((here, all)) >= (base * LIFTED).min(f64::midpoint(base, 1.0))
}

impl Learned {
    /// Returns what spoke for the choice and for the next best, the weightiest first.
    #[must_use]
    pub fn explain(&self, mail: &Mail, item: &Features, said: &Prediction) -> Vec<Evidence> {
        let [(best, _), (second, _), ..] = said.ranked.as_slice() else { return Vec::new() };
        let view = View::new(self, item);
        let mut evidence = self.speaking(mail, item, &view, (*best, *second));
        evidence.extend(self.speaking(mail, item, &view, (*second, *best)));
        evidence.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        evidence
    }

    /// Returns what speaks for one class rather than another.
    fn speaking(
        &self,
        mail: &Mail,
        item: &Features,
        view: &View,
        (class, other): (usize, usize),
    ) -> Vec<Evidence> {
        let Some(project) = self.classes[class] else { return Vec::new() };
        let by = self.blend.contrast(&view.evidence[class], &view.evidence[other]);
        let all: f64 = by.iter().filter(|by| **by > 0.0).sum();
        let share = |kinds: &[usize]| {
            let sum: f64 = kinds.iter().map(|kind| by[*kind]).sum();
            sum.max(0.0) / all.max(f64::MIN_POSITIVE)
        };
        let line = |signal, quote: String, weight, (here, all): (u32, u32)| Evidence {
            project,
            signal,
            quote: Untrusted::new(quote),
            weight,
            earlier: (all > 0).then_some(Earlier { here, all }),
        };
        let histories = self.tellings(mail, item, view, class);
        let mut lines: Vec<Evidence> = histories
            .into_iter()
            .filter(|told| is_telling(told.mails, self.shares.mails(class)))
            .map(|told| line(told.signal, told.quote, share(told.kinds), told.mails))
            .collect();
        let of_words = share(&[kind::MARGIN, kind::LIKELY, kind::WORDS]);
        for (text, part) in self.telling_words(mail, item, (class, other)) {
            lines.push(line(Signal::Words, text, of_words * part, (0, 0)));
        }
        lines.retain(|line| line.weight >= SMALLEST);
        lines
    }

    /// Returns what earlier mails of a class have in common with this one.
    fn tellings(&self, mail: &Mail, item: &Features, view: &View, class: usize) -> Vec<Telling> {
        let told = |signal, quote, kinds, mails| Telling { signal, quote, kinds, mails };
        let sender = features::sender(mail);
        let host = sender.split_once('@').map_or_else(String::new, |(_, host)| host.to_owned());
        let subject = features::bare_subject(mail.subject.expose());
        let alike = (view.voters[class], view.voters.iter().sum());
        // At equal weight the first is shown first: what concerns the sender.
        let mut all = vec![
            told(
                Signal::Sender,
                sender,
                &[kind::SENDER][..],
                self.senders.mails(item.sender, class),
            ),
            told(Signal::Domain, host, &[kind::DOMAIN], self.domains.mails(item.domain, class)),
            told(
                Signal::Subject,
                subject,
                &[kind::SUBJECT, kind::SHAPE],
                self.subjects.mails(item.subject, class),
            ),
            told(Signal::Thread, String::new(), &[kind::THREAD], self.thread_mails(item, class)),
            told(Signal::Similar, String::new(), &[kind::NEAREST, kind::SHARE], alike),
        ];
        if let Some((address, mails)) = self.telling_recipient(mail, item, class) {
            all.push(told(Signal::Recipients, address, &[kind::RECIPIENTS, kind::GROUP], mails));
        }
        all
    }

    /// Returns the receiver whose mails went to a class most often.
    fn telling_recipient(
        &self,
        mail: &Mail,
        item: &Features,
        class: usize,
    ) -> Option<(String, (u32, u32))> {
        let known = features::recipients(mail).into_iter().zip(&item.recipients);
        let known = known.map(|(address, key)| (address, self.recipients.mails(*key, class)));
        known.max_by_key(|(_, (here, _))| *here)
    }

    fn thread_mails(&self, item: &Features, class: usize) -> (u32, u32) {
        let known = item.earlier.iter().filter_map(|id| self.threads.get(id));
        known.fold((0, 0), |(here, all), of| (here + u32::from(*of == class), all + 1))
    }

    /// Returns the words that speak most for one class rather than another, each with its part.
    fn telling_words(
        &self,
        mail: &Mail,
        item: &Features,
        (class, other): (usize, usize),
    ) -> Vec<(String, f64)> {
        let readable = features::readable_terms(mail);
        let vector = self.vocabulary.vector(item);
        let by = vector.iter().map(|(term, weight)| {
            let of = |class| self.margins.weight(*term, class);
            (*term, f64::from(weight * (of(class) - of(other))))
        });
        let mut by: Vec<(u16, f64)> = by.filter(|(_, by)| *by > 0.0).collect();
        by.sort_by(|a, b| b.1.total_cmp(&a.1));
        let all: f64 = by.iter().map(|(_, by)| by).sum();
        let mut told: Vec<(String, f64)> = Vec::new();
        for (term, by) in by {
            let Some(text) = readable.get(&term) else { continue };
            // A word of the subject is a term of its own, and one of the text too.
            match told.iter().position(|(known, _)| known == text) {
                Some(index) => told[index].1 += by / all,
                None if told.len() < WORDS => told.push((text.clone(), by / all)),
                None => {}
            }
        }
        told
    }
}
