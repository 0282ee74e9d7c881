//! Ours, a peer and a physical limit, one after the other, three rounds in one run.
//!
//! Absolute rates of a shared machine mean little, so what is reported are ratios with their least,
//! middle and greatest value, the rate of `fdatasync` at the time, and how much of the processor others used.
//! Each runner is a process of its own that measures itself and prints one JSON object; peers are
//! in `peers/`. Linux only: times of processes are read from `/proc`.
use anyhow::Result;
use clap::{Parser, Subcommand};

mod a1;
mod a3;
mod a6;
mod c1;
mod calendar;
mod corpus;
mod d1;
mod g1;
mod gmail;
mod google;
mod hooks;
mod ingest;
mod killed;
mod machine;
mod measure;
mod mime;
mod ml3;
mod n1;
mod probe;
mod pushes;
mod rounds;
mod router;
mod server;
mod share;
mod world;

/// What an answer of Google takes where that matters.
const LATENCY_MS: u32 = 50;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A calendar into SQLite, against google-api-python-client and dlt.
    #[command(name = "A1")]
    A1(a1::Calendars),
    /// The same at 50 ms a call, against the time of the calls alone.
    #[command(name = "A2")]
    A2(a1::Calendars),
    /// A Gmail mailbox into SQLite, against google-api-python-client.
    #[command(name = "A3")]
    A3(rounds::Plan),
    /// The same rows into SQLite, against the C library's executemany.
    #[command(name = "A6")]
    A6(rounds::Plan),
    /// Calls of calendars, durable before the answer, against the same rows of the C library; and a burst.
    #[command(name = "C1")]
    C1(c1::Webhooks),
    /// From a push to a stored and routed mail, beyond Gmail's own 50 ms.
    #[command(name = "D1")]
    D1(pushes::Pushes),
    /// From the call of a calendar to the stored change, beyond Calendar's own 50 ms.
    #[command(name = "N1")]
    N1(pushes::Pushes),
    /// From exec to the first 200, against an echo server; memory, size, build.
    #[command(name = "G1")]
    G1(g1::Start),
    /// A server that takes calls is killed again and again, and nothing that it answered is lost.
    #[command(name = "KILLED")]
    Killed(killed::Kills),
    /// Every mail of the data set and every hostile one, each in a process of its own.
    #[command(name = "MIME")]
    Mime,
    /// A correction of the router, against training scikit-learn again.
    #[command(name = "ML3")]
    Ml3(ml3::Corrections),
    /// One runner of a measurement.
    #[command(subcommand, hide = true)]
    Runner(Runner),
}

#[derive(Debug, Subcommand)]
enum Runner {
    /// Stores generated mails in a new file.
    Ingest(ingest::Ingest),
    /// Answers 200 to everything.
    Echo(g1::Echo),
    /// Serves a simulated Google.
    World(world::Serve),
    /// Takes in a Gmail mailbox.
    TakeIn(gmail::TakeIn),
    /// Takes in a calendar.
    TakeInCalendar(calendar::TakeInCalendar),
    /// Takes calls of calendars.
    Hooks(hooks::Hooks),
    /// Calls a server as calendars do.
    Calls(hooks::CallHooks),
    /// Reads one mail.
    ReadMail(mime::ReadMail),
    /// Classifies and learns a labelled mailbox.
    Router(router::Router),
}

fn main() -> Result<()> {
    match Line::parse().what {
        What::A1(plan) => a1::run("A1", 0, &plan),
        What::A2(plan) => a1::run("A2", LATENCY_MS, &plan),
        What::A3(plan) => a3::run(&plan),
        What::A6(plan) => a6::run(&plan),
        What::Runner(Runner::Ingest(ingest)) => ingest.run(),
        What::C1(webhooks) => c1::run(&webhooks),
        What::D1(accounts) => pushes::run::<d1::Mailboxes>(&accounts),
        What::N1(accounts) => pushes::run::<n1::Calendars>(&accounts),
        What::G1(start) => g1::run(&start),
        What::Killed(kills) => killed::run(&kills),
        What::Mime => mime::run(),
        What::Ml3(plan) => ml3::run(&plan),
        What::Runner(Runner::Router(router)) => router.run(),
        What::Runner(Runner::Echo(echo)) => echo.run(),
        What::Runner(Runner::World(world)) => world.run(),
        What::Runner(Runner::TakeIn(mailbox)) => mailbox.run(),
        What::Runner(Runner::TakeInCalendar(calendar)) => calendar.run(),
        What::Runner(Runner::Hooks(hooks)) => hooks.run(),
        What::Runner(Runner::Calls(calls)) => calls.run(),
        What::Runner(Runner::ReadMail(mail)) => mail.run(),
    }
}
