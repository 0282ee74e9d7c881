//! Onboardings and the projects that are saved of them.
use std::time::Duration;

use besunny_core::{
    ids::{OnboardingId, ProjectId, UserId},
    onboarding::{Conversation, Onboarding, PRODUCTION, generation},
    profile::{Field, Metadata, Profile},
    project::Project,
    repository::{ProjectSave, RepositoryError},
};

use super::{
    World,
    bench::{Bench, noon},
};
use crate::conformance::{Broken, Case, Outcome, Power, check, check_equal, clause};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("store.onboarding.kept", kept).needing(Power::Reopen),
        clause("store.onboarding.conflict", conflict),
        clause("store.onboarding.owner", owner),
        clause("store.onboarding.last-first", last_first),
        clause("store.project.saved-together", saved_together),
        clause("store.project.changed-since", changed_since),
        clause("store.tenant.onboardings", tenants),
    ]
}

/// Begins an onboarding whose id follows from its name.
fn begun(owner: UserId, name: &str) -> Onboarding {
    let id = OnboardingId::derived(&[name.as_bytes()]);
    Onboarding::begun(id, owner, &PRODUCTION, noon())
}

/// Answers the question that is asked.
fn answered(onboarding: Onboarding, text: &str) -> Result<Onboarding, Broken> {
    let conversation = onboarding.conversation.clone().answered(&PRODUCTION, text);
    let conversation = conversation.map_err(|error| Broken::new(error.to_string()))?;
    Ok(onboarding.with_conversation(conversation, noon()))
}

/// Goes through all questions, and generates.
fn complete(onboarding: Onboarding) -> Result<Onboarding, Broken> {
    let answers =
        ["Dykes", "A film.", "dyke", "film", "none", "none", "none", "June 2026", "Weir", ""];
    let refused = |error: besunny_core::onboarding::OnboardingError| Broken::new(error.to_string());
    let asked = answers
        .iter()
        .try_fold(Conversation::default(), |asked, answer| asked.answered(&PRODUCTION, answer));
    let asked = asked.and_then(|asked| asked.confirmed(&PRODUCTION)).map_err(refused)?;
    let brief = asked.brief(&PRODUCTION).map_err(refused)?;
    let answered = Onboarding { conversation: asked, ..onboarding };
    let edits = [(Field::Categories, vec!["film".to_owned()])].into();
    let generated = Onboarding {
        generated: Some(generation::of_answers(&brief, Some("no model".to_owned()))),
        ..answered
    };
    let edited = generated.with_edits(edits, noon()).map_err(refused)?;
    Ok(Onboarding { version: 1, ..edited })
}

fn project(bench: &Bench, name: &str) -> Result<Project, Broken> {
    Project::new(bench.scope.tenant(), bench.user, name, noon())
        .map_err(|error| Broken::new(error.to_string()))
}

fn save(bench: &Bench, before: Option<Project>, project: Project) -> ProjectSave {
    let metadata = Metadata {
        project: project.id,
        created_by: bench.user,
        created_at: noon(),
        updated_at: noon(),
        profile: Profile::of(&project),
    };
    ProjectSave { before, project, metadata, onboarding: None }
}

fn is_conflict(answer: &Result<(), RepositoryError>, what: &str) -> Outcome {
    check(
        matches!(answer, Err(RepositoryError::Conflict)),
        format_args!("{what} was answered {answer:?}"),
    )
}

async fn kept(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let (new, done) = (begun(bench.user, "new"), complete(begun(bench.user, "done"))?);
    for onboarding in [&new, &done] {
        bench.store.put_onboarding(&bench.scope, onboarding).await?;
    }
    let next = answered(new, "Dykes")?;
    bench.store.put_onboarding(&bench.scope, &next).await?;
    let again = world.reopened().await;
    for onboarding in [next, done] {
        let found = again.onboarding(&bench.scope, bench.user, onboarding.id).await?;
        check_equal(&found, &Some(onboarding), "the onboarding after a restart")?;
    }
    Ok(())
}

async fn conflict(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let new = begun(bench.user, "new");
    let (one, other) = (answered(new.clone(), "One")?, answered(new.clone(), "Other")?);
    let put =
        async |onboarding: &Onboarding| bench.store.put_onboarding(&bench.scope, onboarding).await;
    is_conflict(&put(&one).await, "a second version without a first")?;
    put(&new).await?;
    is_conflict(&put(&new).await, "the first version twice")?;
    put(&one).await?;
    is_conflict(&put(&other).await, "the same version of somebody else")?;
    let found = bench.store.onboarding(&bench.scope, bench.user, new.id).await?;
    check_equal(&found, &Some(one), "what was stored first")
}

