fn main() {
    let s: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let n: u64 = std::env::args().nth(2).unwrap().parse().unwrap();
    for seed in s..s + n {
        let t = std::time::Instant::now();
        let h = besunny_testkit::simulation::run(seed, None);
        println!(
            "{seed} {:?} items {} viol {:?} fired {:?}",
            t.elapsed(),
            h.items,
            h.violations.iter().take(2).collect::<Vec<_>>(),
            h.fired.values().sum::<u64>()
        );
    }
}
