//! Reading answers: what a person wrote, as what it is for.
use crate::{
    onboarding::{
        dates::{self, DateError},
        template::{Question, Subject},
    },
    profile::{Contact, join},
    project::{MAX_NAME, Period},
    untrusted::Untrusted,
};

/// One sentence, and a little more.
const MAX_SENTENCE: usize = 500;
/// A list with more entries says nothing any more.
const MAX_ENTRIES: usize = 50;
/// The longest entry of a list, in characters.
const MAX_ENTRY: usize = 100;
/// The longest link that browsers and servers agree on.
const MAX_LINK: usize = 2_000;
/// No answer is longer, in bytes; what is beyond is not even read.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// How a person says that there is nobody.
const NOBODY: [&str; 6] = ["none", "nobody", "no one", "n/a", "na", "-"];

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A line of text.
    Text(String),
    /// Entries of a list, each once.
    List(Vec<String>),
    /// Somebody, or explicitly nobody.
    Somebody(Option<Contact>),
    /// Days.
    Period(Period),
    /// Nothing, where nothing need be said.
    Nothing,
}

/// An answer that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer to `{question}` {flaw}")]
pub struct AnswerError {
    /// The key of the question.
    pub question: String,
    /// What is wrong.
    pub flaw: Flaw,
    /// How an answer looks.
    pub example: String,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The question must be answered.
    #[error("is missing")]
    Missing,
    /// It is longer than so many characters.
    #[error("is longer than {0} characters")]
    TooLong(usize),
    /// One entry of the list is longer than so many characters.
    #[error("has an entry of more than {0} characters")]
    EntryTooLong(usize),
    /// The list has more entries than this.
    #[error("has more than {0} entries")]
    TooMany(usize),
    /// It names nobody, or an address that is none.
    #[error("names nobody, or an address that is none")]
    Nobody,
    /// It is no date.
    #[error("is no date: {0}")]
    NoDate(DateError),
}

impl AnswerError {
    /// Says what to do about it.
    #[must_use]
    pub fn fix(&self) -> String {
        let example = &self.example;
        match self.flaw {
            Flaw::Missing => format!("Answer it, such as: {example}"),
            Flaw::TooLong(most) => format!("Shorten it to {most} characters."),
            Flaw::EntryTooLong(most) => {
                format!("Part the entries by commas, each of {most} characters at most.")
            }
            Flaw::TooMany(most) => format!("Keep the {most} that say most."),
            Flaw::Nobody => format!("Name one person, with an address if you know it: {example}"),
            Flaw::NoDate(DateError::DayOrMonth) => {
                "Write the month as a word, or the day as 2026-06-14.".to_owned()
            }
            Flaw::NoDate(DateError::NoSuchDay) => "Look at the calendar again.".to_owned(),
            Flaw::NoDate(DateError::Year) => "Add the year in four digits.".to_owned(),
            Flaw::NoDate(DateError::NoDate | DateError::Period(_)) => format!(
                "Write a day, a range or a month, such as: {example}. A month will do while the \
                 day is open."
            ),
        }
    }
}

impl Question {
    /// Reads an answer as what the question asks for.
    ///
    /// # Errors
    /// [`AnswerError`] names the question, what is wrong and the fix; never what was written.
    pub fn read(&self, answer: &Untrusted<String>) -> Result<Answer, AnswerError> {
        let text = answer.expose();
        if text.len() > MAX_ANSWER_BYTES {
            return Err(self.refuse(Flaw::TooLong(self.most())));
        }
        let text = cleaned(text);
        if text.is_empty() {
            let missing = || self.refuse(Flaw::Missing);
            return if self.required { Err(missing()) } else { Ok(Answer::Nothing) };
        }
        self.understand(&text).map_err(|flaw| self.refuse(flaw))
    }

    fn understand(&self, text: &str) -> Result<Answer, Flaw> {
        match self.asks {
            Subject::Name | Subject::Overview => {
                let line = one_line(text);
                let fits = line.chars().count() <= self.most();
                if fits { Ok(Answer::Text(line)) } else { Err(Flaw::TooLong(self.most())) }
            }
            Subject::Keywords | Subject::Deliverables => list(text, &[',', ';', '\n'], MAX_ENTRY),
            Subject::Location => list(text, &[';', '\n'], MAX_ENTRY),
            Subject::References => list(text, &[' ', ',', '\n'], MAX_LINK),
            Subject::Lead(_) if NOBODY.contains(&text.to_lowercase().as_str()) => {
                Ok(Answer::Somebody(None))
            }
            Subject::Lead(_) => {
                if text.chars().count() > self.most() {
                    return Err(Flaw::TooLong(self.most()));
                }
                let contact = Contact::parse(text).ok_or(Flaw::Nobody)?;
                Ok(Answer::Somebody(Some(contact)))
            }
            Subject::Dates => dates::parse(text).map(Answer::Period).map_err(Flaw::NoDate),
        }
    }

