//! Virtual time.

use std::time::Duration;

use besunny_simulator::ClockMode;

use crate::scene::{Scene, instant};

#[tokio::test]
async fn a_manual_clock_stands_until_it_is_advanced() {
    let scene = Scene::new().await;
    assert_eq!(scene.control().now(), instant("2026-01-05T09:00:00Z"));
    scene.advance(90);
    assert_eq!(scene.control().now(), instant("2026-01-05T09:01:30Z"));
}

#[tokio::test]
async fn a_change_of_mode_does_not_jump() {
    let scene = Scene::new().await;
    let before = scene.control().now();
    scene.control().set_clock(ClockMode::Scaled { factor: 0.001 });
    scene.control().set_clock(ClockMode::Manual);
    let jump = scene.control().now() - before;
    assert!(jump < chrono::Duration::seconds(1), "{jump}");
}

#[tokio::test]
async fn a_scaled_clock_runs_ahead_and_can_be_advanced_too() {
    let scene = Scene::with(|config| config.clock = ClockMode::Scaled { factor: 100.0 }).await;
    let first = scene.control().now();
    scene.get("profile").await.good();
    assert!(scene.control().now() > first);
    scene.control().advance(Duration::from_hours(24 * 365));
    assert!(scene.control().now() > instant("2027-01-05T00:00:00Z"));
}

#[tokio::test]
async fn answers_carry_virtual_dates() {
    let scene = Scene::new().await;
    let reply = scene.get("profile").await;
    assert_eq!(reply.header("date"), Some("Mon, 05 Jan 2026 09:00:00 GMT"));
}
