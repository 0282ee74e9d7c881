//! Domain names, compared as the DNS does: without case, international labels as `xn--`.
use std::fmt;

/// Longest domain name and label (RFC 1035 2.3.4).
const NAME_BYTES: usize = 255;
const LABEL_BYTES: usize = 63;

/// A domain name in lower-case ASCII.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Domain(String);

impl Domain {
    /// Parses a domain name; labels beyond ASCII are encoded (RFC 3492).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > NAME_BYTES {
            return None;
        }
        let labels: Option<Vec<String>> = text.split('.').map(label).collect();
        let labels = labels?;
        (labels.len() > 1).then(|| Self(labels.join(".")))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn label(text: &str) -> Option<String> {
    let ascii = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        format!("xn--{}", punycode(&text.to_lowercase())?)
    };
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let hyphens = ascii.starts_with('-') || ascii.ends_with('-');
    let valid = !ascii.is_empty() && ascii.len() <= LABEL_BYTES && !hyphens;
    (valid && ascii.bytes().all(letter)).then_some(ascii)
}

/// Parameters of RFC 3492 5.
const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_CODE: u32 = 128;

/// Encodes a label (RFC 3492 6.3); none on overflow, which no valid label reaches.
fn punycode(label: &str) -> Option<String> {
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut code, mut delta, mut bias, mut done) = (INITIAL_CODE, 0_u32, INITIAL_BIAS, basic);
    let total = u32::try_from(label.chars().count()).ok()?;
    while done < total {
        let next = label.chars().map(u32::from).filter(|c| *c >= code).min()?;
        delta = delta.checked_add((next - code).checked_mul(done + 1)?)?;
        code = next;
        for c in label.chars().map(u32::from) {
            if c < code {
                delta = delta.checked_add(1)?;
            } else if c == code {
                push_delta(delta, bias, &mut out);
                bias = adapted_bias(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        code += 1;
    }
    Some(out)
}

fn push_delta(delta: u32, bias: u32, out: &mut String) {
    let mut rest = delta;
    let mut k = BASE;
    loop {
        let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if rest < threshold {
            out.extend(char::from_digit(rest, BASE).map(shifted));
            return;
        }
        let digit = threshold + (rest - threshold) % (BASE - threshold);
        out.extend(char::from_digit(digit, BASE).map(shifted));
        rest = (rest - threshold) / (BASE - threshold);
        k += BASE;
    }
}

/// Punycode counts letters first, then digits; `char::from_digit` the other way round.
fn shifted(digit: char) -> char {
    match digit.to_digit(BASE) {
        Some(value @ 0..=25) => char::from(b"abcdefghijklmnopqrstuvwxyz"[value as usize]),
        Some(value) => char::from(b"0123456789"[(value as usize - 26) % 10]),
        None => digit,
    }
}

fn adapted_bias(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > ((BASE - T_MIN) * T_MAX) / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(Domain::parse(text).map(|domain| domain.0).as_deref(), expected, "{text}");
    }

    #[test]
    fn user_3_domains_are_compared_as_the_dns_does() {
        check("BeSunny.AI", Some("besunny.ai"));
        check("bücher.example", Some("xn--bcher-kva.example"));
        check("BÜCHER.example", Some("xn--bcher-kva.example"));
        check("例え.jp", Some("xn--r8jz45g.jp"));
        check("правда.рф", Some("xn--80aafi6cg.xn--p1ai"));
        check("pref-x.example", Some("pref-x.example"));
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        let long = format!("{}.ai", "a".repeat(64));
        for text in
            ["", ".", "ai", "a..b", "a.b.", ".a.b", "-a.b", "a-.b", "a b.c", "a@b.c", "[1.2]"]
        {
            check(text, None);
        }
        check(&long, None);
    }
}
