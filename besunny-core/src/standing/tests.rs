//! What a rule is about, and what rules make of what classifiers concluded (CLS-9).
use super::*;
use crate::{
    classify::{Alternative, Making, Ruling},
    mail::{Caps, read},
};

const TENANT: &[u8] = b"acme";

fn project(name: &str) -> Project {
    let (tenant, owner) = (TenantId::derived(&[TENANT]), UserId::derived(&[b"ann"]));
    Project::new(tenant, owner, name, DateTime::UNIX_EPOCH).unwrap()
}

fn mail(headers: &str) -> Mail {
    read(format!("{headers}\r\n\r\ntext\r\n").as_bytes(), &Caps::default()).unwrap()
}

fn made(project: &Project, says: Says, of: Match) -> Result<StandingRule, RuleError> {
    let wanted = NewRule { project: project.id, says, of };
    let people = (project.owner, project.owner);
    StandingRule::new(TenantId::derived(&[TENANT]), wanted, people, DateTime::UNIX_EPOCH)
}

fn rule(project: &Project, says: Says, kind: MatchKind, text: &str) -> StandingRule {
    made(project, says, kind.of_text(text)).unwrap()
}

#[test]
fn cls_9_a_match_covers_what_it_says_and_nothing_else() {
    let mail = mail(
        "From: Bob <Bob@Mail.Client.example>\r\nSubject: RE: Fwd: The  Plan\r\n\
         Message-ID: <3@x.example>\r\nReferences: <1@x.example> <2@x.example>",
    );
    for (kind, text, covers) in [
        (MatchKind::Sender, "bob@mail.client.EXAMPLE", true),
        (MatchKind::Sender, "ob@mail.client.example", false),
        (MatchKind::Domain, "client.example", true),
        (MatchKind::Domain, "@mail.client.example", true),
        (MatchKind::Domain, "ient.example", false),
        (MatchKind::Domain, "evil.mail.client.example", false),
        (MatchKind::Thread, "<1@x.example>", true),
        (MatchKind::Thread, "3@x.example", true),
        (MatchKind::Thread, "4@x.example", false),
        (MatchKind::Subject, "the plan", true),
        (MatchKind::Subject, "AW[2]: The plan", true),
        (MatchKind::Subject, "the plan b", false),
    ] {
        let rule = rule(&project("Harbour"), Says::Never, kind, text);
        assert_eq!(rule.of.covers(&mail), covers, "{kind:?} {text}");
    }
    let made = |kind: MatchKind| kind.of_mail(&mail).unwrap();
    assert_eq!(made(MatchKind::Sender), Match::Sender("bob@mail.client.example".to_owned()));
    assert_eq!(made(MatchKind::Domain), Match::Domain("mail.client.example".to_owned()));
    assert_eq!(made(MatchKind::Thread), Match::Thread("1@x.example".to_owned()));
    assert_eq!(made(MatchKind::Subject), Match::Subject("the plan".to_owned()));
}

#[test]
fn cls_9_a_rule_that_proves_nothing_is_refused() {
    let harbour = project("Harbour");
    for (says, kind, text, refused) in [
        (Says::Never, MatchKind::Sender, " ", Some(RuleError::Empty)),
        (Says::Never, MatchKind::Sender, "bob", Some(RuleError::NoAddress)),
        (Says::Never, MatchKind::Domain, "a b", Some(RuleError::NoDomain)),
        (Says::Never, MatchKind::Domain, "gmail.com", None),
        (Says::Always, MatchKind::Domain, "Gmail.com", Some(RuleError::SharedDomain)),
        (Says::Always, MatchKind::Subject, "plan", Some(RuleError::AlwaysBySubject)),
        (Says::Never, MatchKind::Subject, "re: re:", Some(RuleError::Empty)),
        (Says::Always, MatchKind::Thread, "1@x.example", None),
    ] {
        assert_eq!(made(&harbour, says, kind.of_text(text)).err(), refused, "{says:?} {text:?}");
    }
}

/// What is stored under an id never gets another.
#[test]
fn the_id_follows_from_owner_match_and_project() {
    let (harbour, pier) = (project("Harbour"), project("Pier"));
    let one = rule(&harbour, Says::Never, MatchKind::Domain, "client.example");
    let twin = rule(&harbour, Says::Always, MatchKind::Domain, "@Client.example");
    let other = rule(&pier, Says::Never, MatchKind::Domain, "client.example");
    assert_eq!(one.id, twin.id);
    assert_ne!(one.id, other.id);
    insta::assert_snapshot!(one.id, @"921b6417-8951-5ab3-8298-ed014a693b6b");
}

/// Rules as `never sender bob@client.example Harbour`; the answer names the project.
fn check_always(rules: &[&str], headers: &str, expected: Option<&str>) {
    let projects = ["Harbour", "Pier"].map(project);
    let rules: Vec<StandingRule> = rules.iter().map(|text| parse(text, &projects)).collect();
    let mail = mail(headers);
    let orders = Orders::on(&rules, &mail, &projects);
    let routed = orders.route().and_then(|(_, state)| state.project());
    let name = projects.iter().find(|known| Some(known.id) == routed);
    assert_eq!(name.map(|it| it.name.as_str()), expected, "{rules:?} {headers}");
}

fn parse(text: &str, projects: &[Project]) -> StandingRule {
    let words: Vec<&str> = text.split(' ').collect();
    let says = if words[0] == "never" { Says::Never } else { Says::Always };
    let kind = match words[1] {
        "sender" => MatchKind::Sender,
        "domain" => MatchKind::Domain,
        "thread" => MatchKind::Thread,
        _ => MatchKind::Subject,
    };
    let project = projects.iter().find(|project| project.name == words[3]);
    rule(&project.cloned().unwrap_or_else(|| self::project(words[3])), says, kind, words[2])
}

