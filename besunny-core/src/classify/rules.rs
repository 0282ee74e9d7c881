//! The classifier by rules (CLS-7): names, codes, people, domains, keywords, the thread.
//!
//! Each signal has a weight, the chance that it alone is right; they add up as independent chances
//! of being wrong. What stands only in quoted history weighs half, since it may be about anything.
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{
    Alternative, Classifier, ClassifyError, Earlier, Evidence, Making, Question, Signal, Verdict,
    words::Phrases,
};
use crate::{
    address::is_shared,
    ids::ProjectId,
    mail::{Flag, Mail, SegmentKind, imitates},
    project::Project,
    untrusted::Untrusted,
};

/// The name under which verdicts are recorded.
const NAME: &str = "rules/1";
/// At most so many keywords count for one project: a glossary is not a proof.
const MAX_KEYWORDS: usize = 3;
/// What stands only in quoted history weighs so much of what the sender wrote.
const QUOTED: f64 = 0.5;

/// The classifier by rules; offline and deterministic.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules;

impl Signal {
    /// Returns the chance that this signal alone is right.
    pub(super) const fn weight(self) -> f64 {
        match self {
            Self::Thread | Self::Code => 0.97,
            Self::NameInSubject => 0.9,
            Self::Person => 0.85,
            Self::NameInText => 0.75,
            Self::Domain => 0.6,
            Self::Keyword => 0.4,
            // What was learned or read by a model brings a weight of its own.
            Self::Sender
            | Self::Recipients
            | Self::Subject
            | Self::Words
            | Self::Similar
            | Self::Quote
            | Self::Imitation => 0.0,
        }
    }
}

#[async_trait]
impl Classifier for Rules {
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        Ok(weigh(question, candidates))
    }
}

fn weigh(question: &Question<'_>, candidates: &[Project]) -> Verdict {
    let mut evidence = thread(question, candidates);
    evidence.extend(addresses(question.mail, candidates));
    evidence.extend(imitations(question.mail, candidates));
    evidence.extend(phrases(question.mail, candidates));
    evidence.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.signal.cmp(&b.signal)));
    let mut doubts: BTreeMap<ProjectId, f64> = BTreeMap::new();
    for found in evidence.iter().filter(|found| found.weight > 0.0) {
        *doubts.entry(found.project).or_insert(1.0) *= 1.0 - found.weight;
    }
    let mut ranked: Vec<Alternative> = doubts
        .into_iter()
        .map(|(project, doubt)| Alternative { project, confidence: 1.0 - doubt })
        .collect();
    ranked.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut ranked = ranked.into_iter();
    let best = ranked.next();
    Verdict {
        classifier: NAME.to_owned(),
        choice: best.map(|best| best.project),
        confidence: best.map_or(0.0, |best| best.confidence),
        evidence,
        alternatives: ranked.collect(),
        made: Making::default(),
    }
}

/// Earlier mails of the thread speak for their project, each project by its share of them.
fn thread(question: &Question<'_>, candidates: &[Project]) -> Vec<Evidence> {
    let mut routed: BTreeMap<ProjectId, u32> = BTreeMap::new();
    for project in question.thread.iter().filter_map(|member| member.project) {
        *routed.entry(project).or_default() += 1;
    }
    let all: u32 = routed.values().sum();
    let offered =
        routed.into_iter().filter(|(id, _)| candidates.iter().any(|project| project.id == *id));
    let evidence = offered.map(|(project, count)| Evidence {
        project,
        signal: Signal::Thread,
        quote: Untrusted::new(format!("{count} of {all} earlier mails of this thread")),
        weight: Signal::Thread.weight() * f64::from(count) / f64::from(all),
        earlier: Some(Earlier { here: count, all }),
    });
    evidence.collect()
}

/// People and organisations of a project that wrote or got the mail.
fn addresses(mail: &Mail, candidates: &[Project]) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    if !is_believable(mail) {
        return evidence;
    }
    // Where answers go is for the writer to say, and nobody confirms it.
    let writers = mail.from.iter().map(|writer| &writer.address);
    let seen = writers.chain(mail.recipients.iter().map(|recipient| &recipient.address));
    let seen: BTreeSet<String> = seen.map(|address| address.expose().to_lowercase()).collect();
    for project in candidates {
        let people: BTreeSet<String> =
            project.signals.people.iter().map(|person| person.trim().to_lowercase()).collect();
        let person = seen.iter().find(|address| people.contains(*address));
        let domain = seen.iter().find(|address| {
            project.signals.domains.iter().any(|domain| is_of_domain(address, domain))
        });
        let found = match (person, domain) {
            (Some(person), _) => Some((Signal::Person, person)),
            (None, Some(address)) => Some((Signal::Domain, address)),
            (None, None) => None,
        };
        evidence.extend(found.map(|(signal, quote)| Evidence {
            project: project.id,
            signal,
            quote: Untrusted::new(quote.clone()),
            weight: signal.weight(),
            earlier: None,
        }));
    }
    evidence
}

/// Says whether the sender can be taken for who it says (security notes, C7).
///
/// A header of a mail that the receiving server did not confirm is all of one hand, so none of its
/// addresses counts.
#[must_use]
pub fn is_believable(mail: &Mail) -> bool {
    !mail.flags.contains(Flag::AuthenticationFailed) && !mail.flags.contains(Flag::DeceptiveDomain)
}

