//! `users.getProfile`

use serde::Serialize;

use crate::answer::Answer;
use crate::gateway::Call;
use crate::refusal::Refusal;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile<'a> {
    email_address: &'a str,
    messages_total: usize,
    threads_total: usize,
    history_id: String,
}

pub(crate) fn get(call: &Call) -> Result<Answer, Refusal> {
    let account = super::owner(call)?;
    let mailbox = account.mailbox.read();
    Ok(Answer::ok(&Profile {
        email_address: &account.address,
        messages_total: mailbox.len(),
        threads_total: mailbox.thread_count(),
        history_id: mailbox.history.newest().to_string(),
    }))
}
