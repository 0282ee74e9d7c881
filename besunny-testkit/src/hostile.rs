//! Mails and pages that cost minutes when any step of a parser is quadratic.
//!
//! The parsers' own tests read them small; `cargo xtask bench MIME` reads them as large as the caps allow.
/// Makes one input.
type Make<T> = Box<dyn Fn() -> T>;
/// Makes a mail that has one size only.
type Structure = fn() -> Vec<u8>;

/// Sizes of what is generated.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Bytes of a header field made of one repeated piece.
    pub field: usize,
    /// Bytes of a text made of one repeated piece.
    pub text: usize,
    /// Bytes of HTML made of one repeated piece.
    pub page: usize,
}

/// Opens a multipart mail whose boundary is `b`.
const MULTIPART: &str = "Content-Type: multipart/mixed; boundary=b\n\n";
const MIB: usize = 1024 * 1024;

/// Pieces that header fields are made of.
const FIELD_PIECES: [&str; 16] = [
    "=?",
    "=?utf-8?Q?",
    "=?utf-8?Q?=E9?= ",
    "(",
    "<",
    "\"",
    "@",
    "a@b ",
    "[",
    "\\",
    ":",
    ";",
    "<a@b>,",
    ",<\"",
    "a;b*0*=x;",
    "=?a?b?==",
];
const FIELDS: [&str; 6] =
    ["To", "Subject", "References", "Content-Type: a/b; x", "Date", "List-Id"];
const TEXT_PIECES: [&str; 8] =
    [">", "On 1 wrote:\n", "From: x\n", "x:\n", "http://", "http://a)", "\u{200b}", "--\n"];
const PAGE_PIECES: [&str; 23] = [
    "<div>",
    "<b hidden>",
    "</div>",
    "<",
    "<a ",
    "<a b=\"",
    "<!--",
    "<table><tr><td>",
    "<title>",
    "<style>",
    "<style>.a{b:c}</style>",
    "&",
    "&#",
    "<a href=https://a.org>",
    "(",
    "<p>",
    "<ul><li>",
    "<blockquote type=cite>a",
    "<td>a",
    "</",
    "<![",
    "<a/",
    "<x y='",
];

/// Returns every mail with its name; HTML stands in mails of its own.
#[must_use]
pub fn mails(sizes: Sizes) -> Vec<(String, Make<Vec<u8>>)> {
    let mut all: Vec<(String, Make<Vec<u8>>)> = Vec::new();
    for (name, make) in STRUCTURES {
        all.push((name.to_owned(), Box::new(make)));
    }
    for field in FIELDS {
        for piece in FIELD_PIECES {
            let make = move || format!("{field}: {}\n\nx", fill(piece, sizes.field)).into_bytes();
            all.push((format!("{field} of {piece:?}"), Box::new(make)));
        }
    }
    for piece in TEXT_PIECES {
        let make = move || format!("Subject: x\n\n{}", fill(piece, sizes.text)).into_bytes();
        all.push((format!("text of {piece:?}"), Box::new(make)));
    }
    for (name, make) in pages(sizes) {
        let make = move || format!("Content-Type: text/html; charset=utf-8\n\n{}", make());
        all.push((format!("HTML of {name}"), Box::new(move || make().into_bytes())));
    }
    all
}

/// Returns every HTML page with its name.
#[must_use]
pub fn pages(sizes: Sizes) -> Vec<(String, Make<String>)> {
    let mut all: Vec<(String, Make<String>)> = vec![
        ("attributes".to_owned(), Box::new(move || attributes(sizes.page, ""))),
        ("quoted attributes".to_owned(), Box::new(move || attributes(sizes.page, "='>'"))),
        ("rules".to_owned(), Box::new(rules)),
        ("braces".to_owned(), Box::new(|| sheet("a{", 100_000))),
        ("media".to_owned(), Box::new(|| sheet("@media all{", 20_000))),
        ("comments".to_owned(), Box::new(|| sheet("/*", 100_000))),
    ];
    for piece in PAGE_PIECES {
        all.push((format!("{piece:?}"), Box::new(move || fill(piece, sizes.page))));
        let ended = move || format!("{}>\"'-->x", fill(piece, sizes.page));
        all.push((format!("{piece:?}, ended"), Box::new(ended)));
    }
    all
}

