//! Refresh tokens as they lie in a file or in the environment.
use std::{
    fs, io,
    path::{Path, PathBuf},
};

use besunny_core::source::AccountRef;
use secrecy::SecretString;
use serde_json::Value;

use crate::wire;

const CLIENT_ID: &str = "BESUNNY_GOOGLE_CLIENT_ID";
const CLIENT_SECRET: &str = "BESUNNY_GOOGLE_CLIENT_SECRET";
const REFRESH_TOKEN: &str = "BESUNNY_GOOGLE_REFRESH_TOKEN";

/// Where refresh tokens are.
///
/// A file holds one credential (`client_id`, `client_secret`, `refresh_token`, as in the
/// `authorized_user` files of Google's own tools), or an object of such credentials by mail address.
/// It is read anew for each refresh, so a new token in it is used at once.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// In a file that nobody else may read.
    File(PathBuf),
    /// Given, for every account.
    Given(Credential),
}

/// What an access token is made from.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Which application asks.
    pub client: ClientSecret,
    /// What a person granted it.
    pub refresh_token: SecretString,
}

/// An OAuth client of a Google Cloud project.
#[derive(Clone, Debug)]
pub struct ClientSecret {
    /// Its public name.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
}

/// A credential cannot be had; never shows any of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The file cannot be read.
    #[error("the token file {} cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// Others may read the file.
    #[error("others may read the token file {}: run chmod 600 on it", .0.display())]
    Exposed(PathBuf),
    /// The file has another form.
    #[error("the token file {} is not one of ours or Google's: {why}", .0.display(), why = .1)]
    Form(PathBuf, &'static str),
    /// The file has no token for the account.
    #[error("the token file {} has no token for this account", .0.display())]
    NoAccount(PathBuf),
    /// A variable of the environment is not there.
    #[error("{0} is not set")]
    Unset(&'static str),
}

impl Credentials {
    /// Takes the credential from `BESUNNY_GOOGLE_CLIENT_ID`, `BESUNNY_GOOGLE_CLIENT_SECRET` and
    /// `BESUNNY_GOOGLE_REFRESH_TOKEN`, as `lookup` finds them.
    ///
    /// Pass `|name| std::env::var(name).ok()`.
    ///
    /// # Errors
    /// [`CredentialError::Unset`] names what is missing.
    pub fn from_environment(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialError> {
        let get = |name| {
            lookup(name).filter(|value| !value.is_empty()).ok_or(CredentialError::Unset(name))
        };
        let client = ClientSecret { id: get(CLIENT_ID)?, secret: get(CLIENT_SECRET)?.into() };
        Ok(Self::Given(Credential { client, refresh_token: get(REFRESH_TOKEN)?.into() }))
    }

    /// Finds the credential of an account; reads a file of some hundred bytes.
    ///
    /// # Errors
    /// [`CredentialError`] says what to mend.
    pub fn of(&self, account: &AccountRef) -> Result<Credential, CredentialError> {
        match self {
            Self::Given(credential) => Ok(credential.clone()),
            Self::File(path) => {
                let text = read(path)?;
                let form = |why| CredentialError::Form(path.clone(), why);
                let file =
                    wire::object(text.as_bytes()).map_err(|_content| form("it is no JSON"))?;
                if file.get("refresh_token").is_some() {
                    return credential(&file).map_err(form);
                }
                if file.get("installed").or_else(|| file.get("web")).is_some() {
                    return Err(form("it has a client but no refresh_token"));
                }
                let own = file.as_object().into_iter().flatten();
                let own = own
                    .into_iter()
                    .find(|(address, _)| address.eq_ignore_ascii_case(account.subject.as_str()));
                let (_, own) = own.ok_or_else(|| CredentialError::NoAccount(path.clone()))?;
                credential(own).map_err(form)
            }
        }
    }
}

fn credential(value: &Value) -> Result<Credential, &'static str> {
    let kind = wire::text(value, "type");
    if kind.is_some_and(|kind| kind != "authorized_user") {
        return Err("its type is not authorized_user");
    }
    let secret = |field| wire::text(value, field).map(SecretString::from);
    let client = ClientSecret {
        id: wire::text(value, "client_id").ok_or("it has no client_id")?.to_owned(),
        secret: secret("client_secret").ok_or("it has no client_secret")?,
    };
    let refresh_token = secret("refresh_token").ok_or("it has no refresh_token")?;
    Ok(Credential { client, refresh_token })
}

fn read(path: &Path) -> Result<String, CredentialError> {
    let unreadable = |error| CredentialError::Unreadable(path.to_owned(), error);
    if is_exposed(&fs::metadata(path).map_err(unreadable)?) {
        return Err(CredentialError::Exposed(path.to_owned()));
    }
    fs::read_to_string(path).map_err(unreadable)
}

/// Whether others than the owner and his group may read or change the file.
#[cfg(unix)]
fn is_exposed(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.permissions().mode() & 0o007 != 0
}

#[cfg(not(unix))]
fn is_exposed(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use besunny_core::{ids::AccountId, source::Subject};
    use secrecy::ExposeSecret as _;

    use super::*;

    fn of(text: &str, address: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        write(&path, text, 0o600);
        let subject = Subject::from_source(address);
        let account = AccountRef { id: AccountId::derived(&[b"a"]), subject };
        let found = Credentials::File(path.clone()).of(&account);
        let name = path.display().to_string();
        found
            .map(|found| found.refresh_token.expose_secret().to_owned())
            .map_err(|error| error.to_string().replace(&name, "FILE"))
    }

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    #[test]
    fn files_have_two_forms() {
        let one = r#"{"client_id":"c","client_secret":"s","refresh_token":"r"}"#;
        assert_eq!(of(one, "ann@example.com"), Ok("r".to_owned()));
        let google = r#"{"type":"authorized_user","client_id":"c","client_secret":"s",
            "refresh_token":"g","quota_project_id":"p"}"#;
        assert_eq!(of(google, "ann@example.com"), Ok("g".to_owned()));
        let many = format!(r#"{{"ann@example.com":{one},"bob@example.com":{google}}}"#);
        assert_eq!(of(&many, "Bob@example.com"), Ok("g".to_owned()));
        assert_eq!(of(&many, "ann@example.com"), Ok("r".to_owned()));
        let none = "the token file FILE has no token for this account";
        assert_eq!(of(&many, "eve@example.com"), Err(none.to_owned()));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_without_its_content() {
        let rows = [
            ("canary", "it is no JSON"),
            (r#"{"installed":{"client_id":"canary"}}"#, "it has a client but no refresh_token"),
            (r#"{"refresh_token":"canary"}"#, "it has no client_id"),
            (r#"{"refresh_token":"canary","client_id":"c"}"#, "it has no client_secret"),
            (
                r#"{"type":"service_account","refresh_token":"canary"}"#,
                "its type is not authorized_user",
            ),
        ];
        for (text, why) in rows {
            let want = format!("the token file FILE is not one of ours or Google's: {why}");
            assert_eq!(of(text, "ann@example.com"), Err(want), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        let account = AccountRef {
            id: AccountId::derived(&[b"a"]),
            subject: Subject::from_source("ann@example.com"),
        };
        for (mode, is_good) in
            [(0o600, true), (0o400, true), (0o640, true), (0o644, false), (0o602, false)]
        {
            let path = path.with_extension(format!("{mode:o}"));
            write(&path, r#"{"client_id":"c","client_secret":"s","refresh_token":"r"}"#, mode);
            let found = Credentials::File(path.clone()).of(&account);
            assert_eq!(found.is_ok(), is_good, "{mode:o}");
        }
    }

    #[test]
    fn the_environment_names_what_is_missing() {
        let all = |name: &str| Some(format!("{name} canary"));
        let credentials = Credentials::from_environment(all).unwrap();
        assert!(!format!("{credentials:?}").contains("SECRET canary"));
        assert!(!format!("{credentials:?}").contains("TOKEN canary"));
        for missing in [CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN] {
            let found = Credentials::from_environment(|name| all(name).filter(|_| name != missing));
            assert_eq!(found.unwrap_err().to_string(), format!("{missing} is not set"));
        }
    }
}
