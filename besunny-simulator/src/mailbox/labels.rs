//! The labels of a mailbox.

use serde::{Deserialize, Serialize};

/// The place of a label in its mailbox's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LabelId(u16);

impl LabelId {
    pub(crate) const INBOX: Self = Self(0);
    pub(crate) const UNREAD: Self = Self(1);
    pub(crate) const DRAFT: Self = Self(3);
    pub(crate) const SPAM: Self = Self(4);
    pub(crate) const TRASH: Self = Self(5);
    pub(crate) const STARRED: Self = Self(6);
}

/// A label as the API shows it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Label {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) visibility: Visibility,
    #[serde(rename = "type")]
    pub(crate) kind: LabelKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LabelKind {
    System,
    User,
}

/// Where a label shows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Visibility {
    #[serde(rename = "messageListVisibility", skip_serializing_if = "Option::is_none")]
    pub(crate) in_messages: Option<String>,
    #[serde(rename = "labelListVisibility", skip_serializing_if = "Option::is_none")]
    pub(crate) in_labels: Option<String>,
}

impl Visibility {
    /// What is not said is shown, as in Gmail.
    fn or_shown(self) -> Self {
        Self {
            in_messages: self.in_messages.or(Some("show".to_owned())),
            in_labels: self.in_labels.or(Some("labelShow".to_owned())),
        }
    }
}

/// Why a label cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LabelClash {
    /// A system label has this name, or it is empty.
    Invalid,
    /// Another label has this name.
    Exists,
}

/// System labels that Gmail shows as the user's own.
const SHOWN: [&str; 7] = ["INBOX", "UNREAD", "SENT", "DRAFT", "SPAM", "TRASH", "STARRED"];

/// System labels that Gmail hides from both lists, besides SPAM and TRASH.
const HIDDEN: [&str; 7] = [
    "IMPORTANT",
    "CHAT",
    "CATEGORY_FORUMS",
    "CATEGORY_UPDATES",
    "CATEGORY_PERSONAL",
    "CATEGORY_PROMOTIONS",
    "CATEGORY_SOCIAL",
];

#[derive(Debug)]
pub(crate) struct Labels(Vec<Label>);

impl Default for Labels {
    fn default() -> Self {
        Self(SHOWN.into_iter().chain(HIDDEN).map(system).collect())
    }
}

impl Labels {
    pub(crate) fn all(&self) -> &[Label] {
        &self.0
    }

    /// The id that the API shows.
    pub(crate) fn id_of(&self, label: LabelId) -> &str {
        self.0.get(usize::from(label.0)).map_or("", |label| &label.id)
    }

    pub(crate) fn ids_of<'a>(&'a self, labels: &[LabelId]) -> Vec<&'a str> {
        labels.iter().map(|label| self.id_of(*label)).collect()
    }

    pub(crate) fn find(&self, id: &str) -> Option<LabelId> {
        self.place(|label| label.id == id)
    }

    /// Finds by id or by name, as search queries and the control API write them.
    pub(crate) fn find_by_name(&self, name: &str) -> Option<LabelId> {
        self.place(|label| {
            label.name.eq_ignore_ascii_case(name) || label.id.eq_ignore_ascii_case(name)
        })
    }

    pub(crate) fn create(
        &mut self,
        name: &str,
        visibility: Visibility,
    ) -> Result<LabelId, LabelClash> {
        let clash = self.0.iter().find(|label| label.name.eq_ignore_ascii_case(name));
        if name.trim().is_empty() || clash.is_some_and(|label| label.kind == LabelKind::System) {
            return Err(LabelClash::Invalid);
        }
        let place = u16::try_from(self.0.len()).map_err(|_full| LabelClash::Invalid)?;
        if clash.is_some() {
            return Err(LabelClash::Exists);
        }
        self.0.push(Label {
            id: format!("Label_{}", usize::from(place) + 1 - SHOWN.len() - HIDDEN.len()),
            name: name.to_owned(),
            visibility: visibility.or_shown(),
            kind: LabelKind::User,
        });
        Ok(LabelId(place))
    }

    pub(crate) fn get(&self, label: LabelId) -> Option<&Label> {
        self.0.get(usize::from(label.0))
    }

    fn place(&self, wanted: impl Fn(&Label) -> bool) -> Option<LabelId> {
        let place = self.0.iter().position(wanted)?;
        u16::try_from(place).ok().map(LabelId)
    }
}

fn system(name: &str) -> Label {
    let hidden = HIDDEN.contains(&name) || matches!(name, "SPAM" | "TRASH");
    Label {
        id: name.to_owned(),
        name: name.to_owned(),
        visibility: Visibility {
            in_messages: hidden.then(|| "hide".to_owned()),
            in_labels: hidden.then(|| "labelHide".to_owned()),
        },
        kind: LabelKind::System,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_name_their_labels() {
        let labels = Labels::default();
        for (label, id) in [
            (LabelId::INBOX, "INBOX"),
            (LabelId::UNREAD, "UNREAD"),
            (LabelId::DRAFT, "DRAFT"),
            (LabelId::SPAM, "SPAM"),
            (LabelId::TRASH, "TRASH"),
            (LabelId::STARRED, "STARRED"),
        ] {
            assert_eq!(labels.id_of(label), id);
        }
    }
}
