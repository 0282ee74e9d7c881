//! How long a text is for a model, and what is shown of one that is too long.

/// ASCII text has three to five characters a token in the models we know of, and letters beyond it
/// up to one token each (measured by their tokenizers on prose). This errs on the long side.
const ASCII_PER_TOKEN: usize = 3;
/// Of what is shown, so much is the head: a text says first what it is about.
const HEAD_SHARE: (usize, usize) = (2, 3);

/// Estimates the tokens of a text; too high rather than too low.
pub(super) fn tokens(text: &str) -> usize {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let others = text.chars().count() - ascii;
    ascii.div_ceil(ASCII_PER_TOKEN) + others
}

/// Returns a text within `budget` tokens: whole, or its head and its tail.
pub(super) fn sample(text: &str, budget: usize) -> String {
    if tokens(text) <= budget {
        return text.to_owned();
    }
    let head = fitting(text.chars(), budget * HEAD_SHARE.0 / HEAD_SHARE.1);
    let tail = fitting(text[head..].chars().rev(), budget - budget * HEAD_SHARE.0 / HEAD_SHARE.1);
    let tail = text.len() - tail;
    let left_out = text[head..tail].chars().count();
    format!("{}\n[{left_out} characters are left out here]\n{}", &text[..head], &text[tail..])
}

/// Returns how many bytes of `chars` fit into `budget` tokens.
fn fitting(chars: impl Iterator<Item = char>, budget: usize) -> usize {
    let mut left = budget.saturating_mul(ASCII_PER_TOKEN);
    let cost = |c: char| if c.is_ascii() { 1 } else { ASCII_PER_TOKEN };
    chars
        .take_while(|c| {
            let rest = left.checked_sub(cost(*c));
            left = rest.unwrap_or_default();
            rest.is_some()
        })
        .map(char::len_utf8)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cls_5_a_long_text_is_shown_by_its_head_and_its_tail() {
        assert_eq!(sample("short", 2), "short");
        let long = format!("{}{}{}", "head ".repeat(6), "x".repeat(1_000), " tail".repeat(6));
        let shown = sample(&long, 20);
        assert!(shown.starts_with("head head head"), "{shown}");
        assert!(shown.ends_with("tail tail tail"), "{shown}");
        assert!(shown.contains("characters are left out here"), "{shown}");
    }

    #[test]
    fn a_sample_keeps_its_budget_in_any_script() {
        for piece in ["a", "ж", "漢", "👩‍💻", "aж"] {
            let shown = sample(&piece.repeat(10_000), 300);
            assert!(tokens(&shown) <= 300 + 20, "{piece}: {}", tokens(&shown));
            assert!(tokens(&shown) >= 250, "{piece}: {}", tokens(&shown));
        }
        assert_eq!(tokens(&"word ".repeat(1 << 20)), (5_usize << 20).div_ceil(3));
    }
}
