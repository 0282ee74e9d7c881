//! Standing rules of a person: what matches goes never, or always, into a project (CLS-9).
//!
//! A rule binds the engine, not a classifier: [`Orders`] is the pure decision over a mail, what the
//! classifiers concluded, and the rules of its owner. A person's own choice is above all rules.
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    address::is_shared,
    classify::{
        self, Stage, Verdict,
        cascade::{Conclusion, suggestion},
        is_believable, is_below,
    },
    document::{Decider, DocumentState, Review, ReviewReason, Route},
    ids::{ProjectId, RuleId, TenantId, UserId},
    mail::Mail,
    project::Project,
    settings::Settings,
};

/// A person has at most so many rules: all are read for every batch of decisions.
pub const MAX_RULES: usize = 500;
/// The longest text of a match, in bytes; a message id or subject may be as long (RFC 5322 2.1.1).
pub const MAX_TEXT_BYTES: usize = 998;

/// A standing rule; its id follows from owner, match and project, so a twin replaces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingRule {
    /// Our id.
    pub id: RuleId,
    /// Whose documents it is about.
    pub owner: UserId,
    /// The project.
    pub project: ProjectId,
    /// What it says.
    pub says: Says,
    /// What it is about.
    pub of: Match,
    /// Who accepted it.
    pub by: UserId,
    /// When that was.
    pub at: DateTime<Utc>,
}

/// What a rule says of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// What matches is never routed there automatically.
    Never,
    /// What matches is always routed there.
    Always,
}

/// Which mails a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum Match {
    /// Mails of this address, in lower case.
    Sender(String),
    /// Mails of this domain or of one below it, in lower case.
    Domain(String),
    /// Mails of the thread that this message id began or is part of.
    Thread(String),
    /// Mails with this subject, without reply marks, spaces folded, in lower case.
    Subject(String),
}

/// Kinds of [`Match`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    /// The address of the sender.
    Sender,
    /// The domain of the sender.
    Domain,
    /// The thread.
    Thread,
    /// The subject.
    Subject,
}

/// A rule makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There is nothing to match.
    #[error("the rule matches nothing: give it 1 to {MAX_TEXT_BYTES} bytes of text")]
    Empty,
    /// It is no address.
    #[error("this is no mail address")]
    NoAddress,
    /// It is no domain.
    #[error("this is no domain")]
    NoDomain,
    /// Anybody can write any subject.
    #[error("a subject is no proof: anybody can write it")]
    AlwaysBySubject,
    /// Strangers have addresses there too.
    #[error("strangers have addresses of this domain too: name the sender")]
    SharedDomain,
}

impl StandingRule {
    /// Makes a rule; `by` accepts it at `at`.
    ///
    /// # Errors
    /// [`RuleError`] when it would match nothing, or prove nothing.
    pub fn new(
        tenant: TenantId,
        wanted: NewRule,
        (owner, by): (UserId, UserId),
        at: DateTime<Utc>,
    ) -> Result<Self, RuleError> {
        let NewRule { project, says, of } = wanted;
        let of = of.normal()?;
        match (says, &of) {
            (Says::Always, Match::Subject(_)) => return Err(RuleError::AlwaysBySubject),
            (Says::Always, Match::Domain(domain)) if is_shared(domain) => {
                return Err(RuleError::SharedDomain);
            }
            (Says::Always | Says::Never, _) => {}
        }
        let id = RuleId::derived(&[
            tenant.as_bytes(),
            owner.as_bytes(),
            project.as_bytes(),
            of.kind().as_str().as_bytes(),
            of.text().as_bytes(),
        ]);
        Ok(Self { id, owner, project, says, of, by, at })
    }
}

/// A rule that a person thinks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRule {
    /// The project.
    pub project: ProjectId,
    /// What it says.
    pub says: Says,
    /// What it is about.
    pub of: Match,
}

