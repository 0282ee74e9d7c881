//! What people say of decisions, at any moment: acts, undone acts, rules (CLS-9).
use std::sync::Arc;

use besunny_core::{
    clock::Clock,
    document::Document,
    feedback::{Act, Asking, Deed},
    ids::{CommitId, ProjectId},
    label::Said,
    repository::{DocumentFilter, Documents, Feedback, Projects, Streams},
    standing::{Match, NewRule, Says, StandingRule},
    tenant::TenantScope,
};

use super::World;
use crate::simulation::{faults::Fault, stage::now};

impl World<'_> {
    /// A person decides on a document, perhaps before the classifier does, or thinks again.
    pub(super) fn person_decides(&mut self) {
        let index = self.any_mailbox();
        let scope = self.stage.truth.lock().mailboxes[index].scope;
        let all = DocumentFilter { limit: 100, ..DocumentFilter::default() };
        let documents = now(self.stage.store.documents(&scope, &all));
        if documents.is_empty() {
            return;
        }
        let document = self.seed.pick(&documents).clone();
        let projects = now(self.stage.store.projects(&scope, document.owner));
        let Some(project) = projects.first().map(|project| project.id) else { return };
        let asking = Asking {
            id: CommitId::derived(&[document.id.as_bytes(), &self.seed.number().to_be_bytes()]),
            owner: document.owner,
            by: document.owner,
            at: self.stage.clock.now(),
        };
        let judge = |deed| Act::judge(asking, deed, std::slice::from_ref(&document)).ok();
        let act = match self.seed.below(10) {
            0..=2 => judge(Deed::Assign { to: project }),
            3 => judge(Deed::Unassign),
            4 => judge(Deed::Decline),
            5 => judge(Deed::Confirm),
            6..=8 => self.undone(&scope, asking),
            _ => self.ruled(&scope, asking, project),
        };
        if let Some(act) = act {
            let said = act.moves.iter().map(|made| {
                let history = now(self.stage.store.history(&scope, made.document));
                (made.document, Said::at_last(&history))
            });
            let said = said.collect();
            let commit = act.commit(scope.tenant(), said);
            now(self.stage.store.commit(&scope, Arc::new(commit)));
            self.stage.faults.fire(Fault::PersonDecides);
        }
    }

    /// Takes back the last act of a person, if nobody has decided since.
    fn undone(&self, scope: &TenantScope, asking: Asking) -> Option<Act> {
        let act = now(self.stage.store.acts(scope, asking.owner, None, 1)).pop()?;
        let mut documents: Vec<Document> = Vec::new();
        for made in &act.moves {
            let document = now(self.stage.store.document(scope, made.document))?;
            if document.version != made.version {
                return None;
            }
            documents.push(document);
        }
        Some(act.undo(asking, &documents))
    }

    /// Makes a rule about the one sender there is, or takes it back.
    fn ruled(&self, scope: &TenantScope, asking: Asking, project: ProjectId) -> Option<Act> {
        let held = now(self.stage.store.rules(scope, asking.owner)).first().cloned();
        if let Some(rule) = held {
            return Some(Act::withdraw(asking, rule));
        }
        let of = Match::Sender("sender@sim.example".to_owned());
        let wanted = NewRule { project, says: Says::Never, of };
        let people = (asking.owner, asking.by);
        let rule = StandingRule::new(scope.tenant(), wanted, people, asking.at).ok()?;
        Some(Act::accept(asking, rule, None, Vec::new()))
    }
}
