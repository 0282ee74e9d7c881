//! Who may come in: a token for programs, a one-time link and a session for people.
//!
//! Keys and sessions live in memory, by their hashes, so neither a copy of the database nor a
//! restart keeps anybody in.
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use besunny::core::clock::Clock;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A shorter token can be guessed; 128 bits in hexadecimal have so many characters.
pub const TOKEN_MIN: usize = 32;
/// A person opens the link soon after the server printed it.
const LINK_LIFE: Duration = Duration::from_mins(15);
/// A working day; then the token, or the link of a restart, opens another.
const SESSION_LIFE: Duration = Duration::from_hours(12);
/// So many sessions are open at once; the oldest goes first.
const MAX_SESSIONS: usize = 32;
/// So many links wait at once; the oldest goes first.
const MAX_LINKS: usize = 8;
/// 256 bits cannot be guessed.
const SECRET_BYTES: usize = 32;

/// The doors of the server and their keys.
pub struct Access {
    token: Hash,
    clock: Arc<dyn Clock>,
    links: Mutex<Vec<Pass>>,
    sessions: Mutex<Vec<Pass>>,
}

type Hash = [u8; 32];

/// Something that lets in until an instant.
struct Pass {
    hash: Hash,
    until: DateTime<Utc>,
}

/// Why there is no access to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The token is too short.
    #[error("the token has fewer than {TOKEN_MIN} characters: make a longer one, at random")]
    ShortToken,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl Access {
    /// Lets in whoever knows `token`; links and sessions end by `clock`.
    ///
    /// # Errors
    /// [`AccessError::ShortToken`] below [`TOKEN_MIN`] characters.
    pub fn new(token: &SecretString, clock: Arc<dyn Clock>) -> Result<Self, AccessError> {
        let token = token.expose_secret();
        if token.len() < TOKEN_MIN {
            return Err(AccessError::ShortToken);
        }
        Ok(Self { token: hash(token), clock, links: Mutex::default(), sessions: Mutex::default() })
    }

    /// Makes a link that logs one person in, once, within 15 minutes.
    ///
    /// # Errors
    /// [`AccessError::NoRandomness`].
    pub fn login_link(&self, base_url: &str) -> Result<SecretString, AccessError> {
        let key = self.admit(&self.links, LINK_LIFE, MAX_LINKS)?;
        let base = base_url.trim_end_matches('/');
        Ok(format!("{base}/login?key={}", key.expose_secret()).into())
    }

    /// Says whether a program may come in.
    pub(super) fn knows_token(&self, token: &str) -> bool {
        self.token.ct_eq(&hash(token)).into()
    }

    /// Says whether a link still works; looking does not use it up.
    pub(super) fn knows_link(&self, key: &str) -> bool {
        self.find(&self.links, key).is_some()
    }

    /// Opens a session for whoever has the token or a link, which is used up; `None` for others.
    pub(super) fn log_in(&self, key: &str) -> Result<Option<SecretString>, AccessError> {
        if !self.knows_token(key) {
            let mut links = lock(&self.links);
            let Some(place) = self.place(&links, key) else { return Ok(None) };
            links.remove(place);
        }
        self.admit(&self.sessions, SESSION_LIFE, MAX_SESSIONS).map(Some)
    }

    /// Finds an open session by what its cookie says.
    pub(super) fn session(&self, secret: &str) -> Option<Session> {
        let hash = self.find(&self.sessions, secret)?;
        Some(Session { hash, form_token: form_token(secret) })
    }

    /// Ends a session.
    pub(super) fn log_out(&self, session: &Session) {
        lock(&self.sessions).retain(|open| open.hash != session.hash);
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    fn admit(
        &self,
        passes: &Mutex<Vec<Pass>>,
        life: Duration,
        most: usize,
    ) -> Result<SecretString, AccessError> {
        let secret = random()?;
        let now = self.clock.now();
        let mut passes = lock(passes);
        passes.retain(|pass| pass.until > now);
        if passes.len() >= most {
            passes.remove(0);
        }
        passes.push(Pass { hash: hash(secret.expose_secret()), until: now + life });
        Ok(secret)
    }

    fn find(&self, passes: &Mutex<Vec<Pass>>, secret: &str) -> Option<Hash> {
        let passes = lock(passes);
        let place = self.place(&passes, secret)?;
        passes.get(place).map(|pass| pass.hash)
    }

    fn place(&self, passes: &[Pass], secret: &str) -> Option<usize> {
        let (asked, now) = (hash(secret), self.clock.now());
        passes.iter().position(|pass| bool::from(pass.hash.ct_eq(&asked)) && pass.until > now)
    }
}

/// A person who has come in.
#[derive(Clone)]
pub(super) struct Session {
    hash: Hash,
    form_token: String,
}

impl Session {
    /// Returns what every form of this session carries, so that no other site can send one.
    pub(super) fn form_token(&self) -> &str {
        &self.form_token
    }

    /// Says whether a form is of this session.
    pub(super) fn sent(&self, form_token: &str) -> bool {
        self.form_token.as_bytes().ct_eq(form_token.as_bytes()).into()
    }
}

fn form_token(session: &str) -> String {
    hexadecimal(&Sha256::new().chain_update(b"form of ").chain_update(session).finalize())
}

/// Makes a secret that nobody can guess, 256 bits in hexadecimal.
///
/// # Errors
/// [`AccessError::NoRandomness`].
pub fn random() -> Result<SecretString, AccessError> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|_unavailable| AccessError::NoRandomness)?;
    Ok(hexadecimal(&bytes).into())
}

fn hash(secret: &str) -> Hash {
    Sha256::digest(secret).into()
}

/// Writes bytes in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}
