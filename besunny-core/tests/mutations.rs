//! The fuzz targets of `fuzz/` in short: mutations of built-in seeds, the same in every run.
#![cfg(test)]

use besunny_core::{
    address::VirtualAddresses,
    calendar::{
        ics,
        series::{Allowance, Window, agenda},
    },
    mail::{self, Caps, DriveLink},
    meeting::MeetingLink,
};

/// Mutations of each seed: enough to reach every branch, few enough for every test run.
const CASES: usize = 1_000;

/// Xorshift (Marsaglia 2003), so that the cases are the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }
}

/// Changes `seed` in one to four places: a byte, a cut, a doubled piece, a piece of the dictionary.
fn mutated(seed: &[u8], dictionary: &[&str], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(bytes.len());
        let end = (at + numbers.below(20)).min(bytes.len());
        match numbers.below(4) {
            0 if !bytes.is_empty() => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                let to = numbers.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                let word = dictionary[numbers.below(dictionary.len())];
                bytes.splice(at..at, word.bytes());
            }
        }
    }
    bytes
}

fn check(seeds: &[&str], dictionary: &[&str], target: impl Fn(&[u8])) {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for seed in seeds {
        target(seed.as_bytes());
        for _ in 0..CASES {
            target(&mutated(seed.as_bytes(), dictionary, &mut numbers));
        }
    }
}

fn check_text(seeds: &[&str], dictionary: &[&str], target: impl Fn(&str)) {
    check(seeds, dictionary, |bytes| target(&String::from_utf8_lossy(bytes)));
}