    /// Returns how many characters an answer may have.
    #[must_use]
    pub const fn most(&self) -> usize {
        match self.asks {
            Subject::Name => MAX_NAME,
            Subject::Overview | Subject::Lead(_) => MAX_SENTENCE,
            Subject::Dates => MAX_ENTRY,
            Subject::Keywords | Subject::Deliverables | Subject::Location | Subject::References => {
                MAX_ANSWER_BYTES
            }
        }
    }

    fn refuse(&self, flaw: Flaw) -> AnswerError {
        AnswerError { question: self.key.to_string(), flaw, example: self.example.to_string() }
    }
}

/// Takes out what is invisible and the space around.
pub(super) fn cleaned(text: &str) -> String {
    crate::mail::invisible::clean(text).text.trim().to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn list(text: &str, marks: &[char], most: usize) -> Result<Answer, Flaw> {
    let mut entries = Vec::new();
    let parts: Vec<String> =
        text.split(marks).map(one_line).filter(|entry| !entry.is_empty()).collect();
    if parts.is_empty() {
        return Err(Flaw::Missing);
    }
    if parts.iter().any(|entry| entry.chars().count() > most) {
        return Err(Flaw::EntryTooLong(most));
    }
    join(&mut entries, &parts);
    if entries.len() > MAX_ENTRIES {
        return Err(Flaw::TooMany(MAX_ENTRIES));
    }
    Ok(Answer::List(entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onboarding::template::PRODUCTION;

    fn read(key: &str, text: &str) -> Result<Answer, Flaw> {
        let (_, question) = PRODUCTION.find(key).unwrap();
        question.read(&Untrusted::new(text.to_owned())).map_err(|error| error.flaw)
    }

    fn entries(list: &[&str]) -> Answer {
        Answer::List(list.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn onb_1_comma_lists() {
        for (text, want) in [
            ("dyke, pump station,flood map", &["dyke", "pump station", "flood map"][..]),
            ("dyke;  dyke ;Dyke", &["dyke"]),
            (" a \n\n b,,c, ", &["a", "b", "c"]),
            ("水 , größe", &["水", "größe"]),
            ("<b>dyke</b>", &["<b>dyke</b>"]),
        ] {
            assert_eq!(read("keywords", text), Ok(entries(want)), "{text:?}");
        }
        assert_eq!(
            read("location", "Lisbon, Portugal; Porto"),
            Ok(entries(&["Lisbon, Portugal", "Porto"]))
        );
        assert_eq!(read("keywords", " ,; ,"), Err(Flaw::Missing));
        assert_eq!(read("keywords", &"x".repeat(101)), Err(Flaw::EntryTooLong(100)));
        let many: Vec<String> = (0..51).map(|number| number.to_string()).collect();
        assert_eq!(read("keywords", &many.join(",")), Err(Flaw::TooMany(50)));
    }

    #[test]
    fn onb_1_what_must_be_there_and_how_long_it_may_be() {
        assert_eq!(read("project_name", " \n"), Err(Flaw::Missing));
        assert_eq!(read("references", " "), Ok(Answer::Nothing));
        assert_eq!(read("project_name", &"ä".repeat(200)), Ok(Answer::Text("ä".repeat(200))));
        assert_eq!(read("project_name", &"ä".repeat(201)), Err(Flaw::TooLong(200)));
        assert_eq!(read("overview", &"x ".repeat(300)), Err(Flaw::TooLong(500)));
        assert_eq!(read("shoot_date", "soon"), Err(Flaw::NoDate(DateError::NoDate)));
        assert_eq!(read("client_lead", "none"), Ok(Answer::Somebody(None)));
        assert_eq!(read("client_lead", "cy@weir"), Err(Flaw::Nobody));
    }

    #[test]
    fn hostile_answers_are_text_or_refused() {
        let text = |text: &str| Ok(Answer::Text(text.to_owned()));
        assert_eq!(read("project_name", "a\0\u{1b}[31m\u{202e}b\u{200b}\r\nc"), text("a[31mb c"));
        assert_eq!(read("overview", "<script>x</script>"), text("<script>x</script>"));
        assert_eq!(read("project_name", "\u{200b}\u{2060}"), Err(Flaw::Missing));
        for question in PRODUCTION.questions.iter() {
            let long = read(&question.key, &"x".repeat(1 << 20));
            assert_eq!(long, Err(Flaw::TooLong(question.most())), "{}", question.key);
        }
    }

    #[test]
    fn every_refusal_names_question_and_fix_and_not_the_answer() {
        let flaws = [
            Flaw::Missing,
            Flaw::TooLong(200),
            Flaw::EntryTooLong(100),
            Flaw::TooMany(50),
            Flaw::Nobody,
            Flaw::NoDate(DateError::NoDate),
            Flaw::NoDate(DateError::DayOrMonth),
            Flaw::NoDate(DateError::NoSuchDay),
            Flaw::NoDate(DateError::Year),
        ];
        let said = flaws.map(|flaw| {
            let (question, example) = ("shoot_date".to_owned(), "14-16 June 2026".to_owned());
            let error = AnswerError { question, flaw, example };
            format!("{error}. {}", error.fix())
        });
        insta::assert_snapshot!(said.join("\n"));
    }
}
