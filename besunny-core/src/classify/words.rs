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
#[derive(Debug, Default)]
pub(super) struct Phrases {
    by_first: HashMap<String, Vec<Phrase>>,
}

impl Phrases {
    /// Looks for `text` too; a text without any word is ignored.
    pub(super) fn add(&mut self, text: &str, tag: usize) {
        let words: Vec<String> = words(text).map(str::to_lowercase).collect();
        if let Some(first) = words.first().cloned() {
            self.by_first.entry(first).or_default().push(Phrase { words, tag });
        }
    }

    /// Calls `found` with the tag of each phrase in `text`, as often as it stands there.
    pub(super) fn search(&self, text: &str, mut found: impl FnMut(usize)) {
        let text: Vec<String> = words(text).map(str::to_lowercase).collect();
        for (at, word) in text.iter().enumerate() {
            let Some(phrases) = self.by_first.get(word) else { continue };
            for phrase in phrases {
                if text[at..].starts_with(&phrase.words) {
                    found(phrase.tag);
                }
            }
        }
    }
}

/// Splits a text into words: runs of letters and digits, and each character of scripts that do
/// not part words by spaces.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|letter: char| !letter.is_alphanumeric());
        let first = rest.chars().next()?;
        let end = if is_unspaced(first) {
            first.len_utf8()
        } else {
            rest.find(|letter: char| !letter.is_alphanumeric() || is_unspaced(letter))
                .unwrap_or(rest.len())
        };
        let (word, tail) = rest.split_at(end);
        rest = tail;
        Some(word)
    })
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
