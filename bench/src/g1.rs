//! G1: from exec to the first 200, idle memory, size, crates, and the time a newcomer waits.
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    machine::{Watch, syncs_per_second, versions},
    rounds::spread,
};

/// Starts in a round; the least is what the program needs, the rest is the machine.
const STARTS: usize = 10;
/// Long enough for the first look at every stream.
const IDLE: Duration = Duration::from_secs(3);

/// How often, and whether to build.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// How often both run.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Also builds from nothing: the library, and a fresh clone up to its first routed mail.
    #[arg(long)]
    cold: bool,
}

/// Answers 200 to everything, with nothing behind it.
#[derive(Debug, Args)]
pub(crate) struct Echo {
    #[arg(long)]
    listen: SocketAddr,
}

impl Echo {
    pub(crate) fn run(self) -> Result<()> {
        tokio::runtime::Runtime::new()?.block_on(async {
            let listener = tokio::net::TcpListener::bind(self.listen).await?;
            let router = axum::Router::new().fallback(|| async { "live" });
            Ok(axum::serve(listener, router).await?)
        })
    }
}

#[expect(clippy::print_stdout, reason = "a measurement speaks on stdout")]
pub(crate) fn run(start: &Start) -> Result<()> {
    let watch = Watch::start()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    cargo(&root, &["build", "--release", "-q", "-p", "besunny-server-example"])?;
    let binary = root.join("target/release/besunny");
    let folder = tempfile::tempdir()?;
    let db = folder.path().join("besunny.db").to_string_lossy().into_owned();
    let migrated = Command::new(&binary).args(["--db", &db, "migrate"]).output()?;
    ensure!(migrated.status.success(), "the database cannot be made");
    let (mut ratios, mut ours, mut echo) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..start.rounds {
        let mut least = [f64::MAX; 2];
        for _ in 0..STARTS {
            for (place, seconds) in
                [first_answer(&serve(&binary, &db))?, first_answer(&bare)?].into_iter().enumerate()
            {
                least[place] = least[place].min(seconds);
            }
        }
        ratios.push(least[0] / least[1]);
        ours.push(least[0]);
        echo.push(least[1]);
    }
    let report = json!({
        "id": "G1",
        "start_over_echo": spread(ratios),
        "start_seconds": spread(ours),
        "echo_seconds": spread(echo),
        "idle_kib": idle_kib(&binary, &db)?,
        "stripped_bytes": stripped_bytes(&binary, folder.path())?,
        "crates_of_besunny": crates(&root)?,
        "cold": if start.cold { cold(&root)? } else { Value::Null },
        "fdatasync_per_second": syncs_per_second(folder.path())?,
        "foreign_cpu": watch.foreign()?,
        "versions": versions(Path::new("python3")),
    });
    println!("{report}");
    Ok(())
}

fn serve<'a>(binary: &'a Path, db: &'a str) -> impl Fn(SocketAddr) -> Result<Command> + 'a {
    move |at| {
        let mut command = Command::new(binary);
        command.args(["--db", db, "serve", "--listen", &at.to_string()]);
        Ok(command)
    }
}

fn bare(at: SocketAddr) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["runner", "echo", "--listen", &at.to_string()]);
    Ok(command)
}

/// A process that is ended with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn spawn(command: &mut Command) -> Result<Running> {
    Ok(Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Returns the seconds from exec to the first 200.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
fn first_answer(program: &dyn Fn(SocketAddr) -> Result<Command>) -> Result<f64> {
    /// Nothing of ours takes so long.
    const PATIENCE: Duration = Duration::from_secs(20);
    let at = free_port()?;
    let mut command = program(at)?;
    let began = Instant::now();
    let running = spawn(&mut command)?;
    while began.elapsed() < PATIENCE {
        if is_live(at) {
            let seconds = began.elapsed().as_secs_f64();
            drop(running);
            return Ok(seconds);
        }
        std::thread::yield_now();
    }
    anyhow::bail!("nobody answered at {at}")
}

fn is_live(at: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(at) else { return false };
    let request = format!("GET /health/live HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    let mut answer = [0; 12];
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer == *b"HTTP/1.1 200"
}

/// Returns the resident memory of an idle server.
fn idle_kib(binary: &Path, db: &str) -> Result<u64> {
    let at = free_port()?;
    let running = spawn(&mut serve(binary, db)(at)?)?;
    while !is_live(at) {
        std::thread::yield_now();
    }
    #[expect(clippy::disallowed_methods, reason = "idle is what nothing happens in")]
    std::thread::sleep(IDLE);
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.0.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?.parse()?)
}

fn stripped_bytes(binary: &Path, folder: &Path) -> Result<u64> {
    let stripped = folder.join("besunny");
    let status = Command::new("strip").arg("-o").arg(&stripped).arg(binary).status()?;
    ensure!(status.success(), "strip failed");
    Ok(std::fs::metadata(stripped)?.len())
}

/// Counts what a user of the library builds.
fn crates(root: &Path) -> Result<usize> {
    let mut tree = Command::new("cargo");
    tree.args(["tree", "-p", "besunny", "-e", "normal,build", "--prefix", "none"]);
    let output = tree.current_dir(root).output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut names: Vec<&str> =
        text.lines().filter_map(|line| line.split_once(' ').map(|(name, _)| name)).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names.len())
}

/// Builds the library from nothing, and a fresh clone up to its first routed mail.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
fn cold(root: &Path) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    let target = folder.path().join("target").to_string_lossy().into_owned();
    let began = Instant::now();
    cargo(root, &["build", "-q", "-p", "besunny", "--target-dir", &target])?;
    let library = began.elapsed().as_secs_f64();
    std::fs::remove_dir_all(&target)?;
    let clone: PathBuf = folder.path().join("clone");
    let began = Instant::now();
    let cloned = Command::new("git").arg("clone").arg("-q").arg(root).arg(&clone).status()?;
    ensure!(cloned.success(), "git clone failed");
    let mut demo = Command::new("./dev");
    demo.args(["demo", "--json", "--no-browser", "--listen", "127.0.0.1:0"]).current_dir(&clone);
    let mut child = demo.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let log = child.stderr.take().context("no stderr")?;
    let running = Running(child);
    for line in std::io::BufRead::lines(std::io::BufReader::new(log)) {
        if line?.contains("\"first_routed\"") {
            break;
        }
    }
    let newcomer = began.elapsed().as_secs_f64();
    drop(running);
    Ok(json!({ "library_seconds": library, "clone_to_first_routed_seconds": newcomer }))
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new("cargo").args(arguments).current_dir(root).status()?;
    ensure!(status.success(), "cargo {arguments:?} failed");
    Ok(())
}
