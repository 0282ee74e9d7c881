//! Tokens of an address list; linear, without recursion.
use super::Word;

pub(super) enum Token<'a> {
    Word(Word),
    Comment(String),
    /// What stands between `<` and `>`.
    Angle(&'a str),
    Comma,
    Semicolon,
    Colon,
}

pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    spaced: bool,
    /// No quoted string ends beyond this offset, so that none is looked for again.
    last_quote: usize,
    /// Whether something had to be read against the grammar.
    pub(super) tolerated: bool,
}

/// Tells whether `c` may stand in an atom (RFC 5322 3.2.3, RFC 6532 beyond ASCII).
pub(super) fn is_atom_letter(c: char) -> bool {
    !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let last_quote = text.rfind('"').unwrap_or(0);
        Self { text, at: 0, spaced: true, last_quote, tolerated: false }
    }

    pub(super) fn next_token(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let c = self.text[self.at..].chars().next()?;
        let token = match c {
            ',' => self.single(Token::Comma),
            ';' => self.single(Token::Semicolon),
            ':' => self.single(Token::Colon),
            '@' => {
                self.at += 1;
                self.word("@".to_owned(), false)
            }
            '(' => Token::Comment(self.comment()),
            '<' => Token::Angle(self.angle()),
            '"' => match self.quoted_string() {
                Some(text) => self.word(text, true),
                None => self.atom(),
            },
            '[' => self.domain_literal(),
            _ => self.atom(),
        };
        if matches!(token, Token::Comment(_) | Token::Comma | Token::Semicolon | Token::Colon) {
            self.spaced = true;
        }
        Some(token)
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.spaced |= trimmed.len() < rest.len();
        self.at = self.text.len() - trimmed.len();
    }

    fn single(&mut self, token: Token<'a>) -> Token<'a> {
        self.at += 1;
        token
    }

    fn word(&mut self, text: String, quoted: bool) -> Token<'a> {
        let spaced = std::mem::take(&mut self.spaced);
        Token::Word(Word { text, quoted, spaced })
    }

    /// Takes at least one letter, even a special that has no meaning here.
    fn atom(&mut self) -> Token<'a> {
        let start = self.at;
        for (offset, c) in self.text[start..].char_indices() {
            let special = c.is_whitespace() || "(<@,;:\"[".contains(c);
            if special && offset > 0 {
                break;
            }
            self.tolerated |= !is_atom_letter(c) && c != '.';
            self.at = start + offset + c.len_utf8();
        }
        let text = self.text[start..self.at].to_owned();
        self.word(text, false)
    }

    /// Takes a quoted string; none when it does not end.
    fn quoted_string(&mut self) -> Option<String> {
        if self.at >= self.last_quote {
            return None;
        }
        let mut text = String::new();
        let mut escaped = false;
        for (offset, c) in self.text[self.at + 1..].char_indices() {
            match c {
                '\\' if !escaped => escaped = true,
                '"' if !escaped => {
                    self.at += 1 + offset + 1;
                    return Some(text);
                }
                _ => {
                    escaped = false;
                    text.push(c);
                }
            }
        }
        self.last_quote = self.at;
        None
    }

    /// Takes a comment with those inside it.
    ///
    /// One that does not end reaches to the end.
    fn comment(&mut self) -> String {
        let start = self.at + 1;
        let (mut depth, mut escaped) = (0_usize, false);
        for (offset, c) in self.text[self.at..].char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let end = self.at + offset;
                self.at = end + 1;
                return self.text[start..end].to_owned();
            }
        }
        self.tolerated = true;
        self.at = self.text.len();
        self.text[start..].to_owned()
    }

    /// Takes what stands in angle brackets; without an end it reaches to the next comma.
    fn angle(&mut self) -> &'a str {
        let start = self.at + 1;
        let (mut quoted, mut escaped) = (false, false);
        for (offset, c) in self.text[start..].char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = !quoted,
                '>' if !quoted => {
                    self.at = start + offset + 1;
                    return &self.text[start..start + offset];
                }
                '<' if !quoted => break,
                _ => {}
            }
        }
        self.tolerated = true;
        let rest = &self.text[start..];
        let end = rest.find(['>', '<', ',', ';']).unwrap_or(rest.len());
        self.at = start + end + usize::from(rest[end..].starts_with('>'));
        &rest[..end]
    }

    fn domain_literal(&mut self) -> Token<'a> {
        let rest = &self.text[self.at..];
        let end = rest[1..].find([']', ',', '<', '[']).map_or(rest.len(), |end| end + 1);
        if !rest[end..].starts_with(']') {
            return self.atom();
        }
        self.at += end + 1;
        self.word(rest[..=end].to_owned(), false)
    }
}
