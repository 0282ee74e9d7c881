//! `users.history`: list.

use serde::Serialize;

use super::messages;
use crate::answer::{Answer, PageSpot};
use crate::gateway::Call;
use crate::mailbox::history::{Entry, EntryKind, Record};
use crate::mailbox::labels::{LabelId, Labels};
use crate::paging::{self, Spot};
use crate::refusal::Refusal;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryList<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<RecordView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
    history_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordView<'a> {
    id: String,
    messages: [MessageRef; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_added: Option<[Changed<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_deleted: Option<[Changed<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels_added: Option<[Changed<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels_removed: Option<[Changed<'a>; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageRef {
    id: String,
    thread_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Changed<'a> {
    message: LabeledRef<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label_ids: Option<Vec<&'a str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LabeledRef<'a> {
    id: String,
    thread_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    label_ids: Vec<&'a str>,
}

pub(crate) fn list(call: &Call) -> Result<Answer, Refusal> {
    let account = super::owner(call)?;
    let start = call
        .query
        .parsed::<u64>("startHistoryId", "start_history_id", "TYPE_UINT64")?
        .ok_or_else(|| Refusal::invalid_argument("Missing/invalid parameter: startHistoryId"))?;
    let most = paging::max_results(&call.query, super::SIZES)?;
    let after = paging::spot(call)?.map_or(start, |spot| spot.0.max(start));
    let mailbox = account.mailbox.read();
    let filter = Filter::of(call, &mailbox.labels)?;
    let bounds = mailbox.history.bounds(call.at, &call.settings.mail);
    if start < bounds.floor || start > mailbox.history.newest() {
        return Err(Refusal::not_found());
    }
    let mut records =
        mailbox.history.between(after, bounds.visible).filter(|record| filter.wants(&record.entry));
    let page: Vec<_> = records.by_ref().take(most).collect();
    let next = page
        .last()
        .filter(|_| records.next().is_some())
        .map(|last| paging::token(call, Spot(last.id, 0)));
    let answer = HistoryList {
        history: page.iter().map(|record| view(record, &mailbox.labels)).collect(),
        next_page_token: next,
        history_id: bounds.visible.max(start).to_string(),
    };
    let spot = PageSpot { items: "history", here: paging::here(call, Spot(start, 0)) };
    Ok(Answer::ok(&answer).with_page(spot))
}

/// Which records a listing shows.
struct Filter {
    /// Absent where every record is wanted, also those without a type.
    kinds: Option<Vec<String>>,
    label: Option<LabelId>,
}

impl Filter {
    fn of(call: &Call, labels: &Labels) -> Result<Self, Refusal> {
        let kinds: Vec<_> = call.query.all("historyTypes").map(str::to_owned).collect();
        let known = ["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"];
        if let Some(odd) = kinds.iter().find(|kind| !known.contains(&kind.as_str())) {
            let message = format!("Invalid value at 'history_types' (TYPE_ENUM), \"{odd}\"");
            return Err(Refusal::invalid_argument(message));
        }
        let label = messages::find_labels(labels, call.query.get("labelId").into_iter())?;
        Ok(Self { kinds: (!kinds.is_empty()).then_some(kinds), label: label.first().copied() })
    }

    /// A label fits if the message has it, or if it was just put on or taken.
    fn wants(&self, entry: &Entry) -> bool {
        let kind = match entry.kind {
            EntryKind::Added => Some("messageAdded"),
            EntryKind::Deleted => Some("messageDeleted"),
            EntryKind::LabelsAdded(_) => Some("labelAdded"),
            EntryKind::LabelsRemoved(_) => Some("labelRemoved"),
            EntryKind::Touched => None,
        };
        let kind_fits = self
            .kinds
            .as_ref()
            .is_none_or(|kinds| kind.is_some_and(|kind| kinds.iter().any(|one| one == kind)));
        let label_fits = self.label.is_none_or(|label| {
            entry.labels.contains(&label) || entry.kind.labels().contains(&label)
        });
        kind_fits && label_fits
    }
}

fn view<'a>(record: &'a Record, labels: &'a Labels) -> RecordView<'a> {
    let entry = &record.entry;
    let (id, thread_id) = (entry.message.to_string(), entry.thread.to_string());
    let changed = Changed {
        message: LabeledRef {
            id: id.clone(),
            thread_id: thread_id.clone(),
            label_ids: labels.ids_of(&entry.labels),
        },
        label_ids: None,
    };
    let mut view = RecordView {
        id: record.id.to_string(),
        messages: [MessageRef { id, thread_id }],
        messages_added: None,
        messages_deleted: None,
        labels_added: None,
        labels_removed: None,
    };
    let with = |moved: &[LabelId]| Some(labels.ids_of(moved));
    match &entry.kind {
        EntryKind::Added => view.messages_added = Some([changed]),
        EntryKind::Deleted => view.messages_deleted = Some([changed]),
        EntryKind::LabelsAdded(moved) => {
            view.labels_added = Some([Changed { label_ids: with(moved), ..changed }]);
        }
        EntryKind::LabelsRemoved(moved) => {
            view.labels_removed = Some([Changed { label_ids: with(moved), ..changed }]);
        }
        EntryKind::Touched => {}
    }
    view
}
