//! Deliveries of Pub/Sub: proven authentic, then read for the one hint they carry.
//!
//! The rules are those of cloud.google.com/pubsub/docs/authenticate-push-subscriptions, and one of
//! ours: anybody can have Google sign a token for any audience, so it is the e-mail address of the
//! push account that proves who sent it.
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use besunny_core::{
    push::{About, Delivery, Notice, PublicKey, Rejected},
    source::Subject,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

use crate::{config::ConfigError, wire};

/// Who signs: both forms are in use.
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
/// How far the clocks of Google and ours may differ, in seconds.
const LEEWAY_S: i64 = 60;
/// A notice of Gmail's has some 500 bytes; more is not read.
const MAX_BODY_BYTES: usize = 64 << 10;
/// A signed token has some 1,200 bytes; more is not read.
const MAX_TOKEN_BYTES: usize = 8 << 10;
/// Pub/Sub's own base64 is standard and padded, that of some relays is not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where Gmail publishes, and whose deliveries are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushConfig {
    /// `projects/P/topics/T`; Gmail's push account must be allowed to publish there.
    pub topic: String,
    /// `projects/P/subscriptions/S`, the push subscription of that topic.
    pub subscription: String,
    /// The audience that the subscription is set up with; by default the URL of our endpoint.
    pub audience: String,
    /// The e-mail address of the service account that the subscription signs as.
    pub service_account: String,
}

/// What is signed; fields of other types make the token a bad one.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    iat: i64,
    email: String,
    email_verified: bool,
}

impl PushConfig {
    /// Checks the forms of all settings.
    ///
    /// # Errors
    /// [`ConfigError::Form`] for the first one that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.wrong_forms().into_iter().next().map_or(Ok(()), Err)
    }

    /// Returns every setting that has the wrong form.
    pub(crate) fn wrong_forms(&self) -> Vec<ConfigError> {
        let is_account = self.service_account.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty() && domain.contains('.') && !self.service_account.contains(' ')
        });
        let rows = [
            ("the topic", is_resource(&self.topic, "topics"), "projects/PROJECT/topics/TOPIC"),
            (
                "the subscription",
                is_resource(&self.subscription, "subscriptions"),
                "projects/PROJECT/subscriptions/SUBSCRIPTION",
            ),
            (
                "the audience",
                is_audience(&self.audience),
                "the one the subscription is set up with",
            ),
            ("the push account", is_account, "NAME@PROJECT.iam.gserviceaccount.com"),
        ];
        let wrong = rows.into_iter().filter(|(_, is_good, _)| !is_good);
        wrong.map(|(what, _, form)| ConfigError::Form { what, form }).collect()
    }

    /// Checks a delivery and reads its hint; see [`Receiver`](besunny_core::push::Receiver).
    pub(crate) fn receive(
        &self,
        delivery: &Delivery<'_>,
        keys: &[PublicKey],
    ) -> Result<Vec<Notice>, Rejected> {
        let claims = verified(bearer(delivery)?, keys)?;
        self.check_claims(&claims, delivery.received_at.timestamp())?;
        if delivery.body.len() > MAX_BODY_BYTES {
            return Err(Rejected::Unreadable);
        }
        let envelope = wire::object(delivery.body).map_err(|_content| Rejected::Unreadable)?;
        if wire::text(&envelope, "subscription") != Some(&self.subscription) {
            return Err(Rejected::WrongClaim("subscription"));
        }
        notice(&envelope).map(|notice| vec![notice]).ok_or(Rejected::Unreadable)
    }

    fn check_claims(&self, claims: &Claims, now_s: i64) -> Result<(), Rejected> {
        let rows = [
            ("iss", ISSUERS.contains(&claims.iss.as_str())),
            ("aud", claims.aud == self.audience),
            ("exp", now_s < claims.exp.saturating_add(LEEWAY_S)),
            ("iat", claims.iat <= now_s.saturating_add(LEEWAY_S)),
            ("email", claims.email == self.service_account),
            ("email_verified", claims.email_verified),
        ];
        let wrong = rows.into_iter().find(|(_, holds)| !holds);
        wrong.map_or(Ok(()), |(claim, _)| Err(Rejected::WrongClaim(claim)))
    }
}

fn bearer<'a>(delivery: &Delivery<'a>) -> Result<&'a str, Rejected> {
    let (scheme, token) = delivery
        .header("authorization")
        .and_then(|header| header.split_once(' '))
        .ok_or(Rejected::Unsigned)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Rejected::Unsigned);
    }
    let token = token.trim();
    if token.len() > MAX_TOKEN_BYTES { Err(Rejected::BadSignature) } else { Ok(token) }
}

/// Checks the signature alone; whether the claims hold is checked against the delivery's own time.
fn verified(token: &str, keys: &[PublicKey]) -> Result<Claims, Rejected> {
    let header = jsonwebtoken::decode_header(token).map_err(|_odd| Rejected::BadSignature)?;
    if header.alg != Algorithm::RS256 {
        return Err(Rejected::BadSignature);
    }
    let key = header.kid.and_then(|kid| keys.iter().find(|key| key.id == kid));
    let key = key.ok_or(Rejected::UnknownKey)?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let key = DecodingKey::from_rsa_raw_components(&key.modulus, &key.exponent);
    let token = jsonwebtoken::decode::<Claims>(token, &key, &validation);
    Ok(token.map_err(|_content| Rejected::BadSignature)?.claims)
}

fn notice(envelope: &Value) -> Option<Notice> {
    let message = envelope.get("message")?;
    let data = LENIENT.decode(wire::text(message, "data")?).ok()?;
    let data = wire::object(&data).ok()?;
    let subject = wire::text(&data, "emailAddress")?;
    let dedup = wire::text(message, "messageId").or_else(|| wire::text(message, "message_id"));
    let about = About::Subject(Subject::from_source(subject));
    Some(Notice { about, dedup: dedup.map(str::to_owned) })
}

fn is_resource(name: &str, kind: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    let is_word = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
    matches!(parts.as_slice(), ["projects", project, of, last]
        if *of == kind && is_word(project) && is_word(last))
}

/// Whether an audience is there at all; people choose it freely, most often a URL.
fn is_audience(audience: &str) -> bool {
    !audience.is_empty() && audience.trim() == audience
}

#[cfg(test)]
mod tests;
