//! Every adapter and every store against the clauses of `docs/adapter-spec.md`.
//!
//! A trial is named `ADAPTER::CLAUSE`. What a world cannot do is listed as ignored; the reason is
//! in its name.
#![expect(clippy::expect_used, reason = "a world that cannot be built fails its trial")]

use std::process::ExitCode;

use besunny_testkit::conformance::{Case, Power};
use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};

mod agenda;
mod bell;
mod bots;
mod budget;
mod calendars;
mod channels;
mod classifiers;
mod clocks;
mod gmail;
mod google;
mod local;
mod memory;
mod openai;
mod planted;
mod purse;
mod scripted;
mod sqlite;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let groups = [
        memory::trials(),
        scripted::trials(),
        local::trials(),
        gmail::trials(),
        google::trials(),
        agenda::trials(),
        channels::trials(),
        bell::trials(),
        bots::trials(),
        budget::trials(),
        calendars::trials(),
        clocks::trials(),
        classifiers::trials(),
        openai::trials(),
        planted::trials(),
        purse::trials(),
        sqlite::trials(),
    ];
    libtest_mimic::run(&arguments, groups.into_iter().flatten().collect()).exit_code()
}

/// Makes the trials of an adapter: each case in a world of its own.
fn trials<W: 'static>(
    adapter: &str,
    cases: Vec<Case<W>>,
    lacks: fn(Power) -> Option<&'static str>,
    world: fn() -> BoxFuture<'static, W>,
) -> Vec<Trial> {
    trials_by(adapter, cases, lacks, world)
}

/// The same, where worlds of several shapes share a way to be made.
fn trials_by<W: 'static>(
    adapter: &str,
    cases: Vec<Case<W>>,
    lacks: impl Fn(Power) -> Option<&'static str>,
    world: impl Fn() -> BoxFuture<'static, W> + Copy + Send + 'static,
) -> Vec<Trial> {
    let trial = |case: Case<W>| {
        let lacking = case.needs().and_then(&lacks);
        let name = match lacking {
            Some(reason) => format!("{adapter}::{} ({reason})", case.name),
            None => format!("{adapter}::{}", case.name),
        };
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let outcome = runtime.block_on(async { case.run(world().await).await });
            outcome.map_err(|broken| Failed::from(broken.to_string()))
        };
        Trial::test(name, run).with_ignored_flag(lacking.is_some())
    };
    cases.into_iter().map(trial).collect()
}
