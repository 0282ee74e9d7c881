//! The token that a person has chosen for the server.
use std::{fs, path::Path};

use secrecy::SecretString;

use crate::{config::Finding, web::access::TOKEN_MIN};

/// The variable that holds the bearer token.
pub const TOKEN_VARIABLE: &str = "BESUNNY_TOKEN";

/// Takes the token from the environment or `file`; `None` when there is neither.
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
    if token.len() < TOKEN_MIN || !is_plain {
        let problem = format!("the token is shorter than {TOKEN_MIN} characters or not ASCII");
        let fix = "use a random one, such as that of `openssl rand -hex 32`";
        return Err(Finding::new(setting, problem, fix));
    }
    Ok(Some(SecretString::from(token)))
}
