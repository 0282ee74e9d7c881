//! Google Drive links: which file or folder a URL names (MAIL-12).
use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize};

use crate::url::{WebUrl, layers};

/// Limits an id: real ones have 19 to 44 letters.
const ID_BYTES: usize = 128;

/// Names a file or folder in Google Drive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DriveLink {
    /// What the link says it leads to.
    pub kind: DriveKind,
    /// The id of the file or folder.
    pub id: DriveId,
}

/// Says what a Drive link leads to, as far as its form tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DriveKind {
    /// A file of any type: `file/d/ID`, `uc?id=ID`.
    File,
    /// A folder: `drive/folders/ID`.
    Folder,
    /// A Google document.
    Document,
    /// A Google spreadsheet.
    Spreadsheet,
    /// A Google presentation.
    Presentation,
    /// A Google form.
    Form,
    /// A file or a folder: `open?id=ID` does not tell.
    Item,
}

/// Identifies a file or folder: letters, digits, `_` and `-` only (MAIL-12).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct DriveId(String);

impl DriveId {
    /// Parses an id; everything outside `[A-Za-z0-9_-]+` is refused.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let valid = !text.is_empty() && text.len() <= ID_BYTES && text.bytes().all(letters);
        valid.then(|| Self(text.to_owned()))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DriveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DriveId({})", self.0)
    }
}

impl<'de> Deserialize<'de> for DriveId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a drive id"))
    }
}

impl DriveLink {
    /// Recognises a Drive link, also inside the redirects that mail filters wrap around it.
    #[must_use]
    pub fn find(url: &str) -> Option<Self> {
        layers(url).find_map(|url| WebUrl::parse(&url)?.drive_link())
    }
}

impl WebUrl<'_> {
    fn drive_link(&self) -> Option<DriveLink> {
        let segments = self.segments();
        let segments = without_account(&segments);
        match self.host.as_str() {
            "drive.google.com" | "docs.google.com" => self.named_by(segments),
            "drive.usercontent.google.com" if segments == ["download"] => {
                self.in_query(DriveKind::File)
            }
            _ => None,
        }
    }

    fn named_by(&self, segments: &[&str]) -> Option<DriveLink> {
        match segments {
            ["open"] => self.in_query(DriveKind::Item),
            ["uc"] => self.in_query(DriveKind::File),
            ["folderview" | "embeddedfolderview"] => self.in_query(DriveKind::Folder),
            ["drive", rest @ ..] => match without_account(rest) {
                ["mobile", "folders", id, ..] | ["folders", id, ..] => link(DriveKind::Folder, id),
                _ => None,
            },
            [product, rest @ ..] => {
                let kind = product_kind(product)?;
                match without_account(rest) {
                    // A published copy has an id of its own, which the Drive API does not know.
                    ["d", "e", _, ..] => None,
                    ["d", id, ..] => link(kind, id),
                    _ => None,
                }
            }
            [] => None,
        }
    }

    fn in_query(&self, kind: DriveKind) -> Option<DriveLink> {
        link(kind, self.parameter("id")?)
    }
}

/// Drops `a/DOMAIN` and `u/0`, which only say whose account opens the link.
fn without_account<'s, 'a>(segments: &'s [&'a str]) -> &'s [&'a str] {
    match segments {
        ["a", domain, rest @ ..] if domain.contains('.') => without_account(rest),
        ["u", number, rest @ ..] if number.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => segments,
    }
}

fn product_kind(product: &str) -> Option<DriveKind> {
    match product {
        "file" => Some(DriveKind::File),
        "document" => Some(DriveKind::Document),
        "spreadsheets" => Some(DriveKind::Spreadsheet),
        "presentation" => Some(DriveKind::Presentation),
        "forms" => Some(DriveKind::Form),
        _ => None,
    }
}

