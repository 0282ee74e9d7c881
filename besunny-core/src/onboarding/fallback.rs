//! A profile from the answers alone, without a language model (ONB-4).
use chrono::Days;

use super::Brief;
use crate::profile::{
    ClassificationSignals, ConfidenceThresholds, ContentType, EntityPatterns, Profile, Role,
    Status, TemporalRelevance, join,
};

/// Mails about the main work begin so many days before it: two months of preparation.
const LEAD_DAYS: u64 = 60;
/// And end so many days after it: two months of delivery.
const TAIL_DAYS: u64 = 60;
/// The longest code that is recognised by its form: longer ones are serial numbers.
const MAX_CODE: usize = 24;
/// Digits that make a code of letters and digits without a mark between: `KLM204`, not `HDR10`.
const MIN_DIGITS: usize = 3;

/// Makes the profile that follows from the answers; the same answers always make the same.
#[must_use]
pub fn profile(brief: &Brief) -> Profile {
    let mut keywords = brief.keywords.clone();
    join(&mut keywords, &brief.deliverables);
    let mut tags = Vec::new();
    let named = std::iter::once(&brief.project_name).chain(&brief.keywords);
    for text in named {
        join(&mut tags, &[short_tag(text)]);
    }
    tags.retain(|tag| !tag.is_empty());
    Profile {
        name: brief.project_name.clone(),
        description: brief.overview.clone(),
        status: Status::InProgress,
        notes: notes(brief),
        normalized_tags: tags,
        categories: Vec::new(),
        reference_keywords: keywords,
        entity_patterns: EntityPatterns {
            people: brief.contacts.clone(),
            locations: brief.location.clone(),
            domains: domains(brief),
            project_codes: codes(brief),
        },
        classification_signals: signals(brief),
    }
}

/// A tag is a few words.
const MAX_TAG: usize = 60;

/// Returns a text as a tag of a few words.
pub(super) fn short_tag(text: &str) -> String {
    tag(&tag(text).chars().take(MAX_TAG).collect::<String>())
}

/// Returns when and in what the project is to be found.
pub(super) fn signals(brief: &Brief) -> ClassificationSignals {
    let (before, after) = (Days::new(LEAD_DAYS), Days::new(TAIL_DAYS));
    let active_period = brief.shoot_date.map(|period| period.widened(before, after));
    ClassificationSignals {
        temporal_relevance: TemporalRelevance { active_period },
        content_types: vec![
            ContentType::Email,
            ContentType::Document,
            ContentType::MeetingTranscript,
        ],
        confidence_thresholds: ConfidenceThresholds::default(),
    }
}

/// Returns links and days as a note.
pub(super) fn notes(brief: &Brief) -> String {
    let mut notes = Vec::new();
    notes.extend(brief.shoot_date.map(|period| format!("Main work: {period}.")));
    if !brief.references.is_empty() {
        notes.push(format!("References: {}", brief.references.join(" ")));
    }
    notes.join(" ")
}

/// Returns the domains of the people outside; the owner's own speaks for all their projects.
fn domains(brief: &Brief) -> Vec<String> {
    let leads = |role| brief.contacts.iter().filter(move |person| person.role == role);
    let own: Vec<&str> =
        leads(Role::InternalLead).flat_map(|person| person.contact.organisations()).collect();
    let mut domains = Vec::new();
    for person in brief.contacts.iter().filter(|person| person.role != Role::InternalLead) {
        let outside = person.contact.organisations().filter(|domain| !own.contains(domain));
        join(&mut domains, &outside.map(ToOwned::to_owned).collect::<Vec<_>>());
    }
    domains
}

/// Returns the codes in the name and the keywords.
pub(super) fn codes(brief: &Brief) -> Vec<String> {
    let texts = std::iter::once(&brief.project_name).chain(&brief.keywords);
    let words = texts
        .flat_map(|text| text.split(|c: char| c.is_whitespace() || "()[]{},;:\"'".contains(c)));
    let found: Vec<String> = words
        .map(|word| word.trim_matches(['.', '-', '_', '/', '#', '!', '?']))
        .filter(|word| is_code(word))
        .map(ToOwned::to_owned)
        .collect();
    let mut codes = Vec::new();
    join(&mut codes, &found);
    codes
}

/// Says whether a word looks like a code: `RVF-12`, `2026/KLM`, `KLM204`.
pub(super) fn is_code(word: &str) -> bool {
    let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "-_/.".contains(c);
    let count = |of: fn(&char) -> bool| word.chars().filter(of).count();
    let letters = count(char::is_ascii_uppercase);
    let digits = count(char::is_ascii_digit);
    let has_mark = word.contains(['-', '_', '/']);
    word.len() <= MAX_CODE
        && word.chars().all(allowed)
        && letters >= 2
        && digits >= if has_mark { 1 } else { MIN_DIGITS }
}

/// Returns a text as a tag: letters and digits in lower case, words joined by `_`.
#[must_use]
pub fn tag(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onb_3_tags_are_words_joined_by_underscores() {
        for (text, want) in [
            ("Pump Station", "pump_station"),
            ("  Flood-map (v2)! ", "flood_map_v2"),
            ("Größe / 水", "größe_水"),
            ("<script>", "script"),
            ("!!", ""),
        ] {
            assert_eq!(tag(text), want);
            assert_eq!(tag(want), want);
        }
    }

    #[test]
    fn onb_4_codes_are_recognised_by_their_form() {
        for (text, want) in [
            ("Riverside RVF-12", &["RVF-12"][..]),
            ("[AB_7], 2026/KLM and KLM204.", &["AB_7", "2026/KLM", "KLM204"]),
            ("Q4 4K HDR10 MP4 2026-06 COOL rvf-12 A-1", &[]),
            ("RVF-12 RVF-12", &["RVF-12"]),
        ] {
            let brief = Brief { project_name: text.to_owned(), ..Brief::default() };
            assert_eq!(codes(&brief), want, "{text}");
        }
    }
}
