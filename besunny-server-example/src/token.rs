//! The token that a person has chosen for the server.
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    config::Finding,
    secret::{self, Given},
    web::access::TOKEN_MIN,
};

/// The variable that holds the bearer token.
pub const TOKEN_VARIABLE: &str = "BESUNNY_TOKEN";

/// Takes the token from the environment or `file`; `None` when there is neither.
///
/// # Errors
/// A [`Finding`] when the token cannot be read or is too short.
pub fn configured(file: Option<&Path>) -> Result<Option<SecretString>, Finding> {
    let given = secret::given(TOKEN_VARIABLE, ("token_file", file))?;
    let Some(Given { setting, text }) = given else { return Ok(None) };
    let token = text.expose_secret();
    let is_plain = token.bytes().all(|byte| byte.is_ascii_graphic());
    if token.len() < TOKEN_MIN || !is_plain {
        let problem = format!("the token is shorter than {TOKEN_MIN} characters or not ASCII");
        let fix = "use a random one, such as that of `openssl rand -hex 32`";
        return Err(Finding::new(setting, problem, fix));
    }
    Ok(Some(text))
}
