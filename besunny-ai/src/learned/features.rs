//! What the model sees of a mail: words and addresses as numbers (DATA-2).
use std::{collections::BTreeMap, hash::Hasher};

use besunny_core::mail::{Mail, Mailbox};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// Words and addresses share so many numbers; two that meet in one blur each other a little.
pub(super) const TERMS: usize = 1 << 16;
/// What follows in a longer mail adds little, and a mail of one word repeated costs no more.
const MAX_WORDS: usize = 4_000;
/// A mail to a whole company says no more than one to so many people.
const MAX_RECIPIENTS: usize = 30;
/// Longer words are rubbish: encoded data, lines without spaces.
const MAX_WORD_BYTES: usize = 40;
/// Marks of an answer or a forward before a subject, in the languages of common mail programs.
const SUBJECT_MARKS: [&str; 8] = ["re:", "fw:", "fwd:", "aw:", "wg:", "sv:", "tr:", "rif:"];

/// What a term is made of; each kind has numbers of its own.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Word = 0,
    Sender,
    SenderDomain,
    Recipient,
    RecipientDomain,
    Subject,
    SubjectPair,
    List,
    WholeSubject,
    Message,
    SenderName,
    Shape,
    Group,
}

/// What the model sees of one mail; it holds no text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features {
    /// Each term once, in order, with how often it occurs.
    pub(super) terms: Vec<(u16, u8)>,
    pub(super) sender: u64,
    pub(super) recipients: Vec<u64>,
    pub(super) subject: u64,
    /// The subject without its digits: a report that comes each day.
    pub(super) shape: u64,
    /// All the people of the mail together, whoever of them wrote it.
    pub(super) group: u64,
    /// The sender's host.
    pub(super) domain: u64,
    pub(super) message: Option<u64>,
    /// The mails it answers.
    pub(super) earlier: Vec<u64>,
    pub(super) at: DateTime<Utc>,
}

impl Features {
    /// Reads what the model needs of `mail`, which was received `at`.
    #[must_use]
    pub fn read(mail: &Mail, at: DateTime<Utc>) -> Self {
        let mut terms = Terms::default();
        each_term(mail, |kind, text| terms.add(kind, text));
        let (from, to) = (sender(mail), recipients(mail));
        let subject = bare_subject(mail.subject.expose());
        let message = |id: &str| number(Kind::Message, id);
        let earlier = mail.references.iter().chain(&mail.in_reply_to);
        let mut earlier: Vec<u64> = earlier.map(|id| message(id.expose())).collect();
        earlier.sort_unstable();
        earlier.dedup();
        Self {
            terms: terms.counted(),
            sender: number(Kind::Sender, &from),
            recipients: to.iter().map(|address| number(Kind::Recipient, address)).collect(),
            subject: number(Kind::WholeSubject, &subject),
            shape: number(Kind::Shape, &subject.replace(|c: char| c.is_ascii_digit(), "")),
            group: group(&from, &to),
            domain: number(Kind::SenderDomain, from.split_once('@').map_or("", |(_, host)| host)),
            message: mail.message_id.as_ref().map(|id| message(id.expose())),
            earlier,
            at,
        }
    }

    /// Returns how many bytes of a stored model the mail takes at most, without its duals.
    ///
    /// Numbers are written with seven bits a byte, so that the largest take ten.
    pub(super) fn stored_bytes(&self) -> usize {
        /// A term and how often it occurs.
        const TERM: usize = 3 + 2;
        const NUMBER: usize = 10;
        /// A line of a history: its key, and one count with its class, weight and time.
        const LINE: usize = NUMBER + 1 + 3 + 5 + 8 + 32;
        /// Its own numbers and time, its place among the documents and the threads.
        const OWN: usize = 6 * NUMBER + 32 + 2 * NUMBER + 17 + 5;
        /// Sender, subject, shape, group and host.
        const HISTORIES: usize = 5;
        let people = self.recipients.len();
        self.terms.len() * TERM
            + (people + self.earlier.len()) * NUMBER
            + (people + HISTORIES) * LINE
            + OWN
    }
}

/// Tells of each term of a mail, as often as it occurs.
fn each_term(mail: &Mail, mut tell: impl FnMut(Kind, &str)) {
    let mut address = |whole: Kind, domain: Kind, address: &str| {
        tell(whole, address);
        if let Some((_, host)) = address.split_once('@') {
            tell(domain, host);
        }
    };
    address(Kind::Sender, Kind::SenderDomain, &sender(mail));
    for to in recipients(mail) {
        address(Kind::Recipient, Kind::RecipientDomain, &to);
    }
    let name = mail.from.first().and_then(|from| from.name.as_ref());
    for word in name.into_iter().flat_map(|name| words(name.expose())) {
        tell(Kind::SenderName, &word);
    }
    if let Some(list) = &mail.list_id {
        tell(Kind::List, list.expose());
    }
    let words: Vec<String> = words(&bare_subject(mail.subject.expose())).collect();
    for word in &words {
        tell(Kind::Subject, word);
        tell(Kind::Word, word);
    }
    for pair in words.windows(2) {
        tell(Kind::SubjectPair, &pair.join(" "));
    }
    for word in pieces(mail.text.expose()).take(MAX_WORDS) {
        // Most words need no copy to be in lower case.
        if word.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
            tell(Kind::Word, word);
        } else {
            tell(Kind::Word, &word.to_lowercase());
        }
    }
}