async fn owner(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let bob = bench.add_person("bob").await?;
    let new = begun(bench.user, "new");
    let store = &bench.store;
    store.put_onboarding(&bench.scope, &new).await?;
    check_equal(&store.onboarding(&bench.scope, bob, new.id).await?, &None, "found by another")?;
    check(store.onboardings(&bench.scope, bob).await?.is_empty(), "listed for another")?;
    let stolen = Onboarding { owner: bob, ..answered(new.clone(), "Stolen")? };
    let answer = store.put_onboarding(&bench.scope, &stolen).await;
    is_conflict(&answer, "the onboarding of another owner")?;
    store.drop_onboarding(&bench.scope, bob, new.id).await?;
    let found = store.onboarding(&bench.scope, bench.user, new.id).await?;
    check_equal(&found, &Some(new.clone()), "what another dropped")?;
    store.drop_onboarding(&bench.scope, bench.user, new.id).await?;
    let found = store.onboarding(&bench.scope, bench.user, new.id).await?;
    check_equal(&found, &None, "what its owner dropped")
}

async fn last_first(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    for (name, minutes) in [("a", 1), ("b", 3), ("c", 2)] {
        let changed_at = noon() + Duration::from_mins(minutes);
        let onboarding = Onboarding { changed_at, ..begun(bench.user, name) };
        bench.store.put_onboarding(&bench.scope, &onboarding).await?;
    }
    let found = bench.store.onboardings(&bench.scope, bench.user).await?;
    let found: Vec<OnboardingId> = found.into_iter().map(|onboarding| onboarding.id).collect();
    let want = ["b", "c", "a"].map(|name| OnboardingId::derived(&[name.as_bytes()]));
    check_equal(&found, &want.to_vec(), "the order")
}

async fn saved_together(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let store = &bench.store;
    let new = begun(bench.user, "new");
    let project = project(&bench, "Dykes")?;
    let all = ProjectSave {
        onboarding: Some(new.clone().saved(&project, noon())),
        ..save(&bench, None, project.clone())
    };
    is_conflict(&store.save_project(&bench.scope, &all).await, "an onboarding nobody began")?;
    check(store.projects(&bench.scope, bench.user).await?.is_empty(), "a project of half a save")?;
    let metadata = store.metadata(&bench.scope, project.id).await?;
    check_equal(&metadata, &None, "metadata of half a save")?;
    store.put_onboarding(&bench.scope, &new).await?;
    store.save_project(&bench.scope, &all).await?;
    let projects = store.projects(&bench.scope, bench.user).await?;
    check_equal(&projects.to_vec(), &vec![project.clone()], "the project")?;
    let metadata = store.metadata(&bench.scope, project.id).await?;
    check_equal(&metadata, &Some(all.metadata), "the metadata")?;
    let found = store.onboarding(&bench.scope, bench.user, new.id).await?;
    check_equal(&found, &all.onboarding, "the onboarding")
}

async fn changed_since(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let store = &bench.store;
    let first = project(&bench, "Dykes")?;
    let second = Project { description: "second".to_owned(), ..first.clone() };
    let put = async |before: Option<&Project>, after: &Project| {
        store.save_project(&bench.scope, &save(&bench, before.cloned(), after.clone())).await
    };
    is_conflict(&put(Some(&first), &second).await, "a change of nothing")?;
    put(None, &first).await?;
    is_conflict(&put(None, &second).await, "a project made twice")?;
    put(Some(&first), &second).await?;
    is_conflict(&put(Some(&first), &first).await, "a change of what was there before")?;
    let id = ProjectId::derived(&[b"other"]);
    let twin = Project { id, name: "DYKES".to_owned(), ..first };
    let answer = put(None, &twin).await;
    check(matches!(answer, Err(RepositoryError::Taken(_))), "a name was given twice")?;
    let projects = store.projects(&bench.scope, bench.user).await?;
    check_equal(&projects.to_vec(), &vec![second], "the project")
}

async fn tenants(world: World) -> Outcome {
    let (acme, evil) = (Bench::acme(&world).await?, Bench::new(&world, "evil").await?);
    let store = &acme.store;
    let new = begun(acme.user, "new");
    store.put_onboarding(&acme.scope, &new).await?;
    let project = project(&acme, "Dykes")?;
    store.save_project(&acme.scope, &save(&acme, None, project.clone())).await?;
    let found = store.onboarding(&evil.scope, acme.user, new.id).await?;
    check_equal(&found, &None, "an onboarding of another tenant")?;
    check(store.onboardings(&evil.scope, acme.user).await?.is_empty(), "onboardings")?;
    let metadata = store.metadata(&evil.scope, project.id).await?;
    check_equal(&metadata, &None, "metadata of another tenant")?;
    store.drop_onboarding(&evil.scope, acme.user, new.id).await?;
    let answer = store.put_onboarding(&evil.scope, &answered(new.clone(), "Stolen")?).await;
    check(answer.is_err(), "an onboarding of another tenant was changed")?;
    let stolen = Project { description: "stolen".to_owned(), ..project.clone() };
    let answer = store.save_project(&evil.scope, &save(&acme, Some(project), stolen)).await;
    check(answer.is_err(), "a project of another tenant was saved")?;
    let found = store.onboarding(&acme.scope, acme.user, new.id).await?;
    check_equal(&found, &Some(new), "the onboarding")
}
