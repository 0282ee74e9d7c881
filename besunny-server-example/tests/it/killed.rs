//! `kill -9` in the middle of an import: nothing lost, nothing doubled.
use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use besunny_server::home::Home;

use crate::{binary::Desk, mailbox::numbered};

const SEED: u64 = 20_260_601;
const KILLS: u32 = 50;
/// Several stores at once: each waits for the lease of the one that was killed.
const LANES: u32 = 5;
const MAILS: usize = 2_000;
/// A run over all mails tells of 4 pages and 20 steps of decisions.
const EVENTS: u64 = 12;
/// A run over all mails writes some MB; larger thresholds would never be met.
const BYTES: u64 = 3 << 20;

#[test]
fn i1_i2_50_kills_lose_nothing_and_double_nothing() {
    println!("seed {SEED}");
    let kills: u32 = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|lane| scope.spawn(move || play(lane))).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
    });
    assert_eq!(kills, KILLS);
}

/// Kills imports of one mailbox until this lane has its share; each finished store is checked.
fn play(lane: u32) -> u32 {
    let mut luck = Luck(SEED + u64::from(lane));
    let mut kills = 0;
    while kills < KILLS / LANES {
        let desk = Desk::new();
        desk.file("a.mbox", numbered(0..MAILS));
        while kills < KILLS / LANES && is_killed(&desk, &mut luck) {
            kills += 1;
        }
        check(&desk);
    }
    kills
}

/// Starts an import and kills it; `false` when it ended before.
fn is_killed(desk: &Desk, luck: &mut Luck) -> bool {
    let mut command = desk.command(&["import", "--mbox", "a.mbox"]);
    let mut import = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let met = if luck.next(2) == 0 {
        met_event(&mut import, 1 + luck.next(EVENTS))
    } else {
        met_growth(&mut import, desk, 1 + luck.next(BYTES))
    };
    if met {
        import.kill().unwrap();
    }
    let ended = import.wait().unwrap();
    assert!(ended.success() || ended.code().is_none(), "{ended}");
    ended.code().is_none()
}

/// Waits for the `count`th line that the import tells of its progress.
fn met_event(import: &mut Child, count: u64) -> bool {
    let lines = BufReader::new(import.stderr.take().unwrap()).lines();
    let events = lines.map_while(Result::ok).filter(|line| line.starts_with('{'));
    events.take(usize::try_from(count).unwrap()).count() == usize::try_from(count).unwrap()
}

/// Waits until the files of the store have grown by so many bytes.
fn met_growth(import: &mut Child, desk: &Desk, bytes: u64) -> bool {
    let size = || {
        let files = ["test.db", "test.db-wal"].map(|name| fs::metadata(desk.path().join(name)));
        files.into_iter().flatten().map(|file| file.len()).sum::<u64>()
    };
    let before = size();
    drop(import.stderr.take());
    while import.try_wait().unwrap().is_none() {
        if size() > before + bytes {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

fn check(desk: &Desk) {
    let last = desk.import("a.mbox").ends(0);
    assert_eq!(last["seen"], MAILS, "{last}");
    let verified = desk.run(&["verify"]).ends(0);
    assert_eq!(verified["stored"], MAILS, "{verified}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tally = runtime.block_on(async {
        let home = Home::open(desk.path().join("test.db"), |it, _| Ok(it)).await.unwrap();
        home.besunny.store().tally(&home.scope, None).await.unwrap()
    });
    assert_eq!((tally.pending, tally.removed), (0, 0));
    assert_eq!(tally.needs_review, u64::try_from(MAILS).unwrap());
}

/// Numbers that follow from a seed (splitmix64).
struct Luck(u64);

impl Luck {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 31) % below
    }
}
