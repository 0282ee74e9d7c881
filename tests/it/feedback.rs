//! What people say of decisions holds, comes back, and is done once (CLS-8, CLS-9).
use std::{collections::BTreeMap, sync::Arc};

use besunny::{Besunny, Error, Feedback, Outcome, Seen};
use besunny_core::{
    clock::Clock,
    document::{Document, DocumentState},
    history::Fact,
    ids::{CommitId, DocumentId, ProjectId, UserId},
    project::Project,
    repository::{DocumentFilter, RepositoryError, Store},
    standing::{Match, NewRule, Says},
};
use besunny_testkit::{crash::CrashPoint, interposed::Interposed, scripted::Fair};
use futures::executor::block_on;
use proptest::prelude::*;

use crate::scene::{MakeStore, Scene, deliver, in_a_file, in_memory};

fn ann() -> UserId {
    UserId::derived(&[b"ann"])
}

/// A scene with three mails that wait, and two projects.
async fn scene(make: MakeStore) -> (Scene, [ProjectId; 2]) {
    let scene = Scene::new(make, Arc::new(Fair)).await;
    let mut ids = Vec::new();
    for name in ["Harbour", "Pier"] {
        let project = Project::new(scene.scope.tenant(), ann(), name, scene.clock.now()).unwrap();
        scene.store.put_project(&scene.scope, &project).await.unwrap();
        ids.push(project.id);
    }
    scene.change(|mailbox, at| (0..3).for_each(|n| deliver(mailbox, n, at)));
    scene.work().await;
    (scene, ids.try_into().unwrap())
}

fn besunny(scene: &Scene, store: &Arc<dyn Store>) -> Besunny {
    Besunny::builder_over(Arc::clone(store)).clock(Arc::clone(&scene.clock) as _).build()
}

async fn documents(scene: &Scene) -> Vec<Document> {
    let filter = DocumentFilter { limit: 10, ..DocumentFilter::default() };
    scene.store.documents(&scene.scope, &filter).await.unwrap()
}

/// Something a person does; documents and acts by number.
#[derive(Clone, Debug)]
enum Step {
    Assign(Vec<usize>, usize),
    Unassign(usize),
    Decline(usize),
    Confirm(usize),
    Undo(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (prop::collection::vec(0..3_usize, 1..4), 0..2_usize).prop_map(|(d, p)| Step::Assign(d, p)),
        (0..3_usize).prop_map(Step::Unassign),
        (0..3_usize).prop_map(Step::Decline),
        (0..3_usize).prop_map(Step::Confirm),
        (0..12_usize).prop_map(Step::Undo),
    ]
}

/// The simplest thing that can be right: states by document, and for each act what it changed.
#[derive(Default)]
struct Model {
    states: BTreeMap<DocumentId, DocumentState>,
    acts: Vec<(CommitId, BTreeMap<DocumentId, DocumentState>)>,
    /// The last act that touched a document.
    last: BTreeMap<DocumentId, CommitId>,
}

impl Model {
    fn did(&mut self, act: CommitId, after: BTreeMap<DocumentId, DocumentState>) {
        let before = after.keys().map(|id| (*id, self.states[id].clone())).collect();
        self.last.extend(after.keys().map(|id| (*id, act)));
        self.acts.push((act, before));
        self.states.extend(after);
    }

    /// Says what undoing an act brings back, if nobody acted on the documents since.
    fn undone(&self, number: usize) -> Option<BTreeMap<DocumentId, DocumentState>> {
        let (act, before) = &self.acts[number];
        before.keys().all(|id| self.last[id] == *act).then(|| before.clone())
    }
}

