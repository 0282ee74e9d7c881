//! Mails that are decided on together: threads hold, and nobody waits for a neighbour.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use besunny_core::{
    clock::Clock,
    commit::{Basis, Commit, Epoch},
    ids::UserId,
    project::Project,
    repository::{DocumentFilter, RepositoryError, Store},
    tenant::TenantScope,
    track::Version,
};
use besunny_testkit::{
    interposed::{Interposed, Interposer, Rewrite},
    scripted::Fair,
};
use chrono::TimeDelta;

use crate::scene::{MakeStore, Scene, id, in_a_file, in_memory};

#[tokio::test]
async fn cls_7_a_thread_stays_together_whichever_of_its_mails_are_decided_at_once() {
    for make in [in_memory as MakeStore, in_a_file] {
        let scene = thread(make).await;
        scene.work().await;
        assert_eq!(
            routed(&scene).await,
            BTreeMap::from([(0, true), (1, true), (2, true), (3, false)])
        );
    }
}

#[tokio::test]
async fn what_is_refused_together_is_decided_one_by_one() {
    for make in [in_memory as MakeStore, in_a_file] {
        let scene = thread(make).await;
        let store: Arc<dyn Store> =
            Arc::new(Interposed::new(Arc::clone(&scene.store), Arc::new(OneStaleClaim)));
        scene.engine(store).run_until_idle().await;
        assert_eq!(
            routed(&scene).await,
            BTreeMap::from([(0, true), (1, true), (2, true), (3, false)])
        );
    }
}

/// Strangers answer threads of projects; what shows that they are strangers is read at once.
#[tokio::test]
async fn c7_earlier_mails_of_all_strangers_are_read_by_one_question() {
    for make in [in_memory as MakeStore, in_a_file] {
        let scene = thread(make).await;
        scene.work().await;
        scene.change(|mailbox, at| {
            for n in 10..20 {
                let raw = format!(
                    "Message-ID: <{n}@x.example>\r\nFrom: eve@e{n}.example\r\nIn-Reply-To: <2@x.example>\r\n\
                     References: <0@x.example> <1@x.example>\r\nSubject: hello\r\n\r\nmail {n}\r\n"
                );
                mailbox.deliver(&id(n), raw, at + TimeDelta::minutes(1));
            }
        });
        scene.notice().await;
        let calls = Arc::new(Calls::default());
        let store: Arc<dyn Store> =
            Arc::new(Interposed::new(Arc::clone(&scene.store), Arc::<Calls>::clone(&calls) as _));
        scene.engine(store).run_until_idle().await;
        let calls = calls.0.lock().unwrap().clone();
        let count = |name: &str| calls.iter().filter(|call| **call == name).count();
        assert_eq!((count("content"), count("mails")), (0, 1), "{calls:?}");
        let routed = routed(&scene).await;
        assert!((10..20).all(|n| !routed[&n]), "no stranger got in: {routed:?}");
    }
}

/// Notes what is asked of a store.
#[derive(Debug, Default)]
struct Calls(Mutex<Vec<&'static str>>);

#[async_trait]
impl Interposer for Calls {
    async fn before(&self, call: &'static str) -> Result<(), RepositoryError> {
        self.0.lock().unwrap().push(call);
        Ok(())
    }

    async fn after(&self, _: &'static str) -> Result<(), RepositoryError> {
        Ok(())
    }

    fn committed(&self, _: &TenantScope, _: &Commit, _: &Result<Version, RepositoryError>) {}
}

/// Three mails of a thread, of which only the first names the project, and one of no thread; the
/// last is delivered first.
async fn thread(make: MakeStore) -> Scene {
    let scene = Scene::new(make, Arc::new(Fair)).await;
    let owner = UserId::derived(&[b"ann"]);
    let project = Project::new(scene.scope.tenant(), owner, "Harbour", scene.clock.now()).unwrap();
    scene.store.put_project(&scene.scope, &project).await.unwrap();
    scene.change(|mailbox, at| {
        for (n, subject, named) in
            [(3, "hello", None), (2, "fine", Some(1)), (1, "well", Some(0)), (0, "Harbour", None)]
        {
            let named =
                named.map_or(String::new(), |n| format!("In-Reply-To: <{n}@x.example>\r\n"));
            let raw = format!(
                "Message-ID: <{n}@x.example>\r\nFrom: bob@x.example\r\n{named}Subject: {subject}\r\n\r\nmail {n}\r\n"
            );
            mailbox.deliver(&id(n), raw, at + TimeDelta::seconds(n.into()));
        }
    });
    scene
}

/// Returns which mail went into a project.
async fn routed(scene: &Scene) -> BTreeMap<u32, bool> {
    let filter = DocumentFilter { limit: 30, ..DocumentFilter::default() };
    let mut routed = BTreeMap::new();
    for document in scene.store.documents(&scene.scope, &filter).await.unwrap() {
        let content = scene.store.content(&scene.scope, document.id).await.unwrap().unwrap();
        let message_id = content.mail.message_id.unwrap().into_exposed();
        let number = message_id.split('@').next().unwrap().parse().unwrap();
        routed.insert(number, document.state.project().is_some());
    }
    routed
}

/// Makes one claim of many look stale.
#[derive(Debug)]
struct OneStaleClaim;

#[async_trait]
impl Interposer for OneStaleClaim {
    async fn before(&self, _: &'static str) -> Result<(), RepositoryError> {
        Ok(())
    }

    async fn after(&self, _: &'static str) -> Result<(), RepositoryError> {
        Ok(())
    }

    fn committed(&self, _: &TenantScope, _: &Commit, _: &Result<Version, RepositoryError>) {}

    fn rewrite(&self, what: Rewrite<'_>) {
        let Rewrite::Commit(commit) = what else { return };
        if let Basis::Jobs(done) = &mut Arc::make_mut(commit).basis
            && let [_, stale, ..] = done.as_mut_slice()
        {
            stale.epoch = Epoch(0);
        }
    }
}
