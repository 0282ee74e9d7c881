//! Domains that look like others: letters of other scripts, and pairs that the eye takes for one.
use std::borrow::Cow;

/// Letters that look like a Latin one, each with it (unicode.org/reports/tr39, the Cyrillic, Greek
/// and Armenian ones among those that registries have sold).
const TWINS: [(char, char); 45] = [
    ('а', 'a'),
    ('в', 'b'),
    ('с', 'c'),
    ('ԁ', 'd'),
    ('е', 'e'),
    ('ё', 'e'),
    ('һ', 'h'),
    ('н', 'h'),
    ('і', 'i'),
    ('ї', 'i'),
    ('ј', 'j'),
    ('к', 'k'),
    ('ӏ', 'l'),
    ('м', 'm'),
    ('п', 'n'),
    ('о', 'o'),
    ('р', 'p'),
    ('ԛ', 'q'),
    ('г', 'r'),
    ('ѕ', 's'),
    ('т', 't'),
    ('ц', 'u'),
    ('ѵ', 'v'),
    ('ԝ', 'w'),
    ('х', 'x'),
    ('у', 'y'),
    ('α', 'a'),
    ('β', 'b'),
    ('ϲ', 'c'),
    ('ε', 'e'),
    ('η', 'n'),
    ('ι', 'i'),
    ('κ', 'k'),
    ('ν', 'v'),
    ('ο', 'o'),
    ('ρ', 'p'),
    ('τ', 't'),
    ('υ', 'u'),
    ('χ', 'x'),
    ('γ', 'y'),
    ('ա', 'w'),
    ('ո', 'n'),
    ('ս', 'u'),
    ('օ', 'o'),
    ('ց', 'g'),
];

/// Pairs and digits that the eye takes for a letter.
const PAIRS: [(&str, &str); 7] =
    [("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s")];

/// Says whether a domain hides letters of another script among or behind Latin ones.
///
/// A word that is written in its own script is no deceit.
pub(super) fn deceives(domain: &str) -> bool {
    // Under a top level of its own script, a name of that script is what it seems.
    if !decoded(domain.rsplit('.').next().unwrap_or_default()).is_ascii() {
        return false;
    }
    domain.split('.').any(|label| {
        let label = decoded(label);
        let twins = label.chars().filter(|c| twin(*c).is_some()).count();
        let others = label.chars().filter(|c| c.is_alphabetic() && twin(*c).is_none());
        twins > 0 && others.clone().all(|c| c.is_ascii())
    })
}

/// Says whether `domain` is another one than `known` and looks like it.
#[must_use]
pub fn imitates(domain: &str, known: &str) -> bool {
    let (domain, known) = (domain.to_lowercase(), known.to_lowercase());
    if known.is_empty() || domain == known || domain.ends_with(&format!(".{known}")) {
        return false;
    }
    let dressed = domain.starts_with(&format!("{known}."));
    let hyphened = domain.starts_with(&format!("{}.", known.replace('.', "-")));
    dressed || hyphened || skeleton(&domain) == skeleton(&known)
}

/// Writes a domain as the eye reads it.
fn skeleton(domain: &str) -> String {
    let labels: Vec<String> = domain
        .split('.')
        .map(|label| {
            let plain = decoded(label).chars().map(|c| twin(c).unwrap_or(c)).collect::<String>();
            PAIRS.iter().fold(plain, |text, (pair, letter)| text.replace(pair, letter))
        })
        .collect();
    labels.join(".").replace('-', "")
}

fn twin(c: char) -> Option<char> {
    TWINS.iter().find(|(twin, _)| *twin == c).map(|(_, latin)| *latin)
}

/// Decodes a label that begins with `xn--`; what cannot be decoded stays.
fn decoded(label: &str) -> Cow<'_, str> {
    let coded = label.strip_prefix("xn--").and_then(punycode);
    coded.map_or(Cow::Borrowed(label), Cow::Owned)
}

/// Labels are shorter; a longer one is none (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

// The parameters of Punycode (RFC 3492, section 5).
const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;

/// Decodes Punycode (RFC 3492, section 6.2).
fn punycode(text: &str) -> Option<String> {
    let (plain, coded) = text.rsplit_once('-').unwrap_or(("", text));
    if text.len() > MAX_LABEL {
        return None;
    }
    let mut out: Vec<char> = plain.chars().collect();
    let (mut code, mut bias, mut at) = (0x80_u32, 72_u32, 0_u32);
    let mut digits = coded.bytes();
    while digits.len() > 0 {
        let (before, mut weight, mut k) = (at, 1_u32, BASE);
        loop {
            let digit = match digits.next()? {
                byte @ b'a'..=b'z' => byte - b'a',
                byte @ b'0'..=b'9' => byte - b'0' + 26,
                _ => return None,
            };
            let digit = u32::from(digit);
            at = at.checked_add(digit.checked_mul(weight)?)?;
            let t = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
            if digit < t {
                break;
            }
            weight = weight.checked_mul(BASE - t)?;
            k += BASE;
        }
        let length = u32::try_from(out.len()).ok()? + 1;
        let mut delta = (at - before) / if before == 0 { DAMP } else { 2 };
        delta += delta / length;
        let mut steps = 0;
        while delta > ((BASE - T_MIN) * T_MAX) / 2 {
            delta /= BASE - T_MIN;
            steps += BASE;
        }
        bias = steps + (BASE - T_MIN + 1) * delta / (delta + SKEW);
        code = code.checked_add(at / length)?;
        at %= length;
        out.insert(usize::try_from(at).ok()?, char::from_u32(code)?);
        at += 1;
    }
    Some(out.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn punycode_is_decoded() {
        for (coded, want) in [
            ("bcher-kva", "bücher"),
            ("mnchen-3ya", "münchen"),
            ("80ak6aa92e", "аррӏе"),
            ("fiq228c", "中文"),
            ("", ""),
        ] {
            assert_eq!(punycode(coded).as_deref(), Some(want), "{coded}");
        }
        for odd in ["!", "a-é", "99999999"] {
            assert_eq!(punycode(odd), None, "{odd}");
        }
    }

    #[test]
    fn c7_letters_of_another_script_are_deceit_where_latin_is_meant() {
        for domain in ["xn--80ak6aa92e.com", "hаrbour.example", "mail.hаrbour.example"] {
            assert!(deceives(domain), "{domain}");
        }
        for domain in [
            "harbour.example",
            "bücher.example",
            "xn--mnchen-3ya.de",
            "почта.рф",
            "сосна.рф",
            "xn--80ak6aa92e.xn--p1ai",
            "中文.com",
            "",
        ] {
            assert!(!deceives(domain), "{domain}");
        }
    }

    #[test]
    fn c7_a_domain_that_looks_like_a_known_one_imitates_it() {
        for domain in [
            "harb0ur.example",
            "hаrbour.example",
            "har-bour.example",
            "harbour.example.evil.test",
            "harbour-example.evil.test",
            "HARB0UR.example",
        ] {
            assert!(imitates(domain, "Harbour.example"), "{domain}");
        }
        assert!(imitates("rnooring.example", "mooring.example"));
        for domain in
            ["harbour.example", "mail.harbour.example", "harbours.example", "orchard.example"]
        {
            assert!(!imitates(domain, "harbour.example"), "{domain}");
        }
        assert!(!imitates("a.example", ""));
    }

    proptest! {
        #[test]
        fn no_label_is_too_odd(label in "(xn--)?[a-z0-9é-]{0,80}") {
            prop_assert!(!imitates(&label, &label));
            prop_assert!(!deceives(&label) || !label.is_empty());
        }
    }
}
