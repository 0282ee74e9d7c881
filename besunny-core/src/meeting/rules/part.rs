//! What a piece of an address must look like to name a room, and its one form in a key.

/// A piece of an address in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Anything; names nothing.
    Any,
    /// A word, as it stands.
    Word,
    /// A word whose case says nothing.
    Lower,
    /// The name of a room at the root of a site that has other pages there; its case says nothing.
    Room,
    /// A number, perhaps with spaces or hyphens as people read it out.
    Digits,
    /// What a machine drew: letters with a digit, or capital ones.
    Code,
    /// A code of Google Meet, or one of the nicknames before it.
    Meet,
    /// A thread of Teams.
    Thread,
    /// A message in a thread of Teams; `0` where the thread is the meeting's own.
    Message,
}

/// The longest piece; that of Signal has 47 bytes, that of Teams 80.
const PIECE_BYTES: usize = 256;

/// The lengths of what a machine draws (`StreamYard`, `Demodesk`).
const CODE_BYTES: std::ops::RangeInclusive<usize> = 6..=16;

/// Letters in a code of Google Meet: `abc-defg-hij`.
const MEET_LETTERS: usize = 10;

/// Shorter ones are no nicknames of Google Meet.
const NICKNAME_BYTES: usize = 3;

/// Pages that sites have where rooms are.
const PAGES: [&str; 46] = [
    "about",
    "account",
    "admin",
    "api",
    "app",
    "apps",
    "blog",
    "careers",
    "company",
    "contact",
    "cookies",
    "customers",
    "docs",
    "download",
    "downloads",
    "enterprise",
    "faq",
    "features",
    "getalink",
    "help",
    "home",
    "information",
    "landing",
    "legal",
    "linkredirect",
    "login",
    "logout",
    "lookup",
    "new",
    "news",
    "plans",
    "press",
    "pricing",
    "privacy",
    "product",
    "security",
    "settings",
    "signin",
    "signup",
    "solutions",
    "static",
    "support",
    "terms",
    "user",
    "whoops",
    "www",
];

impl Part {
    /// Reads the name of a part in braces; `None` for what is to be taken literally.
    pub(super) fn of(pattern: &str) -> Option<Self> {
        Some(match pattern {
            "{any}" => Self::Any,
            "{word}" => Self::Word,
            "{lower}" => Self::Lower,
            "{room}" => Self::Room,
            "{digits}" => Self::Digits,
            "{code}" => Self::Code,
            "{meet}" => Self::Meet,
            "{thread}" => Self::Thread,
            "{message}" => Self::Message,
            _ => return None,
        })
    }

    /// Returns the one form of `text`, or `None` where it is no such part.
    pub(super) fn read(self, text: &str) -> Option<String> {
        match self {
            Self::Any => Some(String::new()),
            Self::Word => word(text),
            Self::Lower => word(text).map(|word| word.to_lowercase()),
            Self::Room => word(text)
                .map(|word| word.to_lowercase())
                .filter(|room| !PAGES.contains(&room.as_str())),
            Self::Digits => digits(text),
            Self::Code => word(text).filter(|code| is_code(code)),
            Self::Meet => meet(text),
            Self::Thread => thread(text),
            Self::Message => {
                digits(text).map(|message| if message == "0" { String::new() } else { message })
            }
        }
    }
}

fn word(text: &str) -> Option<String> {
    let letter = |c: char| c.is_alphanumeric() || "-_.~@+:=!$ ".contains(c);
    let is_word = !text.is_empty() && text.len() <= PIECE_BYTES && text.chars().all(letter);
    (is_word && text.contains(char::is_alphanumeric)).then(|| text.to_owned())
}

fn digits(text: &str) -> Option<String> {
    let number = word(text)?.replace([' ', '-'], "");
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(number)
}

fn is_code(text: &str) -> bool {
    CODE_BYTES.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

fn meet(text: &str) -> Option<String> {
    let text = word(text)?.to_ascii_lowercase();
    let letters = text.replace('-', "");
    if letters.len() == MEET_LETTERS && letters.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Some(format!("{}-{}-{}", &letters[..3], &letters[3..7], &letters[7..]));
    }
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_nickname = text.len() >= NICKNAME_BYTES && text.bytes().all(letter);
    (is_nickname && !PAGES.contains(&text.as_str())).then_some(text)
}

/// Copied links often carry their own rest behind an ampersand that nobody decoded.
fn thread(text: &str) -> Option<String> {
    let thread = text.split('&').next().unwrap_or_default();
    let is_thread = thread.len() <= PIECE_BYTES
        && thread.strip_prefix("19:").is_some_and(|name| !name.is_empty())
        && thread.bytes().all(|byte| byte.is_ascii_graphic());
    is_thread.then(|| thread.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_one_form() {
        let rows = [
            (Part::Word, "aB-1", Some("aB-1")),
            (Part::Word, "", None),
            (Part::Word, "---", None),
            (Part::Word, "a/b", None),
            (Part::Word, "a\u{202e}b", None),
            (Part::Lower, "Ann", Some("ann")),
            (Part::Room, "Weekly", Some("weekly")),
            (Part::Room, "Pricing", None),
            (Part::Digits, "123 4567 890", Some("1234567890")),
            (Part::Digits, "12a", None),
            (Part::Code, "NGYLHDWO", Some("NGYLHDWO")),
            (Part::Code, "u6qes7i8cj", Some("u6qes7i8cj")),
            (Part::Code, "pricing", None),
            (Part::Meet, "abcdefghij", Some("abc-defg-hij")),
            (Part::Meet, "ABC-DEFG-HIJ", Some("abc-defg-hij")),
            (Part::Meet, "team-standup", Some("team-standup")),
            (Part::Meet, "new", None),
            (Part::Meet, "a_b", None),
            (Part::Thread, "19:meeting_x@thread.v2", Some("19:meeting_x@thread.v2")),
            (Part::Thread, "19:x&data=y", Some("19:x")),
            (Part::Thread, "19:", None),
            (Part::Thread, "new", None),
            (Part::Message, "0", Some("")),
            (Part::Message, "1700", Some("1700")),
        ];
        for (part, text, want) in rows {
            assert_eq!(part.read(text).as_deref(), want, "{part:?} {text}");
        }
    }
}
