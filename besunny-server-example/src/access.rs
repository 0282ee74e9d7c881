//! Who may use the server: whoever has the token.
use std::{fs, net::SocketAddr, path::Path};

use secrecy::{ExposeSecret, SecretString};

use crate::{command::Refusal, config::Finding};

/// The variable that holds the bearer token.
pub const TOKEN_VARIABLE: &str = "BESUNNY_TOKEN";
/// A shorter token could be guessed: 16 characters of base 64 are 96 bits.
const SHORTEST: usize = 16;
/// So many random bytes make a token: 256 bits.
const RANDOM_BYTES: usize = 32;

/// The right to use the server.
#[derive(Clone, Debug)]
pub struct Access {
    /// What a program sends as `Authorization: Bearer TOKEN`.
    pub token: SecretString,
    /// The code of the one-time link by which a browser logs in, when no token was configured.
    pub login: Option<SecretString>,
}

impl Access {
    /// Takes the token from the environment or `file`; makes a fresh one when there is neither.
    ///
    /// # Errors
    /// A [`Finding`] when the token cannot be read or is too short.
    pub fn configured(file: Option<&Path>) -> Result<Option<SecretString>, Finding> {
        let (setting, token) = if let Ok(token) = std::env::var(TOKEN_VARIABLE) {
            (TOKEN_VARIABLE, token)
        } else if let Some(file) = file {
            let token = fs::read_to_string(file).map_err(|error| {
                let problem = format!("{} cannot be read: {error}", file.display());
                Finding::new("token_file", problem, "correct the path or its permissions")
            })?;
            ("token_file", token)
        } else {
            return Ok(None);
        };
        let token = token.trim();
        let is_plain = token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.len() < SHORTEST || !is_plain {
            let problem = format!("the token is shorter than {SHORTEST} characters or not ASCII");
            let fix = "use a random one, such as that of `openssl rand -hex 32`";
            return Err(Finding::new(setting, problem, fix));
        }
        Ok(Some(SecretString::from(token)))
    }

    /// Uses the token that is configured, or a fresh one with a link to log in.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn new(configured: Option<SecretString>) -> Result<Self, Refusal> {
        match configured {
            Some(token) => Ok(Self { token, login: None }),
            None => Ok(Self { token: random()?, login: Some(random()?) }),
        }
    }

    /// Returns the link by which a browser on this machine logs in once.
    #[must_use]
    pub fn login_link(&self, at: SocketAddr) -> Option<String> {
        let code = self.login.as_ref()?;
        Some(format!("http://{at}/login?code={}", code.expose_secret()))
    }
}

fn random() -> Result<SecretString, Refusal> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        Refusal::finding("system", format!("the system has no random bytes: {error}"))
    })?;
    let (halves, _) = bytes.as_chunks::<16>();
    let hex = |half: &[u8; 16]| format!("{:032x}", u128::from_be_bytes(*half));
    Ok(SecretString::from(halves.iter().map(hex).collect::<String>()))
}
