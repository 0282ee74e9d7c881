//! Tokens of genuine notices, and of forged ones that differ in exactly one way.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::queue::NoticePost;
use crate::config::Subscription;
use crate::dice;
use crate::oauth::jwt::{self, Claims, ISSUER, LIFE_S};
use crate::oauth::keys::KeyRing;

/// What is wrong with a forged notice; everything else is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgery {
    /// Signed by a key that was never served, under a served key's name.
    WrongKey,
    /// `alg: none`, without a signature.
    AlgNone,
    /// `alg: HS256`, with the public key as the secret.
    Hs256PublicKey,
    /// `aud` of somebody else.
    WrongAudience,
    /// `iss` is not Google.
    WrongIssuer,
    /// `email` of another service account: anybody can have such a token made.
    WrongEmail,
    /// `email_verified` is false.
    EmailUnverified,
    /// `exp` is past.
    Expired,
    /// `kid` is not served.
    UnknownKid,
    /// The envelope names another subscription.
    WrongSubscription,
}

impl Forgery {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::WrongKey,
        Self::AlgNone,
        Self::Hs256PublicKey,
        Self::WrongAudience,
        Self::WrongIssuer,
        Self::WrongEmail,
        Self::EmailUnverified,
        Self::Expired,
        Self::UnknownKid,
        Self::WrongSubscription,
    ];
}

/// The bearer token of a notice, if keys can be made at all.
pub(crate) fn token(
    keys: &KeyRing,
    subscription: &Subscription,
    now: DateTime<Utc>,
    forgery: Option<Forgery>,
) -> Option<String> {
    let key = keys.current()?;
    let claims = claims(subscription, now, forgery);
    let header = |alg: &str, kid: &str| json!({ "alg": alg, "kid": kid, "typ": "JWT" });
    match forgery {
        Some(Forgery::WrongKey) => keys.stranger()?.sign_as(&header("RS256", &key.kid), &claims),
        Some(Forgery::AlgNone) => {
            Some(format!("{}.", jwt::message(&header("none", &key.kid), &claims)))
        }
        Some(Forgery::Hs256PublicKey) => {
            let message = jwt::message(&header("HS256", &key.kid), &claims);
            let secret = hmac::Key::new(hmac::HMAC_SHA256, pem(key.public_key()).as_bytes());
            let signature = hmac::sign(&secret, message.as_bytes());
            Some(format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
        }
        Some(Forgery::UnknownKid) => {
            key.sign_as(&header("RS256", &format!("{}0", key.kid)), &claims)
        }
        Some(
            Forgery::WrongAudience
            | Forgery::WrongIssuer
            | Forgery::WrongEmail
            | Forgery::EmailUnverified
            | Forgery::Expired
            | Forgery::WrongSubscription,
        )
        | None => key.sign(&claims),
    }
}

/// The subscription that the envelope names.
pub(crate) fn subscription(post: &NoticePost) -> String {
    let name = &post.subscription.name;
    if post.forgery == Some(Forgery::WrongSubscription) {
        format!("{name}-of-another")
    } else {
        name.clone()
    }
}

fn claims(subscription: &Subscription, now: DateTime<Utc>, forgery: Option<Forgery>) -> Claims {
    let number = dice::hash(&subscription.service_account).to_string();
    let iat = now.timestamp();
    let mut claims = Claims {
        iss: ISSUER.to_owned(),
        aud: subscription.audience.clone(),
        azp: number.clone(),
        sub: number,
        email: subscription.service_account.clone(),
        email_verified: true,
        iat,
        exp: iat + LIFE_S,
    };
    match forgery {
        Some(Forgery::WrongAudience) => claims.aud.push_str("/of-another"),
        Some(Forgery::WrongIssuer) => claims.iss.push_str(".example.test"),
        Some(Forgery::WrongEmail) => claims.email = format!("other-{}", claims.email),
        Some(Forgery::EmailUnverified) => claims.email_verified = false,
        Some(Forgery::Expired) => claims.exp = iat - LIFE_S,
        Some(
            Forgery::WrongKey
            | Forgery::AlgNone
            | Forgery::Hs256PublicKey
            | Forgery::UnknownKid
            | Forgery::WrongSubscription,
        )
        | None => {}
    }
    claims
}

/// A public key as most servers keep it. A careless verifier takes it for an HMAC secret.
fn pem(der: &[u8]) -> String {
    let body = BASE64_STANDARD.encode(der);
    format!("-----BEGIN RSA PUBLIC KEY-----\n{body}\n-----END RSA PUBLIC KEY-----\n")
}
