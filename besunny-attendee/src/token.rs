//! The text that Attendee signs: JSON written anew, token by token, over the raw bytes.
//!
//! Keys are sorted by code point, nothing stands between tokens, strings are escaped as Python's
//! `json.dumps(.., ensure_ascii=False)` does, and numbers stay as they were written. No JSON library
//! takes part: what `serde_json` makes of a number depends on features that any crate of a build can
//! switch on.
use std::collections::BTreeMap;

/// Larger bodies are refused: Attendee's largest, with a long utterance and full metadata, have some
/// ten kilobytes.
const MAX_BYTES: usize = 1 << 20;
/// Deeper bodies are refused: Attendee's are five deep, and Python's own reader ends at 1,000.
const MAX_DEPTH: usize = 64;

/// Why a body has no canonical text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Odd {
    /// It is larger than any delivery.
    #[error("it has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is nested deeper than any delivery.
    #[error("it is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// It is not JSON; counted in bytes from the start.
    #[error("it is no JSON from byte {0} on")]
    NotJson(usize),
    /// Half of a surrogate pair stands alone, which nobody could have signed.
    #[error("half a character stands alone at byte {0}")]
    LoneSurrogate(usize),
    /// Something follows the one value.
    #[error("something follows its end at byte {0}")]
    Trailing(usize),
}

/// Writes the canonical text of a JSON document.
///
/// Of keys that come twice the last one counts, as in Python.
///
/// # Errors
/// [`Odd`] for what no server could have signed, and for what is larger or deeper than any delivery.
pub fn canonical(body: &[u8]) -> Result<String, Odd> {
    if body.len() > MAX_BYTES {
        return Err(Odd::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|odd| Odd::NotJson(odd.valid_up_to()))?;
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(Odd::Trailing(reader.at));
    }
    let mut written = String::with_capacity(text.len());
    node.write(&mut written);
    Ok(written)
}

/// A value, of which only strings are understood.
enum Node<'a> {
    /// A number, `true`, `false` or `null`, as written.
    Plain(&'a str),
    Text(String),
    List(Vec<Node<'a>>),
    Object(BTreeMap<String, Node<'a>>),
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Node<'a>, Odd> {
        if depth > MAX_DEPTH {
            return Err(Odd::TooDeep);
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Node::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node<'a>, Odd> {
        self.at += 1;
        let mut entries = BTreeMap::new();
        self.space();
        if self.eat(b'}') {
            return Ok(Node::Object(entries));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(Odd::NotJson(self.at));
            }
            let key = self.string()?;
            self.space();
            self.expect(b':')?;
            let value = self.value(depth + 1)?;
            entries.insert(key, value);
            self.space();
            if self.eat(b'}') {
                return Ok(Node::Object(entries));
            }
            self.expect(b',')?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node<'a>, Odd> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Node::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.eat(b']') {
                return Ok(Node::List(items));
            }
            self.expect(b',')?;
        }
    }

    /// Reads a string whose opening quote is next.
    fn string(&mut self) -> Result<String, Odd> {
        self.at += 1;
        let mut read = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c| matches!(c, '"' | '\\') || c < '\u{20}');
            let end = plain.ok_or(Odd::NotJson(self.text.len()))?;
            read.push_str(&rest[..end]);
            self.at += end;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(read);
                }
                Some(b'\\') => read.push(self.escape()?),
                _ => return Err(Odd::NotJson(self.at)),
            }
        }
    }

    /// Reads an escape whose backslash is next.
    fn escape(&mut self) -> Result<char, Odd> {
        let begin = self.at;
        self.at += 2;
        Ok(match self.text.as_bytes().get(begin + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(begin),
            _ => return Err(Odd::NotJson(begin)),
        })
    }

    /// Reads the digits of an escape, and of a second one where both make one character.
    fn code_point(&mut self, begin: usize) -> Result<char, Odd> {
        let first = self.hex()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        let lone = Odd::LoneSurrogate(begin);
        if !self.text[self.at..].starts_with("\\u") {
            return Err(lone);
        }
        self.at += 2;
        let second = self.hex()?;
        let units = [first, second].map(|unit| u16::try_from(unit).unwrap_or_default());
        match char::decode_utf16(units).next() {
            Some(Ok(character)) => Ok(character),
            _ => Err(lone),
        }
    }

    fn hex(&mut self) -> Result<u32, Odd> {
        let odd = Odd::NotJson(self.at);
        let digits = self.text.get(self.at..self.at + 4).ok_or(odd)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(odd);
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_checked| odd)
    }

    fn number(&mut self) -> Result<Node<'a>, Odd> {
        let begin = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _is_signed = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(Node::Plain(&self.text[begin..self.at]))
    }

    fn digits(&mut self) -> Result<(), Odd> {
        let begin = self.at;
        while self.peek().is_some_and(|digit| digit.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == begin { Err(Odd::NotJson(begin)) } else { Ok(()) }
    }

    fn word(&mut self) -> Result<Node<'a>, Odd> {
        let rest = &self.text[self.at..];
        let word = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word));
        let word = word.ok_or(Odd::NotJson(self.at))?;
        self.at += word.len();
        Ok(Node::Plain(word))
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), Odd> {
        if self.eat(byte) { Ok(()) } else { Err(Odd::NotJson(self.at)) }
    }
}

impl Node<'_> {
    fn write(&self, into: &mut String) {
        match self {
            Self::Plain(token) => into.push_str(token),
            Self::Text(text) => write_text(text, into),
            Self::List(items) => {
                into.push('[');
                for (place, item) in items.iter().enumerate() {
                    comma(place, into);
                    item.write(into);
                }
                into.push(']');
            }
            Self::Object(entries) => {
                into.push('{');
                for (place, (key, value)) in entries.iter().enumerate() {
                    comma(place, into);
                    write_text(key, into);
                    into.push(':');
                    value.write(into);
                }
                into.push('}');
            }
        }
    }
}

fn comma(place: usize, into: &mut String) {
    if place > 0 {
        into.push(',');
    }
}

fn write_text(text: &str, into: &mut String) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    into.push('"');
    for character in text.chars() {
        match character {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\u{8}' => into.push_str("\\b"),
            '\u{c}' => into.push_str("\\f"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            control if control < '\u{20}' => {
                let code = control as usize;
                into.push_str("\\u00");
                into.extend([HEX[code >> 4], HEX[code & 0xf]]);
            }
            other => into.push(other),
        }
    }
    into.push('"');
}

#[cfg(test)]
mod tests;
