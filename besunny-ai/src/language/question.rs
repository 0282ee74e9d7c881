//! Candidates and item, written down for the model.
use besunny_core::{
    classify::Question,
    language::Schema,
    mail::{Flag, Mailbox},
    project::Project,
    untrusted::Untrusted,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{hexadecimal, lineup::Lineup, sample};

/// The answer for an item of no candidate.
pub(super) const NONE: &str = "none";
/// The candidates take at most half of an ask, so that there is room for the item.
const CANDIDATES_SHARE: usize = 2;
/// One line of a header says enough in so many characters.
const LINE: usize = 300;
/// So many people or words of a project, or names of a mail, are shown.
const LISTED: usize = 20;
/// A mark of so many bytes is not found by chance in a mail.
const BOUNDARY_BYTES: usize = 8;
/// So much of an answer that could not be read is shown to the model again.
const REPEATED: usize = 2_000;

/// An ask without its instructions.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) input: String,
    pub(super) schema: Schema,
    boundary: String,
}

impl Written {
    /// Writes within about `budget` tokens.
    pub(super) fn new(question: &Question<'_>, lineup: &Lineup<'_>, budget: usize) -> Self {
        let (head, text) = (head(question), question.mail.text.expose());
        let boundary = boundary(&head, text);
        let each = budget / CANDIDATES_SHARE / lineup.projects().count().max(1);
        let mut input = String::new();
        for (alias, project) in lineup.aliases().zip(lineup.projects()) {
            input.push_str(&sample::sample(&candidate(&alias, project), each).replace('\n', " "));
            input.push('\n');
        }
        input.push_str(NONE);
        input.push_str(": it belongs to no project above, or nothing shows to which\n\n");
        input.extend(["BEGIN ", &boundary, "\n", &head, "\n"]);
        let left = budget.saturating_sub(sample::tokens(&input));
        input.push_str(&sample::sample(text.trim(), left));
        input.extend(["\nEND ", &boundary, "\n"]);
        Self { input, schema: schema(lineup), boundary }
    }

    /// Writes the ask again, after an answer that could not be read.
    pub(super) fn again(&self, answer: &Untrusted<String>) -> String {
        let Self { input, boundary, .. } = self;
        let answer = answer.expose();
        let shown = &answer[..answer.floor_char_boundary(REPEATED.min(answer.len()))];
        format!(
            "{input}\nYour last answer stands below. It is not one JSON object of the schema. \
             Answer again, with the object only.\nBEGIN {boundary}\n{shown}\nEND {boundary}\n"
        )
    }
}

/// A line that a sender cannot write inside, since it follows from everything that stands there.
fn boundary(head: &str, text: &str) -> String {
    let mut hash = Sha256::new();
    for text in [head, text] {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    let hash: [u8; 32] = hash.finalize().into();
    hexadecimal(&hash[..BOUNDARY_BYTES])
}

/// One line about a project; neither its id nor its owner.
fn candidate(alias: &str, project: &Project) -> String {
    let signals = &project.signals;
    let mut line = format!("{alias}: {}", one_line(&project.name));
    let about = one_line(&project.description);
    let lists = [
        ("codes", &signals.codes),
        ("keywords", &signals.keywords),
        ("domains", &signals.domains),
        ("people", &signals.people),
    ];
    if !about.is_empty() {
        line.extend([" | about: ", &about]);
    }
    for (name, list) in lists {
        if !list.is_empty() {
            let list: Vec<String> = list.iter().take(LISTED).map(|text| one_line(text)).collect();
            line.extend([" | ", name, ": ", &list.join(", ")]);
        }
    }
    line
}

/// What stands above the text of a mail.
fn head(question: &Question<'_>) -> String {
    let mail = question.mail;
    let mut lines = vec![format!("From: {}", people(&mail.from))];
    lines.push(format!("To: {}", people(&mail.to)));
    if !mail.cc.is_empty() {
        lines.push(format!("Cc: {}", people(&mail.cc)));
    }
    lines.push(format!("Date: {}", question.document.received_at.format("%Y-%m-%d")));
    lines.push(format!("Subject: {}", short(mail.subject_text())));
    let names = mail.attachments.iter().filter_map(|attachment| attachment.name.as_ref());
    let names: Vec<String> = names.take(LISTED).map(|name| short(name.expose())).collect();
    if !names.is_empty() {
        lines.push(format!("Attachments: {}", names.join(", ")));
    }
    let notes: Vec<&str> =
        mail.flags.iter().filter(|flag| flag.is_suspicious()).map(Flag::in_words).collect();
    if !notes.is_empty() {
        lines.push(format!("Noted by the program that read it: {}", notes.join("; ")));
    }
    lines.join("\n") + "\n"
}

fn people(mailboxes: &[Mailbox]) -> String {
    let shown = mailboxes.iter().take(LISTED).map(|mailbox| {
        let address = short(mailbox.address.expose());
        match &mailbox.name {
            Some(name) => format!("{} <{address}>", short(name.expose())),
            None => address,
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn short(text: &str) -> String {
    one_line(&text[..text.floor_char_boundary(LINE.min(text.len()))])
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The form of an answer, with the aliases as the only choices.
fn schema(lineup: &Lineup<'_>) -> Schema {
    let choices: Vec<String> = lineup.aliases().chain([NONE.to_owned()]).collect();
    let choice = json!({ "type": "string", "enum": choices });
    let other = json!({
        "type": "object",
        "properties": { "choice": choice, "confidence": { "type": "number" } },
        "required": ["choice", "confidence"],
        "additionalProperties": false,
    });
    let json = json!({
        "type": "object",
        "properties": {
            "choice": choice,
            "confidence": { "type": "number" },
            "quotes": { "type": "array", "items": { "type": "string" } },
            "alternatives": { "type": "array", "items": other },
        },
        "required": ["choice", "confidence", "quotes", "alternatives"],
        "additionalProperties": false,
    });
    Schema { name: "route".to_owned(), json }
}
