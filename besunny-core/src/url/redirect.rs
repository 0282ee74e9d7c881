//! Redirects that mail filters, chats and search engines wrap around a link.
//!
//! To open one more, add a row to [`REDIRECTS`] if it carries the link in its query, otherwise an
//! arm to [`WebUrl::wrapped`]. Nothing is fetched: what only its maker can open stays closed.
use std::str::Chars;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{WebUrl, percent_decoded};

/// A redirect that carries the link in its query.
struct Redirect {
    host: &'static str,
    /// How its path begins.
    path: &'static str,
    /// Where the link is; the first one that is there counts.
    parameters: &'static [&'static str],
}

const fn at(
    host: &'static str,
    path: &'static str,
    parameters: &'static [&'static str],
) -> Redirect {
    Redirect { host, path, parameters }
}

const REDIRECTS: [Redirect; 18] = [
    at(".google.com", "/url", &["q", "url"]),
    at("meet.google.com", "/linkredirect", &["dest"]),
    at("accounts.google.com", "/", &["continue"]),
    at(".safelinks.protection.outlook.com", "/", &["url"]),
    at(".safelinks.protection.office365.us", "/", &["url"]),
    at("statics.teams.cdn.office.net", "/", &["url"]),
    at("urldefense.proofpoint.com", "/v1/url", &["u"]),
    at("slack-redir.net", "/link", &["url"]),
    at("linkprotect.cudasvc.com", "/url", &["a"]),
    at(".trendmicro.com", "/wis/clicktime/", &["url"]),
    at("protect2.fireeye.com", "/", &["u"]),
    at("clicktime.symantec.com", "/", &["u"]),
    at(".facebook.com", "/l.php", &["u"]),
    at("l.instagram.com", "/", &["u"]),
    at("www.linkedin.com", "/redir/", &["url"]),
    at("www.linkedin.com", "/safety/go", &["url"]),
    at("www.youtube.com", "/redirect", &["q"]),
    at("duckduckgo.com", "/l/", &["uddg"]),
];

/// Base64 as filters write it: either padded or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How long a run is, by its letter; the first stands for two (Proofpoint's own decoder).
const RUNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl WebUrl<'_> {
    /// Returns the address that a known redirect leads to.
    pub(super) fn wrapped(&self) -> Option<String> {
        match self.host.as_str() {
            "urldefense.proofpoint.com" if self.path == "/v2/url" => {
                let value = self.parameter("u")?;
                percent_decoded(&value.replace('-', "%").replace('_', "/"))
            }
            "urldefense.com" | "urldefense.us" => proofpoint_v3(self.rest),
            "secure-web.cisco.com" => {
                let last = self.segments().pop()?;
                percent_decoded(last)
            }
            "teams.microsoft.com" | "teams.live.com" | "teams.cloud.microsoft" => self.launched(),
            host if host.ends_with(".protection.sophos.com") => {
                let bytes = LENIENT.decode(percent_decoded(self.parameter("u")?)?).ok()?;
                String::from_utf8(bytes).ok()
            }
            _ => self.redirected(),
        }
    }

    fn redirected(&self) -> Option<String> {
        let path = if self.path.is_empty() { "/" } else { self.path };
        let redirect = REDIRECTS
            .iter()
            .find(|redirect| self.is_at(redirect.host) && path.starts_with(redirect.path))?;
        percent_decoded(redirect.parameters.iter().find_map(|name| self.parameter(name))?)
    }

    /// Opens what the page of Teams is about to show: `#/l/..`, or a launcher with that in it.
    fn launched(&self) -> Option<String> {
        let inner = if self.path.starts_with("/dl/launcher") {
            percent_decoded(self.parameter("url")?)?
        } else {
            self.fragment.to_owned()
        };
        let inner = inner.split_once('#').map_or(inner.as_str(), |(_, inner)| inner);
        inner.starts_with('/').then(|| format!("https://{}{inner}", self.host))
    }
}

/// Decodes `/v3/__URL__;BYTES!!..`, where each `*` of the URL stands for some of the bytes.
fn proofpoint_v3(rest: &str) -> Option<String> {
    let (_, coded) = rest.split_once("/v3/__")?;
    let (url, tail) = coded.rsplit_once("__;").or_else(|| coded.rsplit_once("__"))?;
    let bytes = tail.split_once("!!").map_or("", |(bytes, _)| bytes);
    let hidden = String::from_utf8(LENIENT.decode(bytes.trim_end_matches('=')).ok()?).ok()?;
    let mut hidden = hidden.chars();
    let mut out = String::with_capacity(url.len() + hidden.as_str().len());
    let mut letters = url.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => out.extend(hidden.by_ref().take(run(&mut letters)?)),
            _ => out.push(letter),
        }
    }
    Some(out)
}

