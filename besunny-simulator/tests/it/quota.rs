//! Units a minute.

use besunny_simulator::{Metering, Operation, RateRefusal, RetryAfterForm};

use crate::scene::{ANN, Scene};

/// A scene in which a user has ten units a minute, two calls of `messages.list`.
async fn tight(refusal: RateRefusal, retry_after: RetryAfterForm) -> Scene {
    Scene::with(|config| {
        let quota = &mut config.settings.quota;
        quota.user_units_per_minute = 10;
        (quota.refusal, quota.retry_after) = (refusal, retry_after);
    })
    .await
}

#[tokio::test]
async fn the_minute_slides() {
    let scene = tight(RateRefusal::Forbidden, RetryAfterForm::Absent).await;
    let mut answers = Vec::new();
    for wait in [0, 30, 0, 29, 1, 0, 30, 0] {
        scene.advance(wait);
        answers.push(scene.get("messages").await.status);
    }
    assert_eq!(answers, [200, 200, 403, 403, 200, 403, 200, 403]);
}

#[tokio::test]
async fn refusals_have_the_chosen_form() {
    for (refusal, form, expected) in [
        (RateRefusal::Forbidden, RetryAfterForm::Absent, (403, "userRateLimitExceeded", None)),
        (
            RateRefusal::TooManyRequests,
            RetryAfterForm::Seconds,
            (429, "rateLimitExceeded", Some("60")),
        ),
        (
            RateRefusal::TooManyRequests,
            RetryAfterForm::HttpDate,
            (429, "rateLimitExceeded", Some("Mon, 05 Jan 2026 09:01:00 GMT")),
        ),
    ] {
        let scene = tight(refusal, form).await;
        scene.get("messages").await.good();
        scene.get("messages").await.good();
        let reply = scene.get("messages").await;
        assert_eq!(reply.refusal(), (expected.0, expected.1.to_owned()));
        assert_eq!(reply.header("retry-after"), expected.2);
        assert_eq!(reply.json()["error"]["status"], "RESOURCE_EXHAUSTED");
    }
}

#[tokio::test]
async fn users_have_quotas_of_their_own_and_share_the_projects() {
    let mut scene = Scene::with(|config| {
        let quota = &mut config.settings.quota;
        (quota.user_units_per_minute, quota.project_units_per_minute) = (10, 15);
    })
    .await;
    scene.get("messages").await.good();
    scene.get("messages").await.good();
    scene.control().add_account("bob@example.test");
    let bob = scene.control().mailbox("bob@example.test").unwrap();
    scene.token = bob.access_token().unwrap();
    scene.get("messages").await.good();
    let refusal = scene.get("messages").await.refusal();
    assert_eq!(refusal, (403, "rateLimitExceeded".to_owned()), "the project's are used up");
}

#[tokio::test]
async fn usage_is_counted_by_user_and_operation() {
    let scene = tight(RateRefusal::Forbidden, RetryAfterForm::Absent).await;
    for _ in 0..3 {
        scene.get("messages").await;
    }
    let usage = scene.control().usage()[ANN][&Operation::ListMessages];
    assert_eq!((usage.calls, usage.refused, usage.units), (2, 1, 10));
    scene.control().reset_counters();
    assert!(scene.control().usage()[ANN].is_empty());
    scene.get("messages").await.good();
}

#[tokio::test]
async fn metering_can_be_off_and_prices_differ() {
    let scene = tight(RateRefusal::Forbidden, RetryAfterForm::Absent).await;
    scene.control().configure(|settings| settings.quota.metering = Metering::Off);
    for _ in 0..5 {
        scene.get("messages").await.good();
    }
    scene.control().configure(|settings| {
        settings.quota.metering = Metering::On;
        settings.quota.units.insert(Operation::ListMessages, 11);
    });
    assert_eq!(scene.get("messages").await.status, 403);
    assert_eq!(scene.control().requests().last().unwrap().units, 0);
}

#[tokio::test]
async fn defaults_are_those_of_2026() {
    let scene = Scene::new().await;
    let quota = scene.control().settings().quota;
    assert_eq!((quota.user_units_per_minute, quota.project_units_per_minute), (6_000, 1_200_000));
    for (operation, units) in [
        (Operation::GetProfile, 1),
        (Operation::ListHistory, 2),
        (Operation::ListMessages, 5),
        (Operation::GetMessage, 20),
        (Operation::GetAttachment, 20),
        (Operation::ListLabels, 1),
        (Operation::ModifyMessage, 5),
        (Operation::Watch, 100),
    ] {
        assert_eq!(operation.default_units(), units, "{}", operation.name());
    }
}