const MAIL: &str = "From: \"A, B\" <a@x.org>\r\nTo: G: ai+bob@besunny.ai;, (c) d@x.org\r\n\
Subject: =?utf-8?Q?=E2=98?= =?utf-8?B?ug==?=\r\nDate: Mon, 1 Jan 2024 10:00:00 +0100 (CET)\r\n\
Content-Type: multipart/mixed;\r\n\tboundary=\"b\"\r\n\r\n--b\r\n\
Content-Type: text/plain; charset=iso-2022-jp\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
=1B$B%O=1B(B=\r\n\r\n> old\r\n-- \r\nme\r\n--b\r\nContent-Type: text/html; charset=\"utf-8\"\r\n\
Content-Transfer-Encoding: base64\r\n\r\nPHA+eDwvcD4=\r\n--b\r\n\
Content-Type: application/octet-stream; name*0*=utf-8''%e2%82%ac; name*1=\".ics\"\r\n\
Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n#0V%T\r\n`\r\nend\r\n--b--\r\n";

#[test]
fn mail_read() {
    let bounce = "Return-Path: <>\nDate: Mon Jul 16 23:24:25 PDT 2001\nContent-Type: multipart/report\n\
        boundary=x\n\n--x\n\nOn 1 Jan 2024, B <b@x.org> wrote:\n> a\n--x\nContent-Type: message/rfc822\n\n\
        Subject: y\n\nz\n";
    let words = [
        "\r\n",
        "\n\n",
        "--b",
        "--b--",
        "=?",
        "?=",
        "Content-Type: ",
        "boundary=b",
        "charset=utf-16",
        "\u{feff}",
        "\u{1b}$B",
        "=",
        "\"",
        ";",
        "*0*=",
        ">",
        "text/html",
    ];
    check(&[MAIL, bounce], &words, |raw| {
        let Ok(mail) = mail::read(raw, &Caps::default()) else { return };
        let text: String = mail.segments().map(|segment| segment.text).collect();
        assert_eq!(&text, mail.text.expose());
        assert!(!text.contains(['\0', '\r']));
    });
}

#[test]
fn html_to_text() {
    let page = "<!DOCTYPE html><style>.h{display:none} @media all{td.b{color:#fff}}</style><!-- c -->\
        <p style='color:red'>a &amp; b<table bgcolor=#fff><tr><td class=h>x<td><a href='https://a.org?a=1&amp;b'>l</a>\
        </table><blockquote type=cite>q<ul><li>x<ol start=3><li>y</ol></ul></blockquote><pre>p\n q</pre><img alt=z>";
    let words = [
        "<", ">", "</", "<!--", "-->", "<style>", "</style>", "{", "}", "/*", "*/", "&",
        "&#x202e;", "'", "\"", "=", "hidden", "<td>", "</table>", "\0", "é", "<title>",
    ];
    check_text(&[page], &words, |html| {
        let caps = Caps { text_bytes: 60, ..Caps::default() };
        assert!(mail::html_to_text(html, &caps).text.expose().len() <= caps.text_bytes + 1);
    });
}

#[test]
fn virtual_address() {
    let rule = VirtualAddresses::new("ai", ["besunny.ai"]).unwrap();
    let seeds = [
        "ai+bob@besunny.ai",
        "\"Lee, B\" <ai+bob+tag@besunny.ai>",
        "G: \"ai+bob\"(c)@besunny.ai;, x@y",
    ];
    let words = [
        "@",
        "+",
        "<",
        ">",
        "\"",
        "(",
        ")",
        ",",
        ";",
        ":",
        "\\",
        ".",
        "[",
        "]",
        "ai+",
        "besunny.ai",
        "é",
    ];
    check_text(&seeds, &words, |text| {
        if let Some(found) = rule.recognise(text) {
            let again = rule.recognise(&rule.address_of(&found.username));
            assert_eq!(again.map(|again| again.username), Some(found.username), "{text}");
        }
        assert!(rule.find_all(text).len() <= text.len());
    });
}

#[test]
fn drive_links() {
    let seeds = [
        "https://drive.google.com/a/x.org/file/d/1a_B-2/view?usp=sharing",
        "https://www.google.com/url?q=https%3A%2F%2Fdocs.google.com%2Fdocument%2Fu%2F0%2Fd%2F1a%2Fedit",
    ];
    let words =
        ["/", "..", "%", "%2F", "?", "&", "=", "#", "@", ":", "id=", "/d/", "open", "folders", "é"];
    check_text(&seeds, &words, |url| {
        if let Some(link) = DriveLink::find(url) {
            let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            assert!(!link.id.as_str().is_empty() && link.id.as_str().bytes().all(letters), "{url}");
        }
    });
}

#[test]
fn meeting_links() {
    let seeds = [
        "https://us02web.zoom.us/j/123?pwd=a",
        "<a href=\"https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fmeet.google.com%2Fabc-defg-hij&amp;d=1\">x</a>",
        "https://urldefense.com/v3/__https://teams.microsoft.com/l/meetup-join/19*3aa*40thread.v2/0__;JSUl!!x$",
    ];
    let words = [
        "/",
        "..",
        "%",
        "%2F",
        "?",
        "&",
        "&amp;",
        "=",
        "#",
        "@",
        ":",
        "\\",
        "*",
        "**A",
        "__;",
        "!!",
        "https://",
        "zoommtg://",
        "zoom.us/j/",
        "xn--",
        "é",
        "<",
        ">",
        " ",
    ];
    check_text(&seeds, &words, |text| {
        for link in [MeetingLink::of_url(text), MeetingLink::find_in(text)].into_iter().flatten() {
            let again = MeetingLink::of_url(link.url.expose());
            assert_eq!(again.map(|again| again.key), Some(link.key), "{text}");
        }
    });
}

#[test]
fn invitation() {
    let calendar = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:u\r\nSEQUENCE:1\r\n\
        SUMMARY:a\\, b\r\n  c\r\nDTSTART;TZID=\"E:B\":20240101T100000\r\nBEGIN:VALARM\r\nEND:VALARM\r\nEND:VEVENT\r\n";
    let words = [
        "\r\n",
        "\r\n ",
        ":",
        ";",
        "\"",
        "\\",
        "=",
        "BEGIN:VEVENT",
        "END:VEVENT",
        "BEGIN:",
        "END:",
        "é",
    ];
    check_text(&[calendar], &words, |calendar| {
        let caps = Caps { calendar_bytes: 150, ..Caps::default() };
        if let Some(found) = mail::read_invitation(calendar, &caps) {
            assert!(
                found.summary.is_none_or(|summary| summary.expose().len() <= caps.calendar_bytes)
            );
        }
    });
}

#[test]
fn calendar() {
    let calendar = "BEGIN:VCALENDAR\r\nX-WR-TIMEZONE:Europe/Berlin\r\nBEGIN:VTIMEZONE\r\nTZID:Own\r\nBEGIN:STANDARD\r\n\
        DTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n\
        END:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTART;TZID=Own:20240101T100000\r\nDURATION:PT1H\r\n\
        RRULE:FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1;UNTIL=20241231T000000Z\r\nRDATE:20240110T100000,20240111T100000\r\n\
        EXDATE:20240110T100000\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:u\r\nRECURRENCE-ID;RANGE=THISANDFUTURE:20240111T100000\r\n\
        DTSTART;VALUE=DATE:20240112\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let words = [
        "\r\n",
        "\r\n ",
        ":",
        ";",
        ",",
        "=",
        "-",
        "FREQ=SECONDLY",
        "COUNT=9",
        "INTERVAL=999999999",
        "BYMONTHDAY=30",
        "BEGIN:VEVENT",
        "END:VEVENT",
        "BEGIN:STANDARD",
        "TZID=Own",
        "VALUE=DATE",
        "P9999W",
        "99991231T235959",
        "00010101",
    ];
    let day = |text: &str| text.parse().unwrap();
    let window = Window { from: day("2023-12-31T00:00:00Z"), to: day("2025-01-01T00:00:00Z") };
    check(&[calendar], &words, |raw| {
        let Ok(file) = ics::read(raw, &ics::Caps::default()) else { return };
        let events: Vec<_> = file.entries.into_iter().map(|entry| entry.event).collect();
        let found = agenda(&events, &window, &mut Allowance::new(100, 10_000));
        assert!(found.found.len() <= 100);
        assert!(found.found.iter().all(|one| window.has(&one.starts, &one.ends)));
        // What can be read can be expanded.
        assert_eq!(found.unreadable, []);
    });
}