async fn act(
    feedback: Feedback<'_>,
    step: &Step,
    ids: &[DocumentId],
    projects: &[ProjectId; 2],
    acts: &[CommitId],
) -> Option<Result<Outcome, Error>> {
    let seen = |n: usize| Seen { document: ids[n], version: None };
    Some(match step {
        Step::Assign(which, project) => {
            let which: Vec<Seen> = which.iter().map(|n| seen(*n)).collect();
            feedback.assign(&which, projects[*project]).await
        }
        Step::Unassign(n) => feedback.unassign(&[seen(*n)]).await,
        Step::Decline(n) => feedback.decline(&[seen(*n)]).await,
        Step::Confirm(n) => feedback.confirm(&[seen(*n)]).await,
        Step::Undo(n) => feedback.undo(*acts.get(*n % acts.len().max(1))?).await,
    })
}

fn predict(
    model: &Model,
    step: &Step,
    ids: &[DocumentId],
    projects: &[ProjectId; 2],
) -> Option<BTreeMap<DocumentId, DocumentState>> {
    let put = |n: usize, to| (ids[n], DocumentState::assigned(to, ann()));
    match step {
        Step::Assign(which, project) => {
            Some(which.iter().map(|n| put(*n, Some(projects[*project]))).collect())
        }
        Step::Unassign(n) => Some([put(*n, None)].into()),
        Step::Decline(n) => Some([(ids[*n], DocumentState::NoProject { by: ann() })].into()),
        Step::Confirm(n) => {
            let project = model.states[&ids[*n]].project()?;
            Some([put(*n, Some(project))].into())
        }
        Step::Undo(n) => model.undone(*n % model.acts.len()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn cls_9_any_acts_and_undos_end_where_a_simple_model_says(
        steps in prop::collection::vec(step(), 1..14),
    ) {
        block_on(async {
            let (scene, projects) = scene(in_memory).await;
            let besunny = besunny(&scene, &scene.store);
            let mut model = Model::default();
            for document in documents(&scene).await {
                model.states.insert(document.id, document.state);
            }
            let ids: Vec<DocumentId> = model.states.keys().copied().collect();
            for step in &steps {
                let acts: Vec<CommitId> = model.acts.iter().map(|(id, _)| *id).collect();
                let feedback = besunny.feedback(&scene.scope, ann());
                let Some(done) = act(feedback, step, &ids, &projects, &acts).await else { continue };
                match predict(&model, step, &ids, &projects) {
                    Some(after) => model.did(done.unwrap().act.id, after),
                    None => assert!(done.is_err(), "{step:?} was not refused"),
                }
                let found: BTreeMap<_, _> =
                    documents(&scene).await.into_iter().map(|it| (it.id, it.state)).collect();
                assert_eq!(&found, &model.states, "after {step:?}");
            }
        });
    }
}

#[tokio::test]
async fn cls_9_an_act_that_dies_at_any_await_is_done_once_when_it_is_repeated() {
    for make in [in_memory as MakeStore, in_a_file] {
        let mut place = 1;
        loop {
            let (scene, projects) = scene(make).await;
            let ids: Vec<DocumentId> = documents(&scene).await.iter().map(|it| it.id).collect();
            let point = CrashPoint::at(place);
            let mortal: Arc<dyn Store> =
                Arc::new(Interposed::new(Arc::clone(&scene.store), Arc::clone(&point) as _));
            point
                .run(async { acts(&besunny(&scene, &mortal), &scene, &ids, projects).await })
                .await;
            let died = point.was_reached();
            acts(&besunny(&scene, &scene.store), &scene, &ids, projects).await;
            check_done(&scene, &ids, projects[1], place).await;
            if !died {
                assert!(place > 40, "only {place} places");
                break;
            }
            place += 1;
        }
    }
}

fn named(name: &str) -> CommitId {
    CommitId::derived(&[name.as_bytes()])
}

/// An act of each kind, under ids of requests.
async fn acts(besunny: &Besunny, scene: &Scene, ids: &[DocumentId], projects: [ProjectId; 2]) {
    let seen = |n: usize| Seen { document: ids[n], version: None };
    let feedback = |name| besunny.feedback(&scene.scope, ann()).named(named(name));
    feedback("both").assign(&[seen(0), seen(1)], projects[0]).await.unwrap();
    feedback("back").undo(named("both")).await.unwrap();
    let of = Match::Sender("bob@example.org".to_owned());
    let rule = NewRule { project: projects[1], says: Says::Always, of };
    feedback("rule").accept(rule, true).await.unwrap();
    feedback("none").decline(&[seen(2)]).await.unwrap();
}

async fn check_done(scene: &Scene, ids: &[DocumentId], project: ProjectId, place: u64) {
    for document in documents(scene).await {
        let line = format!("{} after place {place}", document.title.expose());
        let n = ids.iter().position(|id| *id == document.id).unwrap();
        let changes = if n < 2 { 3 } else { 2 };
        assert_eq!(document.version, 2 + changes, "{line}");
        let history = scene.store.history(&scene.scope, document.id).await.unwrap();
        assert_eq!(history.len() as u64, document.version, "{line}");
        let project = (n < 2).then_some(project);
        assert_eq!(document.state.project(), project, "{line}");
    }
    let acts = scene.store.acts(&scene.scope, ann(), None, 10).await.unwrap();
    assert_eq!(acts.len(), 4, "acts after place {place}");
}

/// Nothing but a person changes what a person said: not the classifier, a rule, or a listing.
#[tokio::test]
async fn cls_8_what_a_person_said_outlives_rules_classifiers_and_listings() {
    for make in [in_memory as MakeStore, in_a_file] {
        let (scene, projects) = scene(make).await;
        let besunny = besunny(&scene, &scene.store);
        let feedback = || besunny.feedback(&scene.scope, ann());
        let ids: Vec<DocumentId> = documents(&scene).await.iter().map(|it| it.id).collect();
        let seen = |n: usize| [Seen { document: ids[n], version: None }];
        feedback().assign(&seen(0), projects[0]).await.unwrap();
        feedback().decline(&seen(1)).await.unwrap();
        feedback().unassign(&seen(2)).await.unwrap();
        let before: Vec<_> = documents(&scene).await.into_iter().map(|it| it.state).collect();
        let of = Match::Domain("example.org".to_owned());
        let rule = NewRule { project: projects[1], says: Says::Always, of };
        let preview = feedback().preview(rule.clone()).await.unwrap();
        assert_eq!((preview.looked_at, preview.of_people, preview.changes.len()), (3, 3, 0));
        let accepted = feedback().accept(rule, true).await.unwrap();
        assert_eq!(accepted.act.moves, []);
        scene.change(|mailbox, _| mailbox.expire_log());
        scene.notice().await;
        scene.work().await;
        let after: Vec<_> = documents(&scene).await.into_iter().map(|it| it.state).collect();
        assert_eq!(after, before);
    }
}

/// A decision that was taken back before any classifier looked is made by one after all.
#[tokio::test]
async fn what_waited_to_be_classified_is_classified_after_an_undo() {
    for make in [in_memory as MakeStore, in_a_file] {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        scene.change(|mailbox, at| deliver(mailbox, 0, at));
        let mut stream = scene.engine(Arc::clone(&scene.store));
        // Pages only: a job that nobody claims leaves its document pending.
        stream.settings.jobs = 0;
        let _ = futures::future::select(
            Box::pin(stream.run_until_idle()),
            Box::pin(async {
                while documents(&scene).await.is_empty() {
                    tokio::task::yield_now().await;
                }
            }),
        )
        .await;
        let besunny = besunny(&scene, &scene.store);
        let document = documents(&scene).await.remove(0);
        let seen = [Seen { document: document.id, version: Some(document.version) }];
        let act = besunny.feedback(&scene.scope, ann()).decline(&seen).await.unwrap().act;
        besunny.feedback(&scene.scope, ann()).undo(act.id).await.unwrap();
        scene.work().await;
        let state = documents(&scene).await.remove(0).state;
        assert!(matches!(state, DocumentState::NeedsReview(_)), "{state:?}");
    }
}

/// Returns what was thought of a new mail after some steps; `work` learns what was said until then.
async fn thought_after(make: MakeStore, steps: &str, is_restarted: bool) -> Fact {
    let (scene, projects) = scene(make).await;
    let besunny = besunny(&scene, &scene.store);
    let document = documents(&scene).await.remove(0);
    let seen = [Seen { document: document.id, version: None }];
    let (mut worker, mut last, mut mails) = (scene.worker(), None, 3);
    for step in steps.split_whitespace() {
        let feedback = besunny.feedback(&scene.scope, ann());
        let act = match step {
            "assign" => feedback.assign(&seen, projects[0]).await,
            "other" => feedback.assign(&seen, projects[1]).await,
            "decline" => feedback.decline(&seen).await,
            "undo" => feedback.undo(last.unwrap()).await,
            _ => {
                scene.change(|mailbox, at| deliver(mailbox, mails, at));
                mails += 1;
                scene.notice().await;
                worker.run_until_idle().await;
                if is_restarted {
                    worker = scene.worker();
                }
                continue;
            }
        };
        last = Some(act.unwrap().act.id);
    }
    scene.change(|mailbox, at| deliver(mailbox, 9, at));
    scene.notice().await;
    worker.run_until_idle().await;
    let found = documents(&scene).await;
    let newest = found.iter().find(|document| document.title.expose() == "m9").unwrap();
    let mut history = scene.store.history(&scene.scope, newest.id).await.unwrap();
    let mut fact = history.pop().unwrap().fact;
    if let Fact::Decided { verdict, ruling, .. } = &mut fact {
        // They name how far the log was read.
        ruling.known = None;
        let others = ruling.others.iter_mut();
        others.chain([verdict.as_mut()]).for_each(|verdict| verdict.made.model = None);
    }
    fact
}

#[tokio::test]
async fn cls_9_what_was_undone_is_as_if_nobody_had_said_it() {
    for make in [in_memory as MakeStore, in_a_file] {
        for (steps, same) in [
            ("assign undo", ""),
            ("assign work undo", ""),
            ("assign work undo work", ""),
            ("decline work undo", ""),
            ("assign work other undo", "assign"),
            ("assign work other work undo", "assign"),
            ("assign work undo work undo", "assign"),
            ("assign undo other", "other"),
        ] {
            for is_restarted in [false, true] {
                let found = thought_after(make, steps, is_restarted).await;
                let want = thought_after(make, same, is_restarted).await;
                assert_eq!(found, want, "{steps}, restarted: {is_restarted}");
            }
        }
        let nothing = thought_after(make, "", false).await;
        assert_ne!(thought_after(make, "assign", false).await, nothing, "nothing is learned");
    }
}

#[tokio::test]
async fn cls_9_what_is_stale_somebody_elses_or_another_request_is_refused() {
    let (scene, projects) = scene(in_memory).await;
    let besunny = besunny(&scene, &scene.store);
    let document = documents(&scene).await.remove(0);
    let feedback = |name| besunny.feedback(&scene.scope, ann()).named(named(name));
    let stale = [Seen { document: document.id, version: Some(document.version - 1) }];
    let refused = feedback("stale").decline(&stale).await;
    assert!(matches!(refused, Err(Error::Store(RepositoryError::Conflict))), "{refused:?}");
    let seen = [Seen { document: document.id, version: Some(document.version) }];
    let act = feedback("one").assign(&seen, projects[0]).await.unwrap().act;
    let other = feedback("one").assign(&seen, projects[1]).await;
    assert!(matches!(other, Err(Error::IdTaken)), "{other:?}");
    let eve = UserId::derived(&[b"eve"]);
    let foreign = besunny.feedback(&scene.scope, eve).decline(&seen).await;
    assert!(matches!(foreign, Err(Error::Missing("document"))), "{foreign:?}");
    let foreign = besunny.feedback(&scene.scope, eve).undo(act.id).await;
    assert!(matches!(foreign, Err(Error::Missing("act"))), "{foreign:?}");
}
