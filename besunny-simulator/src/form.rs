//! Parameters of a query or a form, in order, with repeats.

use std::str::FromStr;

use crate::refusal::Refusal;

#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A value that must be of a type where it is present; Google names the field in snake case.
    pub(crate) fn parsed<T: FromStr>(
        &self,
        name: &str,
        field: &str,
        kind: &str,
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
        value.parse().map(Some).map_err(|_unparsed| {
            Refusal::invalid_argument(format!("Invalid value at '{field}' ({kind}), \"{value}\""))
        })
    }
}