fn link(kind: DriveKind, id: &str) -> Option<DriveLink> {
    DriveId::parse(id).map(|id| DriveLink { kind, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Option<(DriveKind, &str)>) {
        let found = DriveLink::find(url);
        let found = found.as_ref().map(|link| (link.kind, link.id.as_str()));
        assert_eq!(found, expected, "{url}");
    }

    #[test]
    fn mail_12_drive_links_are_recognised() {
        use DriveKind::{Document, File, Folder, Form, Item, Presentation, Spreadsheet};
        check("https://drive.google.com/file/d/1a_B-2/view?usp=sharing", Some((File, "1a_B-2")));
        check("http://drive.google.com/open?usp=x&id=1a_B-2", Some((Item, "1a_B-2")));
        check("https://docs.google.com/document/d/1a/edit#heading=h", Some((Document, "1a")));
        check("https://docs.google.com/spreadsheets/d/1a", Some((Spreadsheet, "1a")));
        check("https://docs.google.com/presentation/d/1a?x", Some((Presentation, "1a")));
        check("https://docs.google.com/forms/d/1a/viewform", Some((Form, "1a")));
        check("https://drive.google.com/drive/folders/1a", Some((Folder, "1a")));
        check("https://drive.google.com/drive/u/0/folders/1a?x=y", Some((Folder, "1a")));
        check("https://docs.google.com/document/u/1/d/1a/edit", Some((Document, "1a")));
        check("https://docs.google.com/a/x.org/document/d/1a", Some((Document, "1a")));
        check("https://drive.google.com/a/x.org/file/d/1a/view", Some((File, "1a")));
        check("https://drive.google.com/uc?export=download&id=1a", Some((File, "1a")));
        check("HTTPS://DOCS.GOOGLE.COM:443/uc?id=1a", Some((File, "1a")));
    }

    #[test]
    fn mail_12_hostile_ids_are_refused() {
        for id in ["../..", "%2e%2e", "x%3Fy%3D1", "", "a b", "a.b", "ä", "x;y", "x'--"] {
            check(&format!("https://drive.google.com/file/d/{id}"), None);
            check(&format!("https://drive.google.com/open?id={id}"), None);
        }
        assert_eq!(DriveId::parse("x?y=1"), None);
        assert_eq!(DriveId::parse("../.."), None);
        assert_eq!(DriveId::parse(&"a".repeat(129)), None);
        check("https://drive.google.com/file/d/x?y=1", Some((DriveKind::File, "x")));
    }

    #[test]
    fn mail_12_other_hosts_and_paths_are_no_drive_links() {
        for url in [
            "https://drive.google.com.evil.org/file/d/1a",
            "https://evil.org/drive.google.com/file/d/1a",
            "https://drive.google.com@evil.org/file/d/1a",
            "https://me@drive.google.com/file/d/1a",
            "https://drive.google.com:8443/file/d/1a",
            "https://docs.google.com/forms/d/e/1FAIpQL/viewform",
            "https://docs.google.com/document/d/e/2PACX/pub",
            "https://docs.google.com/document/1a",
            "https://docs.google.com/",
            "ftp://drive.google.com/file/d/1a",
            "drive.google.com/file/d/1a",
        ] {
            check(url, None);
        }
    }

    #[test]
    fn mail_12_links_wrapped_by_filters_are_opened() {
        let inner = "https%3A%2F%2Fdocs.google.com%2Fdocument%2Fd%2F1a_b%2Fedit";
        let expected = Some((DriveKind::Document, "1a_b"));
        check(&format!("https://www.google.com/url?q={inner}&sa=D"), expected);
        check(&format!("https://x.safelinks.protection.outlook.com/?url={inner}&d=1"), expected);
        check(
            "https://urldefense.com/v3/__https://docs.google.com/document/d/1ab/edit__;!!x",
            Some((DriveKind::Document, "1ab")),
        );
        let v2 = "https://urldefense.proofpoint.com/v2/url?u=https-3A__docs.google.com_document_d_1ab_edit&d=x";
        check(v2, Some((DriveKind::Document, "1ab")));
        check("https://www.google.com/url?q=https%3A%2F%2Fevil.org%2Ffile%2Fd%2F1a", None);
    }

    #[test]
    fn an_id_is_checked_when_it_is_read_back() {
        assert!(serde_json::from_str::<DriveId>("\"1a\"").is_ok());
        assert!(serde_json::from_str::<DriveId>("\"../x\"").is_err());
    }
}
