//! Fields as lines and back, what a profile may say, what of it routes.
use super::*;

fn profile() -> Profile {
    let lines = |field, lines: &str| (field, lines.lines().map(str::to_owned).collect());
    let edits: Edits = [
        lines(Field::Name, "Riverside"),
        lines(Field::Status, "active"),
        lines(Field::NormalizedTags, "flood_works\ndyke"),
        lines(Field::ProjectCodes, "RVF-12"),
        lines(Field::Domains, "weir.example"),
        lines(Field::ReferenceKeywords, "pump station"),
        lines(Field::ActivePeriod, "June 2026"),
        lines(Field::ContentTypes, "email\nimage"),
        lines(
            Field::People,
            "Ann <ann@studio.example> (internal_lead)\nCy <cy@weir.example> (Client lead)\nJo",
        ),
    ]
    .into();
    Profile::default().edited(&edits).unwrap()
}

/// The stored and wire form.
#[test]
fn onb_3_the_form_of_a_profile() {
    let json = serde_json::to_value(profile()).unwrap();
    assert_eq!(serde_json::from_value::<Profile>(json.clone()).unwrap(), profile());
    insta::assert_json_snapshot!(json);
}

#[test]
fn every_field_is_read_back_from_its_lines() {
    for field in Field::ALL {
        let lines = profile().lines(*field);
        let read = profile().with_lines(*field, &lines).unwrap();
        assert_eq!(read, profile(), "{field}");
        let emptied = profile().with_lines(*field, &[]);
        assert_eq!(emptied.is_err(), *field == Field::Status, "{field}");
    }
}

#[test]
fn cls_7_what_of_a_profile_routes() {
    let signals = profile().signals();
    assert_eq!(signals.people, ["cy@weir.example"]);
    assert_eq!(signals.codes, ["RVF-12"]);
    assert_eq!(signals.active.unwrap().to_string(), "2026-06-01 to 2026-06-30");
    let joined = Profile::default().joined_by(&signals).joined_by(&signals);
    assert_eq!(joined.signals(), signals);
}

#[test]
fn onb_5_what_a_profile_may_say() {
    let check = |field: Field, line: &str, want: Option<Fault>| {
        let edits = [(field, vec![line.to_owned()])].into();
        let got = profile().edited(&edits).err();
        let want = want.map(|fault| vec![Problem { field, fault }]);
        assert_eq!(got, want, "{field} {line}");
    };
    for (field, line, fault) in [
        (Field::Name, " ", Some(Fault::Empty)),
        (Field::Name, &*"x".repeat(201), Some(Fault::TooLong(200))),
        (Field::NormalizedTags, "", Some(Fault::Empty)),
        (Field::NormalizedTags, "Two Words", Some(Fault::NoTag)),
        (Field::NormalizedTags, "two_words", None),
        (Field::ProjectCodes, "AB", Some(Fault::NoCode)),
        (Field::ProjectCodes, "---", Some(Fault::NoCode)),
        (Field::Domains, "weir", Some(Fault::NoDomain)),
        (Field::Domains, "@Weir.example", None),
        (Field::People, "cy@weir", Some(Fault::NoPerson)),
        (
            Field::ContentTypes,
            "virus",
            Some(Fault::NotOneOf(
                "email, document, spreadsheet, presentation, image, meeting_transcript",
            )),
        ),
        (
            Field::Status,
            "deleted",
            Some(Fault::NotOneOf("in_progress, active, completed, archived")),
        ),
        (Field::ConfidenceThresholds, "email.subject_match 1.5", Some(Fault::NoThreshold)),
        (Field::ConfidenceThresholds, "email.subject_match NaN", Some(Fault::NoThreshold)),
        (Field::ConfidenceThresholds, "email.bogus 0.5", Some(Fault::NoThreshold)),
        (Field::ConfidenceThresholds, "email.subject_match = 0.5", None),
        (Field::Notes, "<script>alert(1)</script>", None),
    ] {
        check(field, line, fault);
    }
    let many: Vec<String> = (0..51).map(|number| format!("word {number}")).collect();
    let edits = [(Field::ReferenceKeywords, many)].into();
    let problems = profile().edited(&edits).unwrap_err();
    assert_eq!(problems[0].fault, Fault::TooMany(50));
    assert!(problems.iter().all(|problem| !problem.fix().is_empty()));
}

#[test]
fn onb_5_a_difference_names_what_comes_and_goes() {
    let edits = [
        (Field::Name, vec!["Riverside two".to_owned()]),
        (Field::ProjectCodes, vec!["RVF-13".to_owned(), "RVF-12".to_owned()]),
        (Field::NormalizedTags, vec!["dyke".to_owned(), "flood_works".to_owned()]),
        (Field::Domains, Vec::new()),
    ]
    .into();
    let after = profile().edited(&edits).unwrap();
    insta::assert_json_snapshot!(difference(&profile(), &after));
    assert_eq!(difference(&after, &after), []);
    let back = after.clone().edited(&after.edits_to(&profile())).unwrap();
    assert_eq!(back, profile());
}

#[test]
fn a_project_of_before_has_a_profile() {
    let signals: Signals = serde_json::from_str(
        r#"{"codes":["RVF-12"],"people":["Cy@weir.example"],"domains":[],"keywords":["dyke"]}"#,
    )
    .unwrap();
    assert_eq!(signals.active, None);
    let profile = Profile::default().joined_by(&signals);
    assert_eq!(profile.lines(Field::People), ["Cy@weir.example (member)"]);
    assert_eq!(profile.signals(), signals);
}
