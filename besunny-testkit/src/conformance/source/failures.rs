//! Failures: named by kind, without content, and over when they are over.
use std::time::Duration;

use besunny_core::source::{SourceError, SourceErrorKind as Kind};

use super::{Case, Outcome, Power, Reader, Sample, World, check, deliver_all, names};
use crate::conformance::{Broken, check_equal, clause};

pub(super) fn cases<T: Sample>() -> Vec<Case<World<T>>> {
    vec![
        clause("source.errors.rate-limited", rate_limited).needing(Power::Fail),
        clause("source.errors.unavailable", unavailable).needing(Power::Fail),
        clause("source.errors.forbidden", forbidden).needing(Power::Fail),
        clause("source.errors.malformed", malformed).needing(Power::Fail),
        clause("source.errors.not-swallowed", not_swallowed).needing(Power::Fail),
        clause("source.errors.no-content", no_content).needing(Power::Fail),
    ]
}

async fn rate_limited<T: Sample>(world: World<T>) -> Outcome {
    let error = failing(&world, Kind::RateLimited, Some(17)).await?;
    check_equal(&error.kind, &Kind::RateLimited, "the kind")?;
    check_equal(&error.retry_after, &Some(Duration::from_secs(17)), "how long to wait")
}

async fn unavailable<T: Sample>(world: World<T>) -> Outcome {
    let error = failing(&world, Kind::Unavailable, None).await?;
    check_equal(&error.kind, &Kind::Unavailable, "the kind")
}

async fn forbidden<T: Sample>(world: World<T>) -> Outcome {
    let error = failing(&world, Kind::Forbidden, None).await?;
    check_equal(&error.kind, &Kind::Forbidden, "the kind")
}

async fn malformed<T: Sample>(world: World<T>) -> Outcome {
    let error = failing(&world, Kind::Malformed, None).await?;
    check_equal(&error.kind, &Kind::Malformed, "the kind")
}

/// A failure is an error of the call, never an empty answer; the next call is whole again.
async fn not_swallowed<T: Sample>(world: World<T>) -> Outcome {
    deliver_all(&world, &["one", "two", "three"]).await;
    let reader = Reader::new(&world);
    let mut mailbox = reader.sync().await?;
    deliver_all(&world, &["four"]).await;
    if let Some(cursor) = &mailbox.cursor {
        world.fail_next(Kind::Unavailable, None).await;
        check(reader.changes(cursor).await.is_err(), "a failed look at changes looks empty")?;
    }
    world.fail_next(Kind::Unavailable, None).await;
    check(reader.list_page(None).await.is_err(), "a failed listing looks complete")?;
    let ids: Vec<_> = mailbox.ids.iter().take(1).cloned().collect();
    world.fail_next(Kind::Unavailable, None).await;
    check(reader.fetch(&ids).await.is_err(), "a failed fetch looks like an answer")?;
    reader.catch_up(&mut mailbox).await?;
    let want = names(&["one", "two", "three", "four"]);
    check_equal(&reader.names_of(&mailbox).await?, &want, "mails once the failures are over")
}

/// Neither the error nor its causes show anything of a mail.
async fn no_content<T: Sample>(world: World<T>) -> Outcome {
    world.deliver(T::written("canary-5f2c")).await;
    for kind in [Kind::Malformed, Kind::Unavailable, Kind::Forbidden] {
        let error = failing(&world, kind, None).await?;
        let mut shown: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = shown {
            let text = format!("{error:?} {error}");
            check(!text.contains("canary-5f2c"), "an error shows the content of a mail")?;
            shown = error.source();
        }
    }
    Ok(())
}

/// Makes the next listing fail and returns how.
async fn failing<T: Sample>(
    world: &World<T>,
    kind: Kind,
    wait: Option<u64>,
) -> Result<SourceError, Broken> {
    let reader = Reader::new(world);
    world.fail_next(kind, wait).await;
    let answer = reader.list_page(None).await;
    answer.err().ok_or_else(|| Broken::new("a failing call was answered"))
}
