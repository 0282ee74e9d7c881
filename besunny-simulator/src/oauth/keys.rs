//! RSA keys that sign tokens, and the set of public keys that is served.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::jwt::Claims;
use crate::lock::Guarded;

/// Keys that are served at a time: Google keeps the one before the current one.
const SERVED: usize = 2;

/// The length of a public key in DER. PKCS#1 with 2048 bits and exponent 65537 has a fixed layout.
const DER_BYTES: usize = 270;
const MODULUS: std::ops::Range<usize> = 9..265;
const EXPONENT: &str = "AQAB";

/// One key pair and its name.
#[derive(Debug)]
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pair: KeyPair,
}

/// The keys of the token issuer; made when first needed, because that takes a while.
#[derive(Debug, Default)]
pub(crate) struct KeyRing {
    served: Guarded<Vec<Arc<SigningKey>>>,
    stranger: Guarded<Option<Arc<SigningKey>>>,
}

impl KeyRing {
    /// The key that signs now.
    pub(crate) fn current(&self) -> Option<Arc<SigningKey>> {
        if self.served.read().is_empty() {
            self.rotate_from(0);
        }
        self.served.read().last().cloned()
    }

    /// Makes a new key; the one before stays served, older ones do not.
    pub(crate) fn rotate(&self) {
        let before = self.served.read().len();
        if before == 0 {
            self.rotate_from(0);
        }
        self.rotate_from(before.max(1));
    }

    /// A key that was never served.
    pub(crate) fn stranger(&self) -> Option<Arc<SigningKey>> {
        let mut stranger = self.stranger.write();
        if stranger.is_none() {
            *stranger = SigningKey::generate().map(Arc::new);
        }
        stranger.clone()
    }

    /// The JSON Web Key Set, newest key first.
    pub(crate) fn jwks(&self) -> Option<Value> {
        self.current()?;
        let keys: Vec<_> = self.served.read().iter().rev().map(|key| key.jwk()).collect();
        Some(json!({ "keys": keys }))
    }

    /// Adds a key, unless another thread did so since `known` keys were counted.
    fn rotate_from(&self, known: usize) {
        let mut served = self.served.write();
        if served.len() != known.min(SERVED) {
            return;
        }
        served.extend(SigningKey::generate().map(Arc::new));
        let surplus = served.len().saturating_sub(SERVED);
        served.drain(..surplus);
    }
}

impl SigningKey {
    fn generate() -> Option<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
        let modulus = pair.public_key().as_ref().get(MODULUS)?;
        let name: Vec<_> = modulus.iter().take(20).map(|byte| format!("{byte:02x}")).collect();
        let has_known_layout = pair.public_key().as_ref().len() == DER_BYTES;
        has_known_layout.then_some(Self { kid: name.concat(), pair })
    }

    pub(crate) fn sign(&self, claims: &Claims) -> Option<String> {
        self.sign_as(&json!({ "alg": "RS256", "kid": self.kid, "typ": "JWT" }), claims)
    }

    /// A token with any header, signed by this key.
    pub(crate) fn sign_as(&self, header: &Value, claims: &Claims) -> Option<String> {
        let message = super::jwt::message(header, claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .ok()?;
        Some(format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }

    pub(crate) fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn jwk(&self) -> Value {
        let modulus = self.public_key().get(MODULUS).unwrap_or_default();
        json!({
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.kid,
            "n": BASE64_URL_SAFE_NO_PAD.encode(modulus),
            "e": EXPONENT,
        })
    }
}
