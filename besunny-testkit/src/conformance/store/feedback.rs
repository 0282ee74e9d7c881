//! What people said: acts are kept with their commits, and rules change with them.
use std::collections::BTreeMap;

use besunny_core::{
    document::{Document, DocumentState},
    feedback::{Act, Asking, Deed},
    ids::{CommitId, RuleId},
    project::Project,
    repository::RepositoryError,
    standing::{Match, NewRule, Says, StandingRule},
};

use super::{
    World,
    bench::{Bench, noon},
};
use crate::conformance::{Broken, Case, Outcome, check, check_equal, clause};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("store.act.kept", kept),
        clause("store.act.newest-first", newest_first),
        clause("store.act.rules", rules),
        clause("store.act.conflict", conflict),
        clause("store.tenant.feedback", tenants),
    ]
}

fn asking(bench: &Bench, name: &str) -> Asking {
    let id = CommitId::derived(&[name.as_bytes()]);
    Asking { id, owner: bench.user, by: bench.user, at: noon() }
}

async fn judged(bench: &Bench, name: &str, document: &Document) -> Result<Act, Broken> {
    let act = Act::judge(asking(bench, name), Deed::Decline, std::slice::from_ref(document));
    let act = act.map_err(|error| Broken::new(error.to_string()))?;
    bench.commit(act.clone().commit(bench.scope.tenant(), BTreeMap::new())).await?;
    Ok(act)
}

async fn rule(bench: &Bench, says: Says) -> Result<StandingRule, Broken> {
    let project = Project::new(bench.scope.tenant(), bench.user, "Harbour", noon());
    let project = project.map_err(|error| Broken::new(error.to_string()))?;
    bench.store.put_project(&bench.scope, &project).await?;
    let of = Match::Sender("bob@example.org".to_owned());
    let wanted = NewRule { project: project.id, says, of };
    let people = (bench.user, bench.user);
    StandingRule::new(bench.scope.tenant(), wanted, people, noon())
        .map_err(|error| Broken::new(error.to_string()))
}

/// Accepts a rule that was read as `before`.
async fn accepted(
    bench: &Bench,
    name: &str,
    rule: &StandingRule,
    before: Option<&StandingRule>,
) -> Result<(), RepositoryError> {
    let act = Act::accept(asking(bench, name), rule.clone(), before.cloned(), Vec::new());
    bench.commit(act.commit(bench.scope.tenant(), BTreeMap::new())).await.map(drop)
}

async fn held(bench: &Bench) -> Result<Vec<StandingRule>, Broken> {
    Ok(bench.store.rules(&bench.scope, bench.user).await?.to_vec())
}

async fn kept(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let document = bench.stored(&lease, "mail").await?;
    let act = judged(&bench, "act", &document).await?;
    let found = bench.store.act(&bench.scope, act.id).await?;
    check_equal(&found, &Some(act.clone()), "the act")?;
    bench.commit(act.clone().commit(bench.scope.tenant(), BTreeMap::new())).await?;
    let acts = bench.store.acts(&bench.scope, bench.user, None, 10).await?;
    check_equal(&acts.len(), &1, "acts after it was repeated")?;
    let unknown = bench.store.act(&bench.scope, CommitId::derived(&[b"other"])).await?;
    check_equal(&unknown, &None, "an act that never was")?;
    let after = bench.found(document.id).await?;
    check_equal(&after.state, &DocumentState::NoProject { by: bench.user }, "the document")?;
    let undo = act.undo(asking(&bench, "undo"), std::slice::from_ref(&after));
    bench.commit(undo.commit(bench.scope.tenant(), BTreeMap::new())).await?;
    check_equal(&bench.found(document.id).await?.state, &document.state, "after it was undone")
}

async fn newest_first(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let mut want = Vec::new();
    for name in ["one", "two", "three"] {
        let document = bench.stored(&lease, name).await?;
        want.insert(0, judged(&bench, name, &document).await?.id);
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = bench.store.acts(&bench.scope, bench.user, before, 2).await?;
        before = page.last().map(|act| act.id);
        seen.extend(page.iter().map(|act| act.id));
        if page.is_empty() {
            break;
        }
    }
    check_equal(&seen, &want, "acts page by page")?;
    let stranger = bench.add_person("eve").await?;
    let acts = bench.store.acts(&bench.scope, stranger, None, 10).await?;
    check(acts.is_empty(), "acts on documents of somebody else")
}

async fn rules(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let never = rule(&bench, Says::Never).await?;
    accepted(&bench, "never", &never, None).await?;
    check_equal(&held(&bench).await?, &vec![never.clone()], "an accepted rule")?;
    let always = StandingRule { says: Says::Always, ..never.clone() };
    accepted(&bench, "always", &always, Some(&never)).await?;
    check_equal(&held(&bench).await?, &vec![always.clone()], "a rule that replaced another")?;
    let act = Act::withdraw(asking(&bench, "withdraw"), always.clone());
    bench.commit(act.clone().commit(bench.scope.tenant(), BTreeMap::new())).await?;
    check_equal(&held(&bench).await?, &Vec::new(), "a rule that was withdrawn")?;
    let undo = act.undo(asking(&bench, "undo"), &[]);
    bench.commit(undo.commit(bench.scope.tenant(), BTreeMap::new())).await?;
    check_equal(&held(&bench).await?, &vec![always], "after that was undone")
}

async fn conflict(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let never = rule(&bench, Says::Never).await?;
    let always = StandingRule { says: Says::Always, ..never.clone() };
    let refused = accepted(&bench, "unread", &always, Some(&never)).await;
    check(
        matches!(refused, Err(RepositoryError::Conflict)),
        format_args!("a rule in place of one that is not there: {refused:?}"),
    )?;
    accepted(&bench, "never", &never, None).await?;
    let refused = accepted(&bench, "late", &always, None).await;
    check(
        matches!(refused, Err(RepositoryError::Conflict)),
        format_args!("a rule over one that was not read: {refused:?}"),
    )?;
    check_equal(&held(&bench).await?, &vec![never], "the rule")?;
    let late = bench.store.act(&bench.scope, CommitId::derived(&[b"late"])).await?;
    check_equal(&late, &None, "the refused act")
}

async fn tenants(world: World) -> Outcome {
    let acme = Bench::acme(&world).await?;
    let lease = acme.lease().await?;
    let document = acme.stored(&lease, "secret").await?;
    let act = judged(&acme, "act", &document).await?;
    let never = rule(&acme, Says::Never).await?;
    accepted(&acme, "never", &never, None).await?;
    let evil = Bench::new(&world, "evil").await?;
    let found = evil.store.act(&evil.scope, act.id).await?;
    check(found.is_none(), "an act of another tenant")?;
    let acts = evil.store.acts(&evil.scope, acme.user, None, 10).await?;
    check(acts.is_empty(), "acts of another tenant")?;
    let rules = evil.store.rules(&evil.scope, acme.user).await?;
    check(rules.is_empty(), "rules of another tenant")?;
    let ids: Vec<RuleId> = held(&acme).await?.iter().map(|rule| rule.id).collect();
    check_equal(&ids, &vec![never.id], "rules of the first tenant")
}
