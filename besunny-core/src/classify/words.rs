//! Finding names, codes and keywords in text, at word boundaries.
use std::collections::HashMap;

/// A phrase to look for: its words, in lower case.
#[derive(Debug)]
struct Phrase {
    words: Vec<String>,
    /// What finding it means to the caller.
    tag: usize,
}

/// Many phrases, found in one walk over a text.
#[derive(Debug)]
pub(super) struct Phrases {
    by_first: HashMap<String, Vec<Phrase>>,
    /// The bytes that first words begin with.
    first_letters: [bool; 256],
}

impl Default for Phrases {
    fn default() -> Self {
        Self { by_first: HashMap::new(), first_letters: [false; 256] }
    }
}

impl Phrases {
    /// Looks for `text` too; a text without any word is ignored.
    pub(super) fn add(&mut self, text: &str, tag: usize) {
        let words: Vec<String> = Words { rest: text }.map(str::to_lowercase).collect();
        if let Some(first) = words.first().cloned() {
            let letter = first.bytes().next().unwrap_or_default();
            self.first_letters[usize::from(letter)] = true;
            self.by_first.entry(first).or_default().push(Phrase { words, tag });
        }
    }

    /// Calls `found` with the tag of each phrase in `text`, as often as it stands there.
    pub(super) fn search(&self, text: &str, mut found: impl FnMut(usize)) {
        let mut words = Words { rest: text };
        let mut lower = String::new();
        while let Some(word) = words.next() {
            if !self.may_begin(word) {
                continue;
            }
            lower_into(&mut lower, word);
            for phrase in self.by_first.get(&lower).into_iter().flatten() {
                let mut text = words.clone();
                let mut later = phrase.words.iter().skip(1);
                if later.all(|word| text.next().is_some_and(|next| next.to_lowercase() == *word)) {
                    found(phrase.tag);
                }
            }
        }
    }

    /// Says whether a phrase may begin with `word`: most words of a text are told by their first
    /// letter.
    fn may_begin(&self, word: &str) -> bool {
        word.bytes().next().is_some_and(|byte| {
            !byte.is_ascii() || self.first_letters[usize::from(byte.to_ascii_lowercase())]
        })
    }
}

/// Writes a word in lower case, without an allocation for plain letters.
fn lower_into(lower: &mut String, word: &str) {
    lower.clear();
    if word.is_ascii() {
        lower.push_str(word);
        lower.make_ascii_lowercase();
    } else {
        lower.push_str(&word.to_lowercase());
    }
}

/// The words of a text: runs of letters and digits, and each character of scripts that do not part
/// words by spaces.
#[derive(Clone, Debug)]
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let start =
            find(self.rest, |letter| letter.is_ascii_alphanumeric(), char::is_alphanumeric)?;
        let rest = self.rest.get(start..)?;
        let first = rest.chars().next()?;
        let end = if is_unspaced(first) {
            first.len_utf8()
        } else {
            let ends = |letter: char| !letter.is_alphanumeric() || is_unspaced(letter);
            find(rest, |letter| !letter.is_ascii_alphanumeric(), ends).unwrap_or(rest.len())
        };
        let (word, tail) = rest.split_at(end);
        self.rest = tail;
        Some(word)
    }
}

/// Finds the first letter that is meant; plain ones are told by their byte, since most are.
fn find(text: &str, plain: impl Fn(u8) -> bool, other: impl Fn(char) -> bool) -> Option<usize> {
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        if byte.is_ascii() {
            if plain(*byte) {
                return Some(at);
            }
            at += 1;
        } else {
            let letter = text.get(at..)?.chars().next()?;
            if other(letter) {
                return Some(at);
            }
            at += letter.len_utf8();
        }
    }
    None
}

/// Says whether a script writes words without spaces between them: Han, Kana, Thai, Lao, Khmer.
const fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{0e00}'..='\u{0eff}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(phrase: &str, text: &str, want: usize) {
        let (mut phrases, mut count) = (Phrases::default(), 0);
        phrases.add(phrase, 7);
        phrases.search(text, |tag| count += usize::from(tag == 7));
        assert_eq!(count, want, "{phrase:?} in {text:?}");
    }

    #[test]
    fn phrases_are_found_at_word_boundaries_only() {
        check("art", "The Art of the party", 1);
        check("a", "banana", 0);
        check("Harbour Lights", "harbour\nlights, HARBOUR LIGHTS!", 2);
        check("RVF-12", "re: rvf-12, not RVF-123 or XRVF-12", 1);
        check("Größe", "GRÖSSE grösse Größe", 1);
        check("東京", "来月東京で会いましょう", 1);
        check("", "anything", 0);
        check("!!", "anything !!", 0);
    }
}