impl MatchKind {
    /// Returns the stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Domain => "domain",
            Self::Thread => "thread",
            Self::Subject => "subject",
        }
    }

    /// Makes a match of this kind out of what a person typed.
    #[must_use]
    pub fn of_text(self, text: &str) -> Match {
        let text = text.to_owned();
        match self {
            Self::Sender => Match::Sender(text),
            Self::Domain => Match::Domain(text),
            Self::Thread => Match::Thread(text),
            Self::Subject => Match::Subject(text),
        }
    }

    /// Makes the match of this kind that is about `mail`; none where the mail says nothing of it.
    #[must_use]
    pub fn of_mail(self, mail: &Mail) -> Option<Match> {
        let author = mail.author();
        let text = match self {
            Self::Sender => author,
            Self::Domain => author.rsplit_once('@').map_or("", |(_, host)| host),
            Self::Thread => thread_root(mail).unwrap_or_default(),
            Self::Subject => mail.subject_text(),
        };
        self.of_text(text).normal().ok()
    }
}

impl Match {
    /// Returns its kind.
    #[must_use]
    pub const fn kind(&self) -> MatchKind {
        match self {
            Self::Sender(_) => MatchKind::Sender,
            Self::Domain(_) => MatchKind::Domain,
            Self::Thread(_) => MatchKind::Thread,
            Self::Subject(_) => MatchKind::Subject,
        }
    }

    /// Returns what is compared; it may be somebody else's text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Sender(text) | Self::Domain(text) | Self::Thread(text) | Self::Subject(text) => {
                text
            }
        }
    }

    /// Brings it into the one form that is stored and compared.
    fn normal(self) -> Result<Self, RuleError> {
        let text = match &self {
            Self::Sender(text) => text.trim().to_lowercase(),
            Self::Domain(text) => text.trim().trim_start_matches('@').to_lowercase(),
            Self::Thread(text) => text.trim().trim_matches(['<', '>']).to_owned(),
            Self::Subject(text) => plain_subject(text),
        };
        if text.is_empty() || text.len() > MAX_TEXT_BYTES {
            return Err(RuleError::Empty);
        }
        let refused = match self.kind() {
            MatchKind::Sender => (!is_address(&text)).then_some(RuleError::NoAddress),
            MatchKind::Domain => (!is_domain(&text)).then_some(RuleError::NoDomain),
            MatchKind::Thread | MatchKind::Subject => None,
        };
        refused.map_or_else(|| Ok(self.kind().of_text(&text)), Err)
    }

    /// Says whether `mail` is one of those.
    #[must_use]
    pub fn covers(&self, mail: &Mail) -> bool {
        let mut authors = mail.from.iter().map(|from| from.address.expose().to_lowercase());
        match self {
            Self::Sender(address) => authors.any(|author| author == *address),
            Self::Domain(domain) => authors
                .any(|author| is_below(author.rsplit('@').next().unwrap_or_default(), domain)),
            Self::Thread(id) => own_id(mail).chain(mail.thread_ids()).any(|other| other == id),
            Self::Subject(subject) => plain_subject(mail.subject_text()) == *subject,
        }
    }

    /// Orders matches by how much they say: the narrower one wins.
    const fn width(&self) -> u8 {
        match self {
            Self::Thread(_) => 0,
            Self::Sender(_) => 1,
            Self::Domain(_) => 2,
            Self::Subject(_) => 3,
        }
    }
}

/// What the rules of an owner say of one mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders<'a> {
    barred: Vec<&'a StandingRule>,
    always: Option<&'a StandingRule>,
}

impl<'a> Orders<'a> {
    /// Asks `rules` about `mail`.
    ///
    /// A *never* is above an *always*. Of several *always* the narrowest holds; two as narrow that
    /// name different projects cancel out. An *always* does not cover a mail with several authors,
    /// or one whose sender the receiving server did not confirm.
    #[must_use]
    pub fn on(rules: &'a [StandingRule], mail: &Mail, candidates: &[Project]) -> Self {
        let covering = || rules.iter().filter(|rule| rule.of.covers(mail));
        let barred: Vec<_> = covering().filter(|rule| rule.says == Says::Never).collect();
        let is_open = |project| {
            candidates.iter().any(|candidate| candidate.id == project)
                && !barred.iter().any(|rule| rule.project == project)
        };
        let mut always: Vec<_> = covering()
            .filter(|rule| rule.says == Says::Always && is_open(rule.project))
            .filter(|_| mail.from.len() == 1 && is_believable(mail))
            .collect();
        always.sort_by_key(|rule| (rule.of.width(), rule.id));
        let narrowest = always.first().copied().filter(|first| {
            let as_narrow = always.iter().filter(|rule| rule.of.width() == first.of.width());
            as_narrow.into_iter().all(|rule| rule.project == first.project)
        });
        Self { barred, always: narrowest }
    }

