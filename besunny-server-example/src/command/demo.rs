//! `besunny demo`: everything at work on a simulated mailbox.
use super::{Answer, Refusal};

/// Starts a simulated mailbox, and the server on it.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Where the server listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Do not open a browser
    #[arg(long)]
    no_browser: bool,
}

impl Demo {
    pub(super) fn run(self) -> Result<Answer, Refusal> {
        let Self { listen: _, no_browser: _ } = self;
        let message = "this program was built without the demo: build it with `--features demo`";
        Err(Refusal::usage("demo", message))
    }
}
