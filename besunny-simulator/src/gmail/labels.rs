//! `users.labels`: list, create.

use serde::Deserialize;
use serde_json::json;

use crate::answer::Answer;
use crate::gateway::Call;
use crate::mailbox::labels::{LabelClash, Visibility};
use crate::refusal::Refusal;

pub(crate) fn list(call: &Call) -> Result<Answer, Refusal> {
    let account = super::owner(call)?;
    let mailbox = account.mailbox.read();
    Ok(Answer::ok(&json!({ "labels": mailbox.labels.all() })))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NewLabel {
    name: String,
    #[serde(flatten)]
    visibility: Visibility,
}

pub(crate) fn create(call: &Call) -> Result<Answer, Refusal> {
    let account = super::owner(call)?;
    let request: NewLabel = super::json_body(call)?;
    let mut mailbox = account.mailbox.write();
    match mailbox.labels.create(&request.name, request.visibility) {
        Ok(label) => mailbox.labels.get(label).map(Answer::ok).ok_or_else(Refusal::not_found),
        Err(LabelClash::Exists) => Err(Refusal::conflict("Label name exists or conflicts")),
        Err(LabelClash::Invalid) => Err(Refusal::invalid_argument("Invalid label name")),
    }
}
