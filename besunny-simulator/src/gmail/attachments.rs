//! `users.messages.attachments`: get.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;

use super::{messages, payload};
use crate::answer::Answer;
use crate::dice;
use crate::gateway::Call;
use crate::mailbox::HexId;
use crate::refusal::Refusal;

/// Gmail's attachment ids begin like this.
const PREFIX: &str = "ANGjdJ";

#[derive(Serialize)]
struct Attachment {
    size: usize,
    data: String,
}

pub(crate) fn get(call: &Call) -> Result<Answer, Refusal> {
    let account = super::owner(call)?;
    let id = messages::message_id(call, "message")?;
    let part_id = part_of(call.segment("id"), id)
        .ok_or_else(|| Refusal::invalid_argument("Invalid attachment token"))?;
    let raw = account.mailbox.read().find(id).map(|message| message.raw.clone());
    let raw = raw.ok_or_else(Refusal::not_found)?;
    let bytes = payload::part_bytes(&raw, &part_id).ok_or_else(Refusal::not_found)?;
    let padding = call.settings.mail.attachment_padding;
    let data = payload::encode(&bytes, padding, dice::hash(&part_id));
    Ok(Answer::ok(&Attachment { size: bytes.len(), data }))
}

/// An id that is new at each read of the message; all of them stay good.
pub(crate) fn id(message: HexId, part_id: &str, read: u64) -> String {
    let nonce = dice::mix(message.number(), &[read]);
    let text = format!("{:016x}{:016x}{part_id}", message.number() ^ nonce, nonce);
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(text))
}

fn part_of(id: &str, message: HexId) -> Option<String> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(id.strip_prefix(PREFIX)?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let masked = u64::from_str_radix(text.get(..16)?, 16).ok()?;
    let nonce = u64::from_str_radix(text.get(16..32)?, 16).ok()?;
    (masked ^ nonce == message.number()).then(|| text.get(32..).map(str::to_owned)).flatten()
}
