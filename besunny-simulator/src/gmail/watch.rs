//! `users.watch` and `users.stop`.

use serde::{Deserialize, Serialize};

use super::messages;
use crate::answer::Answer;
use crate::clock::later;
use crate::gateway::Call;
use crate::pubsub::{self, watch::LabelFilter};
use crate::refusal::Refusal;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WatchRequest {
    topic_name: String,
    label_ids: Vec<String>,
    label_filter_action: Option<FilterBehavior>,
    label_filter_behavior: Option<FilterBehavior>,
}

#[derive(Clone, Copy, Deserialize)]
enum FilterBehavior {
    #[serde(rename = "include", alias = "INCLUDE")]
    Include,
    #[serde(rename = "exclude", alias = "EXCLUDE")]
    Exclude,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WatchAnswer {
    history_id: String,
    expiration: String,
}

pub(crate) fn start(call: &Call) -> Result<Answer, Refusal> {
    let account = super::owner(call)?;
    let request: WatchRequest = super::json_body(call)?;
    let settings = &call.settings.push;
    check_topic(&request.topic_name, &settings.project)?;
    let expires_at = later(call.at, settings.watch_life);
    let mailbox = account.mailbox.read();
    let labels =
        messages::find_labels(&mailbox.labels, request.label_ids.iter().map(String::as_str))?;
    let newest = mailbox.history.newest();
    drop(mailbox);
    let behavior = request.label_filter_behavior.or(request.label_filter_action);
    let filter = match behavior {
        _ if labels.is_empty() => LabelFilter::All,
        Some(FilterBehavior::Exclude) => LabelFilter::Exclude(labels),
        Some(FilterBehavior::Include) | None => LabelFilter::Include(labels),
    };
    account.watch.write().start(request.topic_name.clone(), filter, expires_at);
    if settings.notice_on_watch {
        pubsub::publish(&call.world, account, &request.topic_name, newest);
    }
    Ok(Answer::ok(&WatchAnswer {
        history_id: newest.to_string(),
        expiration: expires_at.timestamp_millis().to_string(),
    }))
}

pub(crate) fn stop(call: &Call) -> Result<Answer, Refusal> {
    super::owner(call)?.watch.write().stop();
    Ok(Answer::no_content())
}

/// The topic must belong to the project of the OAuth client.
fn check_topic(topic: &str, project: &str) -> Result<(), Refusal> {
    if topic.is_empty() {
        return Err(Refusal::invalid_argument("topicName required"));
    }
    let prefix = format!("projects/{project}/topics/");
    match topic.strip_prefix(&prefix) {
        Some(name) if !name.is_empty() && !name.contains('/') => Ok(()),
        _ => Err(Refusal::invalid_argument(format!("Invalid topicName does not match {prefix}*"))),
    }
}
