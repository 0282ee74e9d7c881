//! `besunny inspect`: what is read out of one input, by the same reader as in the engine.
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use besunny::core::{
    mail::{self, Attachment, Caps, Mail, MailError, Mailbox},
    untrusted::Untrusted,
};
use serde_json::{Value, json};

use super::{Answer, Refusal};

mod ics;
mod link;
mod webhook;

/// What can be inspected.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Inspect {
    /// Show what is read out of a raw mail
    Mail {
        /// The file; `-` reads stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show what takes place by a calendar file, as one JSON object
    Ics(ics::Ics),
    /// Show which meeting each address leads to, as JSON lines
    Link {
        /// The addresses; without any, stdin has one a line
        #[arg(value_name = "URL")]
        urls: Vec<String>,
    },
    /// Check and show a delivery that a provider sent; its body is read from stdin
    Webhook {
        #[command(subcommand)]
        provider: webhook::Webhook,
    },
}

impl Inspect {
    pub(super) fn run(self) -> Result<Answer, Refusal> {
        match self {
            Self::Mail { file } => inspect_mail(&file),
            Self::Ics(ics) => ics.run(),
            Self::Link { urls } => link::run(&urls),
            Self::Webhook { provider } => provider.run(),
        }
    }
}

fn inspect_mail(file: &Path) -> Result<Answer, Refusal> {
    let caps = Caps::default();
    let raw = read(file, caps.bytes)?;
    let mail = mail::read(&raw, &caps).map_err(|error| refused(file, &error))?;
    Ok(Answer::done(to_json(&mail), to_text(&mail)))
}

/// Reads a file up to one byte more than is allowed.
fn read(path: &Path, cap: usize) -> Result<Vec<u8>, Refusal> {
    let most = u64::try_from(cap).unwrap_or(u64::MAX).saturating_add(1);
    let mut raw = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut raw)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut raw))
    };
    read.map_err(|error| {
        let message = format!("{} cannot be read: {error}", path.display());
        Refusal::finding("unreadable", message)
    })?;
    Ok(raw)
}

fn refused(path: &Path, error: &MailError) -> Refusal {
    let (kind, why) = match error {
        MailError::TooLarge { limit, .. } => {
            ("too_large", format!("it is larger than the {limit} bytes that are read"))
        }
        MailError::Empty => ("empty", "it is empty".to_owned()),
        MailError::NotMail => ("not_mail", "no mail header was found at its start".to_owned()),
        other => ("refused", other.to_string()),
    };
    Refusal::finding(kind, format!("{} is no mail that can be read: {why}", path.display()))
}

fn to_json(mail: &Mail) -> Value {
    json!({
        "subject": mail.subject,
        "from": mail.from,
        "to": mail.to,
        "cc": mail.cc,
        "delivered_to": mail.delivered_to,
        "date": mail.date.map(|date| date.to_rfc3339()),
        "message_id": mail.message_id,
        "text": mail.text,
        "attachments": mail.attachments.iter().map(attachment).collect::<Vec<_>>(),
        "links": mail.links,
        "flags": mail.flags,
    })
}

fn attachment(attachment: &Attachment) -> Value {
    json!({
        "name": attachment.name,
        "type": attachment.mime_type,
        "size_bytes": attachment.size_bytes,
    })
}

fn to_text(mail: &Mail) -> String {
    let addresses = |list: &[Mailbox]| list.iter().map(address).collect::<Vec<_>>().join(", ");
    let date = mail.date.map(|date| date.to_rfc2822()).unwrap_or_default();
    let flags: Vec<String> = mail.flags.iter().map(|flag| format!("{flag:?}")).collect();
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("{name:<13}{value}"));
        }
    };
    line("Subject:", shown(&mail.subject));
    line("From:", addresses(&mail.from));
    line("To:", addresses(&mail.to));
    line("Cc:", addresses(&mail.cc));
    line("Delivered to:", mail.delivered_to.iter().map(shown).collect::<Vec<_>>().join(", "));
    line("Date:", date);
    line("Message id:", mail.message_id.as_ref().map(shown).unwrap_or_default());
    for attachment in &mail.attachments {
        let name = attachment.name.as_ref().map_or_else(|| "without name".to_owned(), shown);
        let kind = shown(&attachment.mime_type);
        line("Attachment:", format!("{name} ({kind}, {} bytes)", attachment.size_bytes));
    }
    for link in &mail.links {
        line("Link:", shown(link));
    }
    line("Flags:", flags.join(", "));
    lines.push(String::new());
    lines.push(shown(&mail.text));
    lines.join("\n")
}

fn address(mailbox: &Mailbox) -> String {
    let address = shown(&mailbox.address);
    match &mailbox.name {
        Some(name) => format!("{} <{address}>", shown(name)),
        None => address,
    }
}

/// Takes out what would steer a terminal.
fn shown(text: &Untrusted<String>) -> String {
    text.expose().chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
