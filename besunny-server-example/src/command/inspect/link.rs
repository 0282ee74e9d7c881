//! `besunny inspect link`: which meeting each address leads to (CAL-11).
use std::io::{self, BufRead, Read, Write};

use besunny::core::meeting::MeetingLink;
use serde_json::{Value, json};

use super::{Answer, Refusal};

/// More of a line is passed over; no meeting link is longer.
const LINE_BYTES: u64 = 4_096;

/// Writes a line for each of `urls`, or of stdin where there are none.
pub(super) fn run(urls: &[String]) -> Result<Answer, Refusal> {
    let mut out = io::stdout().lock();
    let done = if urls.is_empty() {
        each_line(io::stdin().lock(), &mut out)
    } else {
        urls.iter().try_for_each(|url| tell(&mut out, url))
    };
    match done {
        // Nobody is left to be told, as when a pipe is closed.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        done => done.map_err(|error| {
            Refusal::finding("unreadable", format!("the addresses cannot be read: {error}"))
        })?,
    }
    Ok(Answer::done(Value::Null, ""))
}

fn each_line(mut input: impl BufRead, out: &mut impl Write) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        let taken = input.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)?;
        if taken == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') {
            input.skip_until(b'\n')?;
        }
        let line = String::from_utf8_lossy(&line);
        if !line.trim().is_empty() {
            tell(out, line.trim())?;
        }
    }
}

fn tell(out: &mut impl Write, url: &str) -> io::Result<()> {
    let line = match MeetingLink::of_url(url) {
        Some(link) => json!({
            "url": link.url, "platform": link.platform, "key": link.key,
            "bot_capable": link.is_bot_capable(),
        }),
        None => json!({ "url": url, "platform": null, "key": null, "bot_capable": false }),
    };
    writeln!(out, "{line}")?;
    out.flush()
}
