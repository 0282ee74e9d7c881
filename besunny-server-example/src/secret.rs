//! Secrets from the environment, or from a file that a setting names.
use std::{env, fs, path::Path};

use secrecy::SecretString;

use crate::config::Finding;

/// A secret, and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// The variable or the setting.
    pub(crate) setting: &'static str,
    /// The text, without white space around it.
    pub(crate) text: SecretString,
}

/// Takes a secret from `variable`, or from `file`, which `setting` names; `None` without both.
///
/// # Errors
/// A [`Finding`] when the file cannot be read.
pub(crate) fn given(
    variable: &'static str,
    (setting, file): (&'static str, Option<&Path>),
) -> Result<Option<Given>, Finding> {
    let (setting, text) = match (env::var(variable), file) {
        (Ok(text), _) => (variable, text),
        (Err(_), Some(file)) => (setting, read(setting, file)?),
        (Err(_), None) => return Ok(None),
    };
    Ok(Some(Given { setting, text: SecretString::from(text.trim()) }))
}

fn read(setting: &str, file: &Path) -> Result<String, Finding> {
    fs::read_to_string(file).map_err(|error| {
        let problem = format!("{} cannot be read: {error}", file.display());
        Finding::new(setting, problem, "correct the path or its permissions")
    })
}
