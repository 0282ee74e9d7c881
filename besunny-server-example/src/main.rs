//! The binary `besunny`.
use std::process::ExitCode;

fn main() -> ExitCode {
    besunny_server::command::main()
}
