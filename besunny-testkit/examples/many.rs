use besunny_testkit::{planted::Planted, simulation};
fn main() {
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let s = simulation::run_many(1, n, |h| {
        for v in h.violations.iter().take(3) {
            println!("SEED={} {v:?}", h.seed);
        }
    });
    println!("{s:#?}");
    for bug in Planted::ALL {
        let seen: Vec<_> = (1..=60u64)
            .filter(|seed| !simulation::run(*seed, Some(bug)).violations.is_empty())
            .collect();
        println!(
            "{bug:?} seen {} of 60 first {:?} {:?}",
            seen.len(),
            seen.first(),
            seen.first().map(|s| simulation::run(*s, Some(bug)).violations.into_iter().next())
        );
    }
}
