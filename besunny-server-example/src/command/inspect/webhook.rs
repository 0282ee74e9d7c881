//! `besunny inspect webhook`: a delivery as the server would take it.
use std::path::Path;

use besunny::{
    attendee::{AttendeeReceiver, SIGNATURE, check_secret},
    core::{
        bot::BotReceiver,
        push::{Delivery, Rejected},
    },
};
use chrono::DateTime;
use secrecy::SecretString;
use serde_json::Value;

use super::{Answer, Refusal, read};

/// Bodies beyond this are refused by every receiver.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Whose delivery it is.
#[derive(Debug, clap::Subcommand)]
pub(in crate::command) enum Webhook {
    /// A delivery of Attendee, about a meeting bot
    Attendee {
        /// The secret of the project, as Attendee's dashboard shows it; more than one while it is replaced
        #[arg(long, required = true, value_name = "BASE64")]
        secret: Vec<SecretString>,
        /// The value of the header `X-Webhook-Signature`
        #[arg(long, value_name = "VALUE")]
        signature: String,
    },
}

impl Webhook {
    pub(super) fn run(self) -> Result<Answer, Refusal> {
        let Self::Attendee { secret, signature } = self;
        for secret in &secret {
            check_secret(secret).map_err(|why| Refusal::usage("secret", why.to_string()))?;
        }
        let body = read(Path::new("-"), MAX_BODY_BYTES)?;
        let headers = [(SIGNATURE, signature.as_bytes())];
        // What a delivery says does not depend on when it came: Attendee signs no time.
        let received_at = DateTime::UNIX_EPOCH;
        let delivery = Delivery { path: "/", headers: &headers, body: &body, received_at };
        let notice = AttendeeReceiver.receive(&delivery, &secret).map_err(|why| refused(&why))?;
        let json = serde_json::to_value(&notice).unwrap_or(Value::Null);
        let text = serde_json::to_string_pretty(&json).unwrap_or_default();
        Ok(Answer::done(json, text))
    }
}

fn refused(why: &Rejected) -> Refusal {
    let kind = match why {
        Rejected::Unreadable => "unreadable",
        Rejected::Unsigned
        | Rejected::BadSignature
        | Rejected::UnknownKey
        | Rejected::WrongClaim(_) => "bad_signature",
    };
    Refusal::finding(kind, format!("the delivery is refused: {why}"))
}