/// Mails whose structure is hostile, with their names.
const STRUCTURES: [(&str, Structure); 9] = [
    ("10,000 parts", parts),
    ("1,000 nested multiparts", nested_multiparts),
    ("200,000 nested messages", nested_messages),
    ("missing boundaries", missing_boundaries),
    ("hyphens", hyphens),
    ("a header of 10 MiB", long_header),
    ("2 Mi header fields", many_fields),
    ("a body of 50 MiB", large_body),
    ("a lying charset", lying_charset),
];

/// Makes a mail of 10,000 parts.
#[must_use]
pub fn parts() -> Vec<u8> {
    format!("{MULTIPART}{}", "--b\n\nx\n".repeat(10_000)).into_bytes()
}

/// Makes 1,000 multiparts, each inside the one before.
#[must_use]
pub fn nested_multiparts() -> Vec<u8> {
    let part =
        |number| format!("Content-Type: multipart/mixed; boundary=b{number}\n\n--b{number}\n");
    let parts: Vec<String> = (0..1_000).map(part).collect();
    parts.concat().into_bytes()
}

/// Makes 200,000 messages, each inside the one before.
#[must_use]
pub fn nested_messages() -> Vec<u8> {
    "Content-Type: message/rfc822\n\n".repeat(200_000).into_bytes()
}

/// Makes 900 multiparts whose boundaries never come, before 4 MiB of text.
#[must_use]
pub fn missing_boundaries() -> Vec<u8> {
    let mut raw = MULTIPART.to_owned();
    for number in 0..900 {
        let part = format!("--b\nContent-Type: multipart/mixed; boundary=x{number}\n\nhi\n");
        raw.push_str(&part);
    }
    format!("{raw}--b\n\n{}", "y".repeat(4 * MIB)).into_bytes()
}

/// Makes 500,000 lines that are nearly boundaries.
#[must_use]
pub fn hyphens() -> Vec<u8> {
    format!("{MULTIPART}{}", "--b-\n".repeat(500_000)).into_bytes()
}

/// Makes a mail with a header field of 10 MiB.
#[must_use]
pub fn long_header() -> Vec<u8> {
    format!("Subject: x\nX: {}\n\nbody", "y".repeat(10 * MIB)).into_bytes()
}

/// Makes a mail of 10 MiB of short header fields.
#[must_use]
pub fn many_fields() -> Vec<u8> {
    format!("Subject: x\n{}\nbody", "X: y\n".repeat(2 * MIB)).into_bytes()
}

/// Makes a mail twice as large as any that is read.
#[must_use]
pub fn large_body() -> Vec<u8> {
    let mut raw = b"Subject: x\n\n".to_vec();
    raw.resize(50 * MIB, b'x');
    raw
}

/// Makes a mail as large as any that is read, in another charset than it says.
#[must_use]
pub fn lying_charset() -> Vec<u8> {
    let mut raw = b"Subject: x\nContent-Type: text/plain; charset=utf-16\n\n".to_vec();
    raw.extend(b"\xff\xd8\xe9\x80\x1b$B".iter().cycle().take(24 * MIB));
    raw
}

fn fill(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len())
}

/// Makes one element with as many attributes as fit.
fn attributes(bytes: usize, value: &str) -> String {
    let attributes: Vec<String> =
        (0..bytes / (8 + value.len())).map(|number| format!(" a{number:06}{value}")).collect();
    format!("<a{}>x", attributes.concat())
}

/// Makes a sheet of many rules, and many elements that they concern.
fn rules() -> String {
    let rules: Vec<String> =
        (0..6_000).map(|number| format!("x{number}.a{{top:{number}px}}.a{{color:red}}")).collect();
    format!("<style>{}</style>{}", rules.concat(), "<b class=a>x</b>".repeat(5_000))
}

fn sheet(piece: &str, times: usize) -> String {
    format!("<style>{}</style>", piece.repeat(times))
}