/// Reads what follows a `*`: nothing for one letter, `*A` for a run of them.
fn run(letters: &mut Chars<'_>) -> Option<usize> {
    let Some(coded) = letters.as_str().strip_prefix('*') else { return Some(1) };
    let length = coded.bytes().next()?;
    let at = RUNS.iter().position(|letter| *letter == length)?;
    *letters = coded[1..].chars();
    Some(at + 2)
}

#[cfg(test)]
mod tests {
    use super::super::layers;

    fn check(wrapped: &str, want: Option<&str>) {
        assert_eq!(layers(wrapped).nth(1).as_deref(), want, "{wrapped}");
    }

    #[test]
    fn cal_11_known_redirects_are_opened() {
        let coded = "https%3A%2F%2Fa.org%2Fb%3Fc%3D1%26d%3D2";
        let plain = Some("https://a.org/b?c=1&d=2");
        for wrapper in [
            "https://www.google.com/url?q={}&sa=D",
            "https://google.com/url?sa=t&url={}",
            "https://meet.google.com/linkredirect?authuser=0&dest={}",
            "https://accounts.google.com/AccountChooser?continue={}",
            "https://nam12.safelinks.protection.outlook.com/?url={}&data=x",
            "https://eur01.safelinks.protection.outlook.com/ap/t-1/?url={}&data=x",
            "https://x.safelinks.protection.outlook.com?url={}",
            "https://slack-redir.net/link?url={}",
            "https://linkprotect.cudasvc.com/url?a={}&c=E",
            "https://ddec1-0-en-ctp.trendmicro.com:443/wis/clicktime/v1/query?url={}&u=1",
            "https://secure-web.cisco.com/1AbC_x/{}",
            "https://l.facebook.com/l.php?u={}&h=x",
            "https://urldefense.proofpoint.com/v1/url?u={}&k=x",
            "https://x.safelinks.protection.outlook.com/?url={}&amp;data=x",
        ] {
            check(&wrapper.replace("{}", coded), plain);
        }
        check(
            "https://urldefense.proofpoint.com/v2/url?u=https-3A__a.org_b-3Fc-3D1-26d-3D2&d=x",
            plain,
        );
        check(
            "https://x.protection.sophos.com/?d=a.org&u=aHR0cHM6Ly9hLm9yZy9i",
            Some("https://a.org/b"),
        );
    }

    #[test]
    fn cal_11_proofpoint_v3_puts_the_letters_back() {
        check(
            "https://urldefense.com/v3/__https://a.org/b?c=1__;!!x!y$",
            Some("https://a.org/b?c=1"),
        );
        // `JSUl` is `%%%`: one for each star.
        check(
            "https://urldefense.com/v3/__https://a.org/*3a*22*7b__;JSUl!!x$",
            Some("https://a.org/%3a%22%7b"),
        );
        // `**A` is a run of two.
        check(
            "https://urldefense.com/v3/__https://a.org/**A3a__;JSU!!x$",
            Some("https://a.org/%%3a"),
        );
        check("https://urldefense.com/v3/__https://a__b.org/c__;!!x$", Some("https://a__b.org/c"));
        for odd in ["https://urldefense.com/v3/", "https://urldefense.com/v3/__a**!__;!!x$"] {
            check(odd, None);
        }
    }

    #[test]
    fn cal_11_what_a_page_of_teams_is_about_to_show() {
        let inner = Some("https://teams.microsoft.com/l/meetup-join/19:a@thread.v2/0?b=1");
        check("https://teams.microsoft.com/_#/l/meetup-join/19:a@thread.v2/0?b=1", inner);
        check(
            "https://teams.microsoft.com/dl/launcher/launcher.html?url=%2F_%23%2Fl%2Fmeetup-join%2F19:a@thread.v2%2F0%3Fb%3D1&type=meetup-join",
            inner,
        );
    }

    #[test]
    fn cal_11_wrappers_are_opened_to_a_bounded_depth() {
        let wrapped = |inner: &str| {
            let coded = inner.replace('%', "%25").replace(':', "%3A").replace('/', "%2F");
            format!("https://google.com/url?q={}", coded.replace('?', "%3F").replace('=', "%3D"))
        };
        let mut url = "https://a.org".to_owned();
        for depth in 1..=6 {
            url = wrapped(&url);
            let opened = layers(&url).any(|layer| layer == "https://a.org");
            assert_eq!(opened, depth <= 3, "{depth}");
        }
        check("https://evil.org/url?q=https%3A%2F%2Fa.org", None);
        check("https://google.com.evil.org/url?q=https%3A%2F%2Fa.org", None);
    }
}
