//! The sample workspace of the demo, and what a careful person says of its mails.
use std::path::Path;

use serde::Deserialize;

use crate::binary::Desk;

/// A mail of the sample.
#[derive(Deserialize)]
pub(crate) struct Mail {
    /// Its message id.
    pub(crate) id: String,
    /// The name of the project it belongs to, or `none`.
    pub(crate) project: String,
    /// `ignored` where it is not taken in.
    pub(crate) state: Option<String>,
}

#[derive(Deserialize)]
struct Expected {
    mail: Vec<Mail>,
}

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo").join(name);
    path.to_str().unwrap().to_owned()
}

/// Takes in one mailbox of the sample, with its projects.
pub(crate) fn import(desk: &Desk, mbox: &str) {
    desk.run(&["import", "--mbox", &file(mbox), "--projects", &file("projects.toml")]).ends(0);
}

/// Returns where each mail belongs.
pub(crate) fn expected() -> Vec<Mail> {
    let text = std::fs::read_to_string(file("expected.toml")).unwrap();
    toml::from_str::<Expected>(&text).unwrap().mail
}
