//! The log: on stderr, without content of any mail and without any token.
use std::io;

use tracing_subscriber::EnvFilter;

use crate::{command::Refusal, config::LogFormat};

/// The variable that filters the log, such as `BESUNNY_LOG=debug`.
const FILTER: &str = "BESUNNY_LOG";
/// What a command that ends by itself logs.
const QUIET: &str = "warn";
/// What the server logs.
const SERVER: &str = "info";

/// Begins the log of a command that ends by itself.
pub(crate) fn init_quiet() -> Result<(), Refusal> {
    init(QUIET, LogFormat::Text)
}

/// Begins the log of the server.
pub(crate) fn init_server(format: LogFormat) -> Result<(), Refusal> {
    init(SERVER, format)
}

fn init(default: &str, format: LogFormat) -> Result<(), Refusal> {
    let wanted = std::env::var(FILTER).unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::try_new(&wanted).map_err(|error| {
        let message = format!(
            "{FILTER} is {wanted:?}, which is no filter ({error}): write a level such as `info`, \
             or `target=level`"
        );
        Refusal::usage("config", message)
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let begun = match format {
        LogFormat::Text => log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    // Somebody who embeds this crate may have a log already.
    drop(begun);
    Ok(())
}