/// Returns the words behind the terms of a mail, for people; addresses and hosts are told apart
/// from them by their histories.
pub(super) fn readable_terms(mail: &Mail) -> BTreeMap<u16, String> {
    let mut readable = BTreeMap::new();
    each_term(mail, |kind, text| match kind {
        Kind::Word | Kind::Subject | Kind::SubjectPair | Kind::List | Kind::SenderName => {
            readable.entry(term(kind, text)).or_insert_with(|| text.to_owned());
        }
        Kind::SenderDomain
        | Kind::RecipientDomain
        | Kind::Sender
        | Kind::Recipient
        | Kind::WholeSubject
        | Kind::Message
        | Kind::Shape
        | Kind::Group => {}
    });
    readable
}

/// Returns the address of the sender, in lower case.
pub(super) fn sender(mail: &Mail) -> String {
    mail.from.first().map(address).unwrap_or_default()
}

/// Returns the addresses of those who got it, in lower case.
pub(super) fn recipients(mail: &Mail) -> Vec<String> {
    mail.to.iter().chain(&mail.cc).take(MAX_RECIPIENTS).map(address).collect()
}

#[derive(Default)]
struct Terms {
    met: Vec<u16>,
}

impl Terms {
    fn add(&mut self, kind: Kind, text: &str) {
        self.met.push(term(kind, text));
    }

    /// Returns each term once, in order, with how often it was met.
    fn counted(mut self) -> Vec<(u16, u8)> {
        self.met.sort_unstable();
        let same = self.met.chunk_by(|a, b| a == b);
        same.map(|same| (same[0], u8::try_from(same.len()).unwrap_or(u8::MAX))).collect()
    }
}

/// Returns the number of a term.
fn term(kind: Kind, text: &str) -> u16 {
    // The upper bits are as good as any.
    let [high, low, ..] = number(kind, text).to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// Numbers a text; the same for ever, since models are stored.
fn number(kind: Kind, text: &str) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0, kind as u64);
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// Numbers a pair of numbers of one kind.
pub(super) fn pair(kind: u64, a: u64, b: u64) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(1, kind);
    hasher.write_u64(a);
    hasher.write_u64(b);
    hasher.finish()
}

fn address(mailbox: &Mailbox) -> String {
    let address = mailbox.address.expose();
    // Archives of lists hide addresses and keep names.
    let name = || mailbox.name.as_ref().map_or("", |name| name.expose().as_str());
    if address.is_empty() { name() } else { address }.to_lowercase()
}

fn group(from: &str, to: &[String]) -> u64 {
    let mut people: Vec<&str> = to.iter().map(String::as_str).chain([from]).collect();
    people.sort_unstable();
    people.dedup();
    number(Kind::Group, &people.join(" "))
}

/// Cuts a text into lower-case words of at least two characters.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    pieces(text).map(str::to_lowercase)
}

/// Cuts a text into words of at least two characters, as they are written.
fn pieces(text: &str) -> impl Iterator<Item = &str> + '_ {
    let is_inside = |c: char| c.is_alphanumeric() || c == '_';
    text.split(move |c| !is_inside(c))
        .filter(|word| word.len() < MAX_WORD_BYTES && word.chars().nth(1).is_some())
}

/// Returns a subject in lower case without the marks of answers and forwards.
pub(super) fn bare_subject(subject: &str) -> String {
    let lower = subject.to_lowercase();
    let mut rest = lower.trim();
    while let Some(bare) = SUBJECT_MARKS.iter().find_map(|mark| rest.strip_prefix(mark)) {
        rest = bare.trim_start();
    }
    rest.to_owned()
}

#[cfg(test)]
mod tests {
    use besunny_core::mail::{self, Caps};

    use super::*;

    fn features(raw: &str) -> Features {
        Features::read(&mail::read(raw.as_bytes(), &Caps::default()).unwrap(), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn an_answer_has_the_subject_of_its_question() {
        let question = features("From: a@x.org\nSubject: Harbour lights\n\nx");
        let answer = features("From: a@x.org\nSubject: Re: AW: harbour lights\n\nx");
        assert_eq!(question, answer);
        let other = features("From: a@x.org\nSubject: Reharbour lights\n\nx");
        assert_ne!(question.subject, other.subject);
    }

    #[test]
    fn a_report_of_each_day_has_one_shape() {
        let first = features("From: a@x.org\nSubject: Tides of March 30, 2001\n\nx");
        let second = features("From: a@x.org\nSubject: Tides of March 31, 2001\n\nx");
        assert_ne!(first.subject, second.subject);
        assert_eq!(first.shape, second.shape);
    }

    #[test]
    fn people_are_one_group_whoever_of_them_writes() {
        let question = features("From: a@x.org\nTo: b@x.org\nCc: c@y.org\n\nx");
        let answer = features("From: b@x.org\nTo: a@x.org, c@y.org\n\nx");
        assert_eq!(question.group, answer.group);
        assert_ne!(question.group, features("From: a@x.org\nTo: b@x.org\n\nx").group);
    }

    #[test]
    fn a_sender_without_an_address_is_known_by_name() {
        let ann = features("From: ann at x.org (Ann Miller)\n\nx");
        let bob = features("From: bob at x.org (Bob Miller)\n\nx");
        assert_ne!(ann.sender, bob.sender);
    }

    #[test]
    fn data_2_a_word_is_another_term_in_each_place() {
        let text = features("Subject: \n\nquay");
        let subject = features("Subject: quay\n\n");
        assert!(subject.terms.len() > text.terms.len());
    }

    #[test]
    fn c8_a_mebibyte_of_one_word_is_one_term() {
        let mail = format!("Subject: x\n\n{}", "quay ".repeat(1 << 18));
        let counts = features(&mail).terms;
        assert_eq!(counts.iter().filter(|(_, count)| *count == u8::MAX).count(), 1);
    }

    #[test]
    fn numbers_never_change() {
        assert_eq!(number(Kind::Word, "quay"), 13_117_462_874_190_407_414);
    }
}