/// Says whether the author is one of the project's people or organisations, and believable.
#[must_use]
pub fn vouches(project: &Project, mail: &Mail) -> bool {
    let author = mail.author().to_lowercase();
    let signals = &project.signals;
    let is_known = signals.people.iter().any(|person| person.trim().to_lowercase() == author)
        || signals.domains.iter().any(|domain| is_of_domain(&author, domain));
    !author.is_empty() && is_known && is_believable(mail)
}

/// Says whether the author of `mail` wrote or got `earlier`, or somebody of the same organisation did.
///
/// Both are of one mailing list where the list says so.
#[must_use]
pub fn took_part(mail: &Mail, earlier: &Mail) -> bool {
    let author = mail.author().to_lowercase();
    let host = author.rsplit_once('@').map_or("", |(_, host)| host);
    let is_of_list = mail.list_id.is_some() && mail.list_id == earlier.list_id;
    let knows = |address: &str| {
        let address = address.to_lowercase();
        address == author || is_of_domain(&address, host)
    };
    !host.is_empty() && is_believable(mail) && (is_of_list || earlier.correspondents().any(knows))
}

/// Writers whose domain looks like one of a project; they speak for nothing.
fn imitations(mail: &Mail, candidates: &[Project]) -> Vec<Evidence> {
    let author = mail.author().to_lowercase();
    let Some((_, host)) = author.rsplit_once('@') else { return Vec::new() };
    let is_known = |project: &Project| domains(project).any(|domain| is_below(host, &domain));
    if is_shared(host) || candidates.iter().any(is_known) {
        return Vec::new();
    }
    let imitated =
        candidates.iter().filter(|project| domains(project).any(|domain| imitates(host, &domain)));
    let evidence = imitated.map(|project| Evidence {
        project: project.id,
        signal: Signal::Imitation,
        quote: Untrusted::new(author.clone()),
        weight: Signal::Imitation.weight(),
        earlier: None,
    });
    evidence.collect()
}

/// Lists the domains of a project's organisations and people, in lower case.
fn domains(project: &Project) -> impl Iterator<Item = String> {
    let of_people = project.signals.people.iter().filter_map(|person| person.rsplit_once('@'));
    let domains = project.signals.domains.iter().map(String::as_str);
    domains
        .chain(of_people.map(|(_, domain)| domain))
        .map(|domain| domain.trim().trim_start_matches('@').to_lowercase())
        .filter(|domain| !domain.is_empty())
}

pub(crate) fn is_below(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|head| head.ends_with('.'))
}

/// Says whether a lower-case address is of `domain` or of one below it.
fn is_of_domain(address: &str, domain: &str) -> bool {
    let domain = domain.trim().trim_start_matches('@').to_lowercase();
    if domain.is_empty() || is_shared(&domain) {
        return false;
    }
    is_below(address.rsplit('@').next().unwrap_or_default(), &domain)
}

/// Codes, names and keywords that stand in the subject or the text.
fn phrases(mail: &Mail, candidates: &[Project]) -> Vec<Evidence> {
    let mut wanted: Vec<(&Project, Signal, &str)> = Vec::new();
    for project in candidates {
        let signals = &project.signals;
        wanted.extend(signals.codes.iter().map(|code| (project, Signal::Code, code.as_str())));
        wanted.push((project, Signal::NameInText, project.name.as_str()));
        wanted
            .extend(signals.keywords.iter().map(|word| (project, Signal::Keyword, word.as_str())));
    }
    let mut phrases = Phrases::default();
    for (tag, (_, _, text)) in wanted.iter().enumerate() {
        phrases.add(text, tag);
    }
    let mut places: BTreeMap<usize, Place> = BTreeMap::new();
    let mut search = |text: &str, place: Place| {
        phrases.search(text, |tag| {
            places.entry(tag).and_modify(|best| *best = (*best).min(place)).or_insert(place);
        });
    };
    search(mail.subject_text(), Place::Subject);
    for segment in mail.segments() {
        let is_own = segment.kind != SegmentKind::Quoted;
        search(segment.text, if is_own { Place::Own } else { Place::Quoted });
    }
    let mut keywords: BTreeMap<ProjectId, usize> = BTreeMap::new();
    let found = places.into_iter().filter_map(|(tag, place)| {
        let (project, signal, quote) = wanted.get(tag)?;
        if *signal == Signal::Keyword {
            let count = keywords.entry(project.id).or_default();
            *count += 1;
            if *count > MAX_KEYWORDS {
                return None;
            }
        }
        Some(evidence(project.id, *signal, quote, place))
    });
    found.collect()
}

/// Where a phrase stands; the earlier variant weighs more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Subject,
    Own,
    Quoted,
}

fn evidence(project: ProjectId, signal: Signal, quote: &str, place: Place) -> Evidence {
    let signal = match (signal, place) {
        (Signal::NameInText, Place::Subject) => Signal::NameInSubject,
        (signal, _) => signal,
    };
    let share = if place == Place::Quoted { QUOTED } else { 1.0 };
    let weight = signal.weight() * share;
    Evidence { project, signal, quote: Untrusted::new(quote.to_owned()), weight, earlier: None }
}

#[cfg(test)]
mod tests;
