//! The few search operators that a client of mailboxes needs.
//!
//! Gmail takes any text; an operator that is not simulated is refused instead of ignored, so
//! that nobody tests against a query that does nothing.

use super::Message;
use super::envelope::bare_id;
use super::labels::{LabelId, Labels};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Search {
    terms: Vec<Term>,
    /// Whether spam and trash are asked for by name.
    names_hidden: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Term {
    negated: bool,
    test: Test,
}

#[derive(Debug, PartialEq, Eq)]
enum Test {
    Anywhere,
    /// A label; absent where the mailbox has none of that name.
    Label(Option<LabelId>),
    Read,
    DeliveredTo(String),
    To(String),
    From(String),
    Subject(String),
    MessageId(String),
    AfterMs(i64),
    BeforeMs(i64),
    Text(String),
}

/// A query that uses an operator which is not simulated.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownOperator(pub(crate) String);

impl Search {
    pub(crate) fn parse(query: &str, labels: &Labels) -> Result<Self, UnknownOperator> {
        let mut terms = Vec::new();
        let mut names_hidden = false;
        for word in words(query) {
            let (negated, word) = match word.strip_prefix('-') {
                Some(rest) => (true, rest.to_owned()),
                None => (false, word),
            };
            let test = Test::parse(&word, labels)?;
            let hidden = [Some(LabelId::SPAM), Some(LabelId::TRASH)].map(Test::Label);
            names_hidden |= !negated && (test == Test::Anywhere || hidden.contains(&test));
            terms.push(Term { negated, test });
        }
        Ok(Self { terms, names_hidden })
    }

    pub(crate) fn names_hidden(&self) -> bool {
        self.names_hidden
    }

    pub(crate) fn matches(&self, message: &Message) -> bool {
        self.terms.iter().all(|term| term.test.matches(message) != term.negated)
    }
}

impl Test {
    fn parse(word: &str, labels: &Labels) -> Result<Self, UnknownOperator> {
        let unknown = || UnknownOperator(word.to_owned());
        if word.starts_with(['{', '(']) || word == "OR" {
            return Err(unknown());
        }
        let Some((operator, value)) = word.split_once(':') else {
            return Ok(Self::Text(word.to_lowercase()));
        };
        let lower = value.to_lowercase();
        Ok(match operator.to_lowercase().as_str() {
            "in" if lower == "anywhere" => Self::Anywhere,
            "in" if lower == "drafts" => Self::Label(Some(LabelId::DRAFT)),
            "in" | "label" => Self::Label(labels.find_by_name(value)),
            "is" if lower == "unread" => Self::Label(Some(LabelId::UNREAD)),
            "is" if lower == "starred" => Self::Label(Some(LabelId::STARRED)),
            "is" if lower == "read" => Self::Read,
            "deliveredto" => Self::DeliveredTo(lower),
            "to" => Self::To(lower),
            "from" => Self::From(lower),
            "subject" => Self::Subject(lower),
            "rfc822msgid" => Self::MessageId(bare_id(value).to_owned()),
            "after" => Self::AfterMs(epoch_ms(value).ok_or_else(unknown)?),
            "before" => Self::BeforeMs(epoch_ms(value).ok_or_else(unknown)?),
            _ => return Err(unknown()),
        })
    }

    fn matches(&self, message: &Message) -> bool {
        let envelope = &message.envelope;
        match self {
            Self::Anywhere => true,
            Self::Label(label) => label.is_some_and(|label| message.has(label)),
            Self::Read => !message.has(LabelId::UNREAD),
            Self::DeliveredTo(address) => envelope.delivered_to.contains(address),
            Self::To(address) => envelope.recipients.contains(address),
            Self::From(address) => envelope.from.contains(address),
            Self::Subject(text) => envelope.subject.contains(text),
            Self::MessageId(id) => envelope.message_id.as_deref() == Some(id),
            Self::AfterMs(at) => message.internal_ms >= *at,
            Self::BeforeMs(at) => message.internal_ms < *at,
            Self::Text(text) => {
                [&envelope.subject, &envelope.from, &envelope.recipients]
                    .iter()
                    .any(|field| field.contains(text))
                    || message.snippet().to_lowercase().contains(text)
            }
        }
    }
}

fn epoch_ms(value: &str) -> Option<i64> {
    value.parse::<i64>().ok()?.checked_mul(1000)
}

/// Words apart from each other, except inside quotation marks.
fn words(query: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for character in query.chars() {
        match character {
            '"' => quoted = !quoted,
            space if space.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_understood_or_refused() {
        let labels = Labels::default();
        let understood = |query: &str| Search::parse(query, &labels).is_ok();
        for query in
            ["", "in:inbox -in:spam", "subject:\"two words\" rfc822msgid:<a@b>", "after:1700000000"]
        {
            assert!(understood(query), "{query}");
        }
        for query in ["has:attachment", "{from:a from:b}", "a OR b", "after:yesterday"] {
            assert!(!understood(query), "{query}");
        }
    }
}
