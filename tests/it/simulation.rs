//! The deterministic simulation: 2,000 histories, and bugs that it must see.
use besunny_testkit::{
    planted::Planted,
    simulation::{self, Fault},
};

/// Histories in the test command; `cargo xtask sim --seeds N` runs more.
const HISTORIES: u64 = 2_000;
/// Every fault is met so often at least, or the run proves too little.
const OFTEN: u64 = 50;

#[test]
fn no_item_is_lost_doubled_or_shown_to_strangers() {
    let summary = simulation::run_many(1, HISTORIES, |history| {
        for violation in &history.violations {
            println!("SEED={} {violation:?}", history.seed);
        }
    });
    println!("{summary:?}");
    assert!(summary.is_clean(), "replay: cargo xtask sim --seed {:?} --seeds 1", summary.failing);
    for fault in Fault::ALL {
        let fired = summary.fired[fault.as_str()];
        assert!(fired >= OFTEN, "{fault} was met {fired} times only");
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 1..=40 {
        let (first, second) = (simulation::run(seed, None), simulation::run(seed, None));
        assert_eq!(first.trace, second.trace, "SEED={seed}");
    }
}

#[test]
fn planted_bugs_are_seen() {
    for bug in Planted::ALL {
        let seen = (1..=400).find(|seed| !simulation::run(*seed, Some(bug)).violations.is_empty());
        println!("{bug:?} is seen at seed {seen:?}");
        assert!(seen.is_some(), "{bug:?} is not seen in 400 histories");
    }
}
