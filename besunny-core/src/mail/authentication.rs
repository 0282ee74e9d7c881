//! Whether the receiving server confirmed the sender (RFC 8601, MAIL-18).
//!
//! Only the topmost `Authentication-Results` counts: the receiving server puts its own there, and
//! whoever sent the mail can write any number of others below. A field that a sender forged on top
//! gains nothing, since a good result is worth no more than none.
use super::mailbox::Mailbox;
use crate::untrusted::Untrusted;

/// Results that say that a check went wrong.
const BAD: [&str; 4] = ["fail", "softfail", "hardfail", "permerror"];

/// Says whether the receiving server doubts that the author's domain sent the mail.
///
/// It does when nothing passed for that domain, and a check failed or only another domain was
/// confirmed. Mail without any result is not doubted: many servers check nothing.
pub(super) fn is_doubted(results: &[Untrusted<String>], from: &[Mailbox]) -> bool {
    let Some(topmost) = results.first() else { return false };
    let author = from.first().map_or("", |author| author.address.expose());
    let domain = host(author).to_lowercase();
    let text = without_comments(topmost.expose()).to_lowercase();
    let results: Vec<Outcome<'_>> = text.split(';').skip(1).filter_map(Outcome::parse).collect();
    let passed = |outcome: &&Outcome<'_>| outcome.result == "pass";
    if results.iter().filter(passed).any(|outcome| outcome.is_for(&domain)) {
        return false;
    }
    results.iter().any(|outcome| BAD.contains(&outcome.result) || passed(&outcome))
}

/// One result: `spf=pass smtp.mailfrom=ann@example.org`.
struct Outcome<'a> {
    method: &'a str,
    result: &'a str,
    /// The domain it is about.
    domain: &'a str,
}

impl<'a> Outcome<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
        let (method, result) = pairs.next()?;
        let method = method.split('/').next().unwrap_or(method);
        let property = match method {
            "spf" => ["smtp.mailfrom", "smtp.helo"],
            "dkim" => ["header.d", "header.i"],
            "dmarc" => ["header.from", "header.from"],
            _ => return None,
        };
        let value = pairs.find_map(|(name, value)| property.contains(&name).then_some(value));
        Some(Self { method, result, domain: host(value.unwrap_or_default()) })
    }

    /// Says whether it confirms `author`: the same organisation, as relaxed alignment has it
    /// (RFC 7489, section 3.1).
    fn is_for(&self, author: &str) -> bool {
        let is_below = |one: &str, other: &str| {
            one == other || one.strip_suffix(other).is_some_and(|head| head.ends_with('.'))
        };
        match (self.method, self.domain) {
            // The receiver has compared already.
            ("dmarc", "") => true,
            (_, domain) => {
                domain.contains('.') && (is_below(author, domain) || is_below(domain, author))
            }
        }
    }
}

fn host(address: &str) -> &str {
    let host = address.rsplit('@').next().unwrap_or_default();
    host.trim_matches(|c: char| !c.is_alphanumeric())
}

/// Removes comments, which nest; what stands in one is not said.
fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    let outside = text.chars().filter(|c| {
        match c {
            '(' => depth += 1,
            ')' => {
                depth = depth.saturating_sub(1);
                return false;
            }
            _ => {}
        }
        depth == 0
    });
    outside.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(results: &[&str], want: bool) {
        let from = Mailbox::parse_list("Ines <ines@harbour.example>");
        let results: Vec<_> =
            results.iter().map(|text| Untrusted::new((*text).to_owned())).collect();
        assert_eq!(is_doubted(&results, &from), want, "{results:?}");
    }

    #[test]
    fn c7_a_sender_that_the_receiver_did_not_confirm_is_doubted() {
        let bad = [
            "mx.a.org; dkim=fail header.i=@harbour.example; spf=softfail smtp.mailfrom=x@evil.example; dmarc=fail header.from=harbour.example",
            "mx.a.org; spf=fail (mx: dmarc=pass) smtp.mailfrom=ines@harbour.example",
            "mx.a.org; dmarc=fail (p=none dis=none) header.from=harbour.example",
            "mx.a.org; spf=pass smtp.mailfrom=x@evil.example; dkim=pass header.d=evil.example; dmarc=none",
            "mx.a.org; dkim=permerror header.d=harbour.example",
            "mx.a.org; spf=pass smtp.mailfrom=x@evilharbour.example",
            "mx.a.org; spf=pass smtp.mailfrom=x@example",
        ];
        for one in bad {
            check(&[one], true);
        }
        let good = "mx.a.org; spf=pass smtp.mailfrom=ines@harbour.example";
        check(&[bad[0], good], true);
        check(&[good, bad[0]], false);
    }

    #[test]
    fn what_says_nothing_or_passes_is_not_doubted() {
        check(&[], false);
        for good in [
            "mx.a.org; none",
            "mx.a.org",
            "mx.a.org; spf=none; dkim=none; dmarc=none",
            "mx.a.org; spf=neutral smtp.mailfrom=x@evil.example",
            "mx.a.org; dmarc=pass (p=reject) header.from=harbour.example; spf=fail smtp.mailfrom=list.example",
            "mx.a.org 1; DKIM=Pass header.i=@mail.harbour.example; spf=fail smtp.mailfrom=x@b.org",
            "mx.a.org; dkim=fail header.d=list.example; dkim=pass header.d=harbour.example",
            "mx.a.org; auth=fail smtp.auth=x",
        ] {
            check(&[good], false);
        }
    }
}
