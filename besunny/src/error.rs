//! What goes wrong on the way in and out of the engine.
use besunny_core::{
    account::Provider,
    classify::ClassifyError,
    feedback::Unfit,
    onboarding::OnboardingError,
    repository::RepositoryError,
    source::SourceError,
    standing::{MAX_RULES, RuleError},
    worker::CallError,
};

/// Something asked of the engine was not done.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No adapter is registered under this provider.
    #[error("no adapter follows the provider `{0}`: register one with `Builder::mail`")]
    NoAdapter(Provider),
    /// There is no such thing in this tenant.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// An act makes no sense for what it is about.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A rule makes no sense.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A person has as many rules as there may be.
    #[error("there are {MAX_RULES} rules already: take one back first")]
    TooManyRules,
    /// The id of a request was used for something else before.
    #[error("the id of this request was used for something else before")]
    IdTaken,
    /// The act was undone before.
    #[error("it was undone already")]
    Undone,
    /// The source failed.
    #[error("the source failed")]
    Source(#[from] SourceError),
    /// A step of an onboarding, or an edit of a project, cannot be done as it was asked.
    #[error(transparent)]
    Onboarding(#[from] OnboardingError),
    /// Nothing came of a wish about the call of a meeting.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A classifier failed.
    #[error("the classifier failed")]
    Classify(#[from] ClassifyError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] RepositoryError),
}