#[test]
fn cls_9_always_decides_alone_the_narrowest_first_and_never_is_above_it() {
    let bob = "From: bob@client.example\r\nMessage-ID: <2@x>\r\nReferences: <1@x>";
    let sender = "always sender bob@client.example Harbour";
    for (rules, headers, expected) in [
        (vec![], bob, None),
        (vec![sender], bob, Some("Harbour")),
        (vec![sender], "From: eve@client.example", None),
        (vec!["always domain client.example Pier", sender], bob, Some("Harbour")),
        (vec![sender, "always thread 1@x Pier"], bob, Some("Pier")),
        (vec![sender, "always sender bob@client.example Pier"], bob, None),
        (vec![sender, "never domain client.example Harbour"], bob, None),
        (vec![sender, "never domain client.example Pier"], bob, Some("Harbour")),
        (vec!["always sender bob@client.example Gone"], bob, None),
        (vec![sender], "From: bob@client.example, eve@evil.example", None),
        (vec![sender], &format!("{bob}\r\nAuthentication-Results: mx; dmarc=fail"), None),
        (
            vec![sender],
            &format!("{bob}\r\nAuthentication-Results: mx; dmarc=pass"),
            Some("Harbour"),
        ),
    ] {
        check_always(&rules, headers, expected);
    }
}

/// A verdict as project and confidence, the choice first; the answer as the state reads.
fn check_never(verdict: &[(&str, f64)], barred: &[&str], expected: &str) {
    let projects = ["Harbour", "Pier"].map(project);
    let name = |id: ProjectId| &projects.iter().find(|project| project.id == id).unwrap().name;
    let bar = |name: &&str| parse(&format!("never sender bob@client.example {name}"), &projects);
    let rules: Vec<StandingRule> = barred.iter().map(bar).collect();
    let of = |(name, confidence): &(&str, f64)| Alternative {
        project: project(name).id,
        confidence: *confidence,
    };
    let verdict = Verdict {
        classifier: "test".to_owned(),
        choice: verdict.first().map(|first| of(first).project),
        confidence: verdict.first().map_or(0.0, |first| first.1),
        evidence: Vec::new(),
        alternatives: verdict.iter().skip(1).map(of).collect(),
        made: Making::default(),
    };
    let mail = mail("From: bob@client.example");
    let orders = Orders::on(&rules, &mail, &projects);
    let settings = Settings::default();
    let state = classify::decide(&verdict, &projects, &settings);
    let concluded = Conclusion { verdict: verdict.clone(), state, ruling: Ruling::default() };
    let state = match orders.hold(concluded, &projects, &settings).state {
        DocumentState::Routed(route) => format!("{} {:.2}", name(route.project), route.confidence),
        DocumentState::NeedsReview(review) => {
            format!("{:?} {}", review.reason, review.suggestion.map_or("-", |id| name(id)))
        }
        state @ (DocumentState::Pending | DocumentState::NoProject { .. }) => format!("{state:?}"),
    };
    assert_eq!(state, expected, "{verdict:?} without {barred:?}");
    assert_eq!(orders.barred(&verdict).len(), barred.len(), "the explanation");
}

#[test]
fn cls_9_never_strikes_a_project_out_of_the_verdict() {
    check_never(&[("Harbour", 0.97)], &[], "Harbour 0.97");
    check_never(&[("Harbour", 0.97)], &["Harbour"], "Barred -");
    check_never(&[("Harbour", 0.97), ("Pier", 0.9)], &["Harbour"], "Pier 0.90");
    check_never(&[("Harbour", 0.97), ("Pier", 0.5)], &["Harbour"], "Barred Pier");
    check_never(&[("Harbour", 0.97), ("Pier", 0.9)], &["Pier"], "Harbour 0.97");
    check_never(&[("Harbour", 0.97), ("Pier", 0.9)], &["Harbour", "Pier"], "Barred -");
    check_never(&[("Harbour", 0.5), ("Pier", 0.3)], &["Pier"], "BelowThreshold Harbour");
}

/// What a model decided is not decided by another threshold: a person does.
#[test]
fn cls_9_never_leaves_to_a_person_what_a_promise_would_have_decided() {
    let projects = ["Harbour", "Pier"].map(project);
    let mail = mail("From: bob@client.example");
    for (barred, want) in [("Harbour", None), ("Pier", Some(0))] {
        let rules = [parse(&format!("never sender bob@client.example {barred}"), &projects)];
        let orders = Orders::on(&rules, &mail, &projects);
        let by = Decider::Classifier("model".to_owned());
        let concluded = Conclusion {
            verdict: Verdict {
                classifier: "model".to_owned(),
                choice: Some(projects[0].id),
                confidence: 0.97,
                evidence: Vec::new(),
                alternatives: vec![Alternative { project: projects[1].id, confidence: 0.9 }],
                made: Making::default(),
            },
            state: DocumentState::Routed(Route { project: projects[0].id, by, confidence: 0.97 }),
            ruling: Ruling { stage: Stage::Learned, promised: Some(0.95), ..Ruling::default() },
        };
        let held = orders.hold(concluded, &projects, &Settings::default());
        assert_eq!(held.state.project(), want.map(|index: usize| projects[index].id), "{barred}");
        assert_eq!(suggestion(&held.state), want.is_none().then_some(projects[1].id), "{barred}");
    }
}