    /// Returns the rule that decides alone, with the state it makes.
    #[must_use]
    pub fn route(&self) -> Option<(&'a StandingRule, DocumentState)> {
        let rule = self.always?;
        let by = Decider::Rule(rule.id);
        Some((rule, DocumentState::Routed(Route { project: rule.project, by, confidence: 1.0 })))
    }

    /// Holds a conclusion back from the projects that are barred.
    ///
    /// What is barred is struck out of a verdict of the rules; the best of the others still has to be as
    /// sure as the settings ask. In the place of a classifier that keeps a promise nobody decides.
    #[must_use]
    pub fn hold(
        &self,
        concluded: Conclusion,
        candidates: &[Project],
        settings: &Settings,
    ) -> Conclusion {
        let Conclusion { verdict, state, mut ruling } = concluded;
        let is_chosen = verdict.choice.is_some_and(|id| self.bars(id));
        let is_meant = state.project().or(suggestion(&state)).is_some_and(|id| self.bars(id));
        let is_near = verdict.alternatives.iter().any(|other| self.bars(other.project));
        if !(is_chosen || is_meant || is_near) {
            return Conclusion { verdict, state, ruling };
        }
        let left = self.strike(&verdict);
        let barred = |suggestion| {
            DocumentState::NeedsReview(Review { reason: ReviewReason::Barred, suggestion })
        };
        let state = if ruling.promised.is_some() {
            if is_meant { barred(left.choice) } else { state }
        } else {
            let state = classify::decide(&left, candidates, settings);
            if state.project().is_some() {
                ruling.stage = Stage::Rules;
            }
            let is_undecided = is_chosen && state.project().is_none();
            if is_undecided { barred(suggestion(&state)) } else { state }
        };
        Conclusion { verdict, state, ruling }
    }

    fn bars(&self, project: ProjectId) -> bool {
        self.barred.iter().any(|rule| rule.project == project)
    }

    /// Returns a verdict without what is barred.
    fn strike(&self, verdict: &Verdict) -> Verdict {
        let mut left = verdict.clone();
        left.alternatives.retain(|other| !self.bars(other.project));
        if left.choice.is_some_and(|id| self.bars(id)) {
            let next = (!left.alternatives.is_empty()).then(|| left.alternatives.remove(0));
            left.choice = next.map(|next| next.project);
            left.confidence = next.map_or(0.0, |next| next.confidence);
        }
        left
    }

    /// Returns the rules that kept `verdict` out of projects.
    #[must_use]
    pub fn barred(&self, verdict: &Verdict) -> Vec<StandingRule> {
        let named = |id: ProjectId| {
            verdict.choice == Some(id)
                || verdict.alternatives.iter().any(|other| other.project == id)
        };
        self.barred.iter().filter(|rule| named(rule.project)).map(|rule| (*rule).clone()).collect()
    }
}

fn own_id(mail: &Mail) -> impl Iterator<Item = &str> {
    mail.message_id.iter().map(|id| id.expose().as_str())
}

/// Returns the message id of the mail that began a thread.
fn thread_root(mail: &Mail) -> Option<&str> {
    mail.thread_ids().chain(own_id(mail)).next()
}

/// Returns a subject without reply marks, spaces folded, in lower case.
#[must_use]
pub fn plain_subject(subject: &str) -> String {
    const MARKS: [&str; 7] = ["re", "fw", "fwd", "aw", "wg", "sv", "antw"];
    let mut rest = subject.trim();
    while let Some((head, tail)) = rest.split_once(':') {
        let mark = head.trim().split('[').next().unwrap_or_default();
        if !MARKS.iter().any(|known| mark.eq_ignore_ascii_case(known)) {
            break;
        }
        rest = tail.trim_start();
    }
    rest.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && is_domain(host))
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
    };
    text.split('.').all(is_label)
}

#[cfg(test)]
mod tests;
