//! Running the binary, and what it says.
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A folder of its own for one test, with a database in it.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
}

/// What a run of the binary came to.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary, without the variables of whoever runs the tests.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_besunny"));
    for name in ["BESUNNY_LANGUAGE_KEY", "BESUNNY_LOG", "BESUNNY_TOKEN"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder and returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Prepares a run on the database of the folder, answered in JSON.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = binary();
        command.current_dir(self.path()).args(["--json", "--db", "test.db"]).args(arguments);
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Run {
        self.command(arguments).output().unwrap().into()
    }

    /// Imports a mailbox file.
    pub(crate) fn import(&self, mbox: &str) -> Run {
        self.run(&["import", "--mbox", mbox])
    }

    /// Imports a mailbox file, and does something to it once its first page is in.
    pub(crate) fn import_while<T>(&self, mbox: &str, change: impl FnOnce() -> T) -> Run {
        let mut import = self.command(&["import", "--mbox", mbox]);
        let mut child = import.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        let mut events = BufReader::new(child.stderr.take().unwrap());
        events.read_line(&mut first).unwrap();
        assert!(first.contains("\"page\""), "{first}");
        change();
        std::io::copy(&mut events, &mut std::io::sink()).unwrap();
        Run::from(child.wait_with_output().unwrap())
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Run {
    /// Returns the last line of stdout, which is one JSON object.
    pub(crate) fn json(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        let json: Value = serde_json::from_str(last)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr));
        assert!(json.is_object(), "{last}");
        json
    }

    /// Expects an exit code and returns the JSON object.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        self.json()
    }

    /// Expects an error of a kind that names every one of `words`.
    #[track_caller]
    pub(crate) fn refuses(&self, code: i32, kind: &str, words: &[&str]) {
        let json = self.ends(code);
        assert_eq!(json["error"]["kind"], kind, "{json}");
        let message = json["error"]["message"].as_str().unwrap();
        for word in words {
            assert!(message.contains(word), "{word:?} is not in {message:?}");
        }
    }

    /// Expects counts of messages: stored, ignored, quarantined, unchanged.
    #[track_caller]
    pub(crate) fn counts(&self, code: i32, counts: [u64; 4]) {
        let json = self.ends(code);
        let got = ["stored", "ignored", "quarantined", "unchanged"]
            .map(|name| json[name].as_u64().unwrap());
        assert_eq!(got, counts, "{json}");
        assert_eq!(json["seen"].as_u64().unwrap(), counts.iter().sum::<u64>(), "{json}");
    }

    /// Expects that so many messages were forgotten.
    #[track_caller]
    pub(crate) fn removed(&self, count: u64) {
        let json = self.json();
        assert_eq!(json["removed"], count, "{json}");
    }
}
