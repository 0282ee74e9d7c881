//! What shadows would have decided is kept beside the decisions, and changes nothing.
use besunny_core::{
    classify::{Making, Ruling, Verdict},
    contender::Contender,
    document::{Document, DocumentState, Review, ReviewReason},
    ids::DocumentId,
    repository::RepositoryError,
    shadow::{Shadow, View},
};

use super::{
    World,
    bench::{Bench, noon},
};
use crate::conformance::{Broken, Case, Outcome, check, check_equal, clause};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("store.shadow.kept", kept),
        clause("store.shadow.missing", missing),
        clause("store.tenant.shadows", tenants),
    ]
}

fn failed(document: &Document, with: Contender, why: &str) -> Shadow {
    let view = View::Failed { why: why.to_owned() };
    Shadow { document: document.id, version: 2, with, at: noon(), view }
}

fn decided(document: &Document) -> Shadow {
    let verdict = Verdict {
        classifier: "rules/1".to_owned(),
        choice: None,
        confidence: 0.25,
        evidence: Vec::new(),
        alternatives: Vec::new(),
        made: Making { cost_micros: 7, ..Making::default() },
    };
    let reason = ReviewReason::NoEvidence;
    let state = DocumentState::NeedsReview(Review { reason, suggestion: None });
    let (verdict, ruling) = (Box::new(verdict), Box::new(Ruling::default()));
    let view = View::Decided { verdict, state, ruling };
    Shadow { view, ..failed(document, Contender::Rules, "") }
}

async fn noted(bench: &Bench) -> Result<Vec<Shadow>, Broken> {
    Ok(bench.store.shadows(&bench.scope, bench.user, None, 10).await?)
}

async fn kept(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let (one, two) = (bench.stored(&lease, "one").await?, bench.stored(&lease, "two").await?);
    let mut want = Vec::new();
    for document in [&one, &two] {
        want.push(failed(document, Contender::Language, "no answer"));
        want.push(failed(document, Contender::Pinned(10), "gone"));
        want.push(failed(document, Contender::Pinned(9), "gone"));
        want.push(decided(document));
        want.push(Shadow { version: 4, ..decided(document) });
    }
    let mut shuffled = want.clone();
    shuffled.reverse();
    bench.store.put_shadows(&bench.scope, bench.user, &shuffled).await?;
    let again =
        [failed(&one, Contender::Rules, "later"), failed(&two, Contender::Language, "later")];
    bench.store.put_shadows(&bench.scope, bench.user, &again).await?;
    want.sort_by_key(|shadow| (shadow.document, shadow.version, shadow.with.to_string()));
    check_equal(&bench.found(one.id).await?, &one, "the document")?;
    let history = bench.store.history(&bench.scope, one.id).await?;
    check_equal(&history.len(), &1, "lines of its history")?;
    let store = world.reopened().await;
    let mut seen: Vec<Shadow> = Vec::new();
    loop {
        let page = store.shadows(&bench.scope, bench.user, seen.last(), 3).await?;
        check(page.len() <= 3, "more shadows than were asked for")?;
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    check_equal(&seen, &want, "shadows page by page")
}

async fn missing(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let document = bench.stored(&lease, "one").await?;
    let here = decided(&document);
    let gone = Shadow { document: DocumentId::derived(&[b"gone"]), ..here.clone() };
    let refused = bench.store.put_shadows(&bench.scope, bench.user, &[here, gone]).await;
    check(
        matches!(refused, Err(RepositoryError::Missing(_))),
        format_args!("a shadow of a document that is not there: {refused:?}"),
    )?;
    check_equal(&noted(&bench).await?, &Vec::new(), "shadows after that")
}

async fn tenants(world: World) -> Outcome {
    let acme = Bench::acme(&world).await?;
    let lease = acme.lease().await?;
    let document = acme.stored(&lease, "secret").await?;
    let shadow = decided(&document);
    acme.store.put_shadows(&acme.scope, acme.user, std::slice::from_ref(&shadow)).await?;
    let evil = Bench::new(&world, "evil").await?;
    let seen = evil.store.shadows(&evil.scope, acme.user, None, 10).await?;
    check(seen.is_empty(), "a shadow of another tenant")?;
    let other = failed(&document, Contender::Language, "not theirs");
    let refused = evil.store.put_shadows(&evil.scope, evil.user, &[other]).await;
    check(
        matches!(refused, Err(RepositoryError::Missing(_))),
        format_args!("a shadow of a document of another tenant: {refused:?}"),
    )?;
    let stranger = acme.add_person("eve").await?;
    let seen = acme.store.shadows(&acme.scope, stranger, None, 10).await?;
    check(seen.is_empty(), "a shadow of somebody else")?;
    check_equal(&noted(&acme).await?, &vec![shadow], "shadows of the first tenant")
}
