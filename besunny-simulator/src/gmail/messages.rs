//! `users.messages`: list, get, modify.

use serde::{Deserialize, Serialize};

use super::payload::{self, Payload};
use crate::answer::{Answer, PageSpot};
use crate::gateway::Call;
use crate::mailbox::labels::{LabelId, Labels};
use crate::mailbox::search::{Search, UnknownOperator};
use crate::mailbox::{HexId, LabelChange, Message};
use crate::oauth::access;
use crate::paging::{self, Spot};
use crate::pubsub;
use crate::refusal::Refusal;

/// What Gmail says where it does not want to count.
const LARGE_ESTIMATE: usize = 201;

/// Labels that one request may put on or take away, by Google's reference.
const MAX_LABELS: usize = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageList {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<MessageRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
    result_size_estimate: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageRef {
    id: String,
    thread_id: String,
}

pub(crate) fn list(call: &Call) -> Result<Answer, Refusal> {
    let account = super::owner(call)?;
    if call.query.get("q").is_some() && access::sees_metadata_only(call.caller()?) {
        return Err(Refusal::forbidden("Metadata scope does not support 'q' parameter"));
    }
    let most = paging::max_results(&call.query, super::SIZES)?;
    let after = paging::spot(call)?.map(|spot| (spot.0.cast_signed(), HexId::from_number(spot.1)));
    let mailbox = account.mailbox.read();
    let filter = Filter::of(call, &mailbox.labels)?;
    let listing = mailbox.list(after, most, |message| filter.wants(message));
    let next = listing
        .next
        .map(|(order, id)| paging::token(call, Spot(order.cast_unsigned(), id.number())));
    let estimate = match next {
        Some(_) => mailbox.len().min(LARGE_ESTIMATE).max(listing.ids.len()),
        None => listing.ids.len(),
    };
    let answer = MessageList {
        messages: listing
            .ids
            .into_iter()
            .map(|(id, thread)| MessageRef { id: id.to_string(), thread_id: thread.to_string() })
            .collect(),
        next_page_token: next,
        result_size_estimate: estimate,
    };
    let start = Spot(i64::MAX.cast_unsigned(), u64::MAX);
    let page = PageSpot { items: "messages", here: paging::here(call, start) };
    Ok(Answer::ok(&answer).with_page(page))
}

/// Which messages a listing shows.
struct Filter {
    labels: Vec<LabelId>,
    search: Search,
    hides_spam_and_trash: bool,
}

impl Filter {
    fn of(call: &Call, known: &Labels) -> Result<Self, Refusal> {
        let labels = find_labels(known, call.query.all("labelIds"))?;
        let search = Search::parse(call.query.get("q").unwrap_or_default(), known).map_err(
            |UnknownOperator(word)| {
                Refusal::invalid_argument(format!(
                    "The simulator does not know the operator {word}"
                ))
            },
        )?;
        let asks_for_hidden = call.query.get("includeSpamTrash") == Some("true")
            || search.names_hidden()
            || labels.contains(&LabelId::SPAM)
            || labels.contains(&LabelId::TRASH);
        Ok(Self { labels, search, hides_spam_and_trash: !asks_for_hidden })
    }

    fn wants(&self, message: &Message) -> bool {
        let hidden = message.has(LabelId::SPAM) || message.has(LabelId::TRASH);
        !(self.hides_spam_and_trash && hidden)
            && self.labels.iter().all(|label| message.has(*label))
            && self.search.matches(message)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageView<'a> {
    id: String,
    thread_id: String,
    label_ids: Vec<&'a str>,
    snippet: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload>,
    size_estimate: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
    history_id: String,
    internal_date: String,
}

pub(crate) fn get(call: &Call) -> Result<Answer, Refusal> {
    let account = super::owner(call)?;
    let format = call.query.get("format").unwrap_or("full").to_lowercase();
    if matches!(format.as_str(), "full" | "raw") && access::sees_metadata_only(call.caller()?) {
        let format = format.to_uppercase();
        return Err(Refusal::forbidden(format!("Metadata scope doesn't allow format {format}")));
    }
    let mailbox = account.mailbox.read();
    let message =
        message_id(call, "id").and_then(|id| mailbox.find(id).ok_or_else(Refusal::not_found))?;
    let settings = &call.settings.mail;
    let (payload, raw) = match format.as_str() {
        "minimal" => (Some(Payload::bare()), None),
        "metadata" => {
            let wanted: Vec<_> = call.query.all("metadataHeaders").collect();
            (Some(payload::headers_only(&message.raw, &wanted)), None)
        }
        "full" => (Some(payload::full(message, account.next_read(), settings)), None),
        "raw" => (None, Some(payload::encode(&message.raw, settings.raw_padding, 0))),
        _ => {
            let message = format!("Invalid value at 'format' (TYPE_ENUM), \"{format}\"");
            return Err(Refusal::invalid_argument(message));
        }
    };
    Ok(Answer::ok(&MessageView {
        id: message.id.to_string(),
        thread_id: message.thread.to_string(),
        label_ids: mailbox.labels.ids_of(&message.labels),
        snippet: message.snippet(),
        payload,
        size_estimate: message.raw.len(),
        raw,
        history_id: message.history.to_string(),
        internal_date: message.internal_ms.to_string(),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct ModifyRequest {
    add_label_ids: Vec<String>,
    remove_label_ids: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Modified<'a> {
    id: String,
    thread_id: String,
    label_ids: Vec<&'a str>,
}

pub(crate) fn modify(call: &Call) -> Result<Answer, Refusal> {
    let account = super::owner(call)?;
    let request: ModifyRequest = super::json_body(call)?;
    if request.add_label_ids.len() > MAX_LABELS || request.remove_label_ids.len() > MAX_LABELS {
        return Err(Refusal::invalid_argument("Too many label ids in request"));
    }
    let id = message_id(call, "id")?;
    let mut mailbox = account.mailbox.write();
    let add = find_labels(&mailbox.labels, request.add_label_ids.iter().map(String::as_str))?;
    let remove = find_labels(&mailbox.labels, request.remove_label_ids.iter().map(String::as_str))?;
    let change = LabelChange { add: &add, remove: &remove };
    let change = mailbox.change_labels(id, change, call.at, &call.settings.mail);
    let message = mailbox.find(id).ok_or_else(Refusal::not_found)?;
    let answer = Answer::ok(&Modified {
        id: id.to_string(),
        thread_id: message.thread.to_string(),
        label_ids: mailbox.labels.ids_of(&message.labels),
    });
    drop(mailbox);
    if let Some(change) = change {
        pubsub::announce(&call.world, account, &change);
    }
    Ok(answer)
}

pub(crate) fn message_id(call: &Call, segment: &str) -> Result<HexId, Refusal> {
    let id = HexId::parse(call.segment(segment));
    id.ok_or_else(|| Refusal::invalid_argument("Invalid id value"))
}

/// Label ids that must exist.
pub(crate) fn find_labels<'a>(
    labels: &Labels,
    ids: impl Iterator<Item = &'a str>,
) -> Result<Vec<LabelId>, Refusal> {
    ids.map(|id| {
        labels.find(id).ok_or_else(|| Refusal::invalid_argument(format!("Invalid label: {id}")))
    })
    .collect()
}
