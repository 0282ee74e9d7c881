//! Projects as people make and change them: looked at first, saved only as they were seen.
use besunny_core::{
    ids::{ProjectId, UserId},
    onboarding::OnboardingError,
    profile::{Change, Edits, Field, Metadata, Profile, difference},
    project::{Project, fingerprint},
    repository::{ProjectSave, RepositoryError},
    tenant::TenantScope,
};

use crate::{Besunny, Error};

/// A project as it is and as it would be saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    before: Option<Project>,
    metadata: Metadata,
    known: Profile,
    project: Project,
}

impl Proposal {
    /// Returns the project as it would be.
    #[must_use]
    pub const fn project(&self) -> &Project {
        &self.project
    }

    /// Returns what would be known of it.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.metadata.profile
    }

    /// Returns what is known of it now.
    #[must_use]
    pub const fn known(&self) -> &Profile {
        &self.known
    }

    /// Returns what would differ from what is stored.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        difference(&self.known, &self.metadata.profile)
    }

    /// Names what is stored, to be given back when it is saved; empty for a new project.
    #[must_use]
    pub fn seen(&self) -> String {
        self.before.as_ref().map_or_else(String::new, |it| fingerprint(it, &self.known))
    }

    pub(crate) fn save(self) -> ProjectSave {
        let Self { before, project, metadata, .. } = self;
        ProjectSave { before, project, metadata, onboarding: None }
    }
}

impl Besunny {
    /// Returns a project of `owner`.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none, or it is somebody else's.
    pub async fn project(
        &self,
        scope: &TenantScope,
        owner: UserId,
        id: ProjectId,
    ) -> Result<Project, Error> {
        let projects = self.store.projects(scope, owner).await?;
        let found = projects.iter().find(|project| project.id == id);
        found.cloned().ok_or(Error::Missing("project"))
    }

    /// Returns what is known of a project, and what names it as it is, see [`Proposal::seen`].
    ///
    /// # Errors
    /// What the store says.
    pub async fn known(
        &self,
        scope: &TenantScope,
        project: &Project,
    ) -> Result<(Profile, String), Error> {
        let metadata = self.store.metadata(scope, project.id).await?;
        let known = known(project, metadata.as_ref());
        let seen = fingerprint(project, &known);
        Ok((known, seen))
    }

    /// Returns what a project would be after `edits`; nothing is saved.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Onboarding`] with what a profile may not say.
    pub async fn propose(
        &self,
        scope: &TenantScope,
        owner: UserId,
        id: ProjectId,
        edits: &Edits,
    ) -> Result<Proposal, Error> {
        let before = self.project(scope, owner, id).await?;
        let metadata = self.store.metadata(scope, id).await?;
        let known = known(&before, metadata.as_ref());
        let profile = edited(&known, edits)?;
        Ok(self.proposal(owner, Some((before, metadata)), profile))
    }

    /// Returns what a new project would be; nothing is saved.
    ///
    /// # Errors
    /// [`Error::Onboarding`] with what a profile may not say.
    pub fn propose_new(&self, owner: UserId, edits: &Edits) -> Result<Proposal, Error> {
        let profile = edited(&Profile::default(), edits)?;
        Ok(self.proposal(owner, None, profile))
    }

    /// Saves a proposal, if the project is still the one that was `seen`.
    ///
    /// # Errors
    /// [`RepositoryError::Conflict`] when the project has changed since; [`RepositoryError::Taken`]
    /// when the owner has another project of the name.
    ///
    /// # Cancellation
    /// Dropping the future may have saved it; saving again then is a conflict.
    pub async fn save(
        &self,
        scope: &TenantScope,
        proposal: Proposal,
        seen: &str,
    ) -> Result<Project, Error> {
        if proposal.seen() != seen {
            return Err(RepositoryError::Conflict.into());
        }
        let save = proposal.save();
        self.store.save_project(scope, &save).await?;
        Ok(save.project)
    }

    /// Puts together what is stored and what would be; ids and instants are ours.
    pub(crate) fn proposal(
        &self,
        owner: UserId,
        stored: Option<(Project, Option<Metadata>)>,
        profile: Profile,
    ) -> Proposal {
        let now = self.worker.clock.now();
        let (before, metadata) = stored.map_or((None, None), |(it, known)| (Some(it), known));
        let known = before.as_ref().map(|project| known(project, metadata.as_ref()));
        let id = before.as_ref().map_or_else(|| ProjectId::from_uuid(self.ids.next()), |it| it.id);
        let project = Project {
            id,
            owner,
            name: profile.name.clone(),
            description: profile.description.clone(),
            signals: profile.signals(),
            created_at: before.as_ref().map_or(now, |project| project.created_at),
        };
        let created = metadata.map(|metadata| (metadata.created_by, metadata.created_at));
        let (created_by, created_at) = created.unwrap_or((owner, now));
        let metadata = Metadata { project: id, created_by, created_at, updated_at: now, profile };
        Proposal { before, metadata, known: known.unwrap_or_default(), project }
    }
}

/// The tag of a project whose name has no letter.
const UNNAMED: &str = "project";

/// Returns what is known of a project; what an import wrote into it counts too.
pub(crate) fn known(project: &Project, metadata: Option<&Metadata>) -> Profile {
    let Some(metadata) = metadata else { return Profile::of(project) };
    let mut profile = metadata.profile.clone();
    profile.name.clone_from(&project.name);
    profile.description.clone_from(&project.description);
    if profile.signals() != project.signals {
        profile = profile.with_signals(&project.signals);
    }
    profile
}

/// Applies edits; a project of before that has no tags gets its name for one.
fn edited(known: &Profile, edits: &Edits) -> Result<Profile, Error> {
    let mut edits = edits.clone();
    if known.normalized_tags.is_empty() && !edits.contains_key(&Field::NormalizedTags) {
        let name = edits.get(&Field::Name).map_or(known.name.clone(), |lines| lines.concat());
        let tag = besunny_core::onboarding::tag(&name);
        let tag = if tag.is_empty() { UNNAMED.to_owned() } else { tag };
        edits.insert(Field::NormalizedTags, vec![tag]);
    }
    known.clone().edited(&edits).map_err(|problems| OnboardingError::Profile(problems).into())
}
