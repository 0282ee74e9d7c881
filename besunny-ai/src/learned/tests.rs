//! What the model learns, and that it never falls over.

use besunny_core::mail::{self, Caps};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;

#[expect(clippy::unnecessary_wraps, reason = "a class, as the model takes it")]
fn project(name: &str) -> Class {
    Some(ProjectId::derived(&[name.as_bytes()]))
}

fn at(day: u32) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(i64::from(day))
}

fn item(from: &str, subject: &str, text: &str, day: u32) -> Features {
    let raw = format!("From: {from}\nSubject: {subject}\n\n{text}\n");
    Features::read(&mail::read(raw.as_bytes(), &Caps::default()).unwrap(), at(day))
}

/// Ann writes about the harbour and Bob about the library, a mail of each a day.
fn taught(days: u32) -> Learned {
    let mut model = Learned::default();
    for day in 0..days {
        let harbour = item("ann@x.example", &format!("Quay wall {day}"), "cranes and piles", day);
        model.learn(harbour, project("harbour"));
        let library = item("bob@y.example", &format!("Shelves {day}"), "readers and rooms", day);
        model.learn(library, project("library"));
    }
    model
}

#[track_caller]
fn check(model: &Learned, item: &Features, want: Class) {
    let found = model.predict(item).unwrap();
    assert_eq!(found.choice, want, "{found:?}");
}

#[test]
fn nothing_is_said_before_there_is_a_choice() {
    let mut model = Learned::default();
    let first = item("ann@x.example", "Quay", "", 0);
    assert_eq!(model.predict(&first), None);
    model.learn(first.clone(), project("harbour"));
    assert_eq!(model.predict(&first), None);
}

#[test]
fn words_and_people_tell_projects_apart() {
    let model = taught(10);
    check(&model, &item("ann@x.example", "Hello", "", 11), project("harbour"));
    check(&model, &item("new@z.example", "", "readers in rooms", 11), project("library"));
}

#[test]
fn cls_9_a_correction_is_felt_at_once() {
    let mut model = taught(10);
    let museum = item("ann@x.example", "Vitrines for the museum", "glass and light", 11);
    check(&model, &museum, project("harbour"));
    model.learn(museum, project("museum"));
    check(
        &model,
        &item("ann@x.example", "Re: Vitrines for the museum", "the glass", 12),
        project("museum"),
    );
    check(&model, &item("ann@x.example", "Quay wall 12", "cranes", 12), project("harbour"));
}

#[test]
fn mail_of_no_project_is_a_choice_of_its_own() {
    let mut model = taught(10);
    for day in 0..5 {
        model.learn(item("shop@s.example", "Offers of the week", "discount", day), None);
    }
    check(&model, &item("shop@s.example", "Offers", "a discount", 11), None);
}

#[test]
fn ml_3_a_model_that_was_written_down_says_the_same() {
    let mut model = taught(40);
    for day in 40..90 {
        let question = item("ann@x.example", &format!("Quay wall {day}"), "cranes", day);
        let prediction = model.predict(&question).unwrap();
        model.judge(&prediction, project("harbour"));
        model.learn(question, project("harbour"));
    }
    let restored = Learned::import(&model.export().unwrap()).unwrap();
    for question in [
        item("ann@x.example", "Quay", "piles", 91),
        item("bob@y.example", "Quay", "readers", 91),
        item("eve@z.example", "nothing known", "", 91),
    ] {
        let (live, back) =
            (model.predict(&question).unwrap(), restored.predict(&question).unwrap());
        assert_eq!(live, back);
    }
}

#[test]
fn ml_3_the_same_history_gives_the_same_model_bit_by_bit() {
    assert_eq!(taught(40).export().unwrap(), taught(40).export().unwrap());
    assert_ne!(taught(40).export().unwrap(), taught(39).export().unwrap());
}

#[test]
fn a_thread_is_judged_together_while_its_answer_is_open() {
    let answer = |id: &str, to: &str, text: &str| {
        let raw =
            format!("From: new@z.example\nMessage-ID: <{id}>\nIn-Reply-To: <{to}>\n\n{text}\n");
        Features::read(&mail::read(raw.as_bytes(), &Caps::default()).unwrap(), at(91))
    };
    let mut model = taught(45);
    for day in 45..90 {
        // Questions say what they are about; answers follow and do not.
        let (class, words) =
            if day % 2 == 0 { ("harbour", "cranes") } else { ("library", "readers") };
        for (id, to, text) in [("q", "", words), ("a", "q", "fine")] {
            let mail = answer(&format!("{id}{day}"), &format!("{to}{day}"), text);
            let prediction = model.predict(&mail).unwrap();
            model.remember(&mail, &prediction);
            model.judge(&prediction, project(class));
        }
    }
    for day in 0..10 {
        let library = item("bob@y.example", "Shelves", "readers", 90 + day);
        let prediction = model.predict(&library).unwrap();
        model.judge(&prediction, project("library"));
    }
    let question = answer("question", "none", "readers and rooms");
    let alone = answer("answer", "nothing", "fine");
    let follows = answer("answer", "question", "fine");
    let prediction = model.predict(&question).unwrap();
    assert_eq!(prediction.choice, project("library"));
    model.remember(&question, &prediction);
    let chance = |found: Prediction| {
        found.chances().find(|(class, _)| *class == project("library")).unwrap().1
    };
    let (before, after) =
        (chance(model.predict(&alone).unwrap()), chance(model.predict(&follows).unwrap()));
    assert!(after > before, "{before} {after}");
}

#[test]
fn ml_3_what_is_no_model_is_refused() {
    assert!(matches!(Learned::import(b""), Err(ModelError::Unreadable(_))));
    assert!(matches!(Learned::import(&[9, 1, 2]), Err(ModelError::Form { found: 9 })));
    let model = taught(3).export().unwrap();
    assert!(Learned::import(&model[..model.len() / 2]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Mails are learned, learned otherwise, and denied; at one of them the model is read back.
    #[test]
    fn ml_3_a_model_that_was_read_back_goes_on_bit_by_bit(
        steps in prop::collection::vec((0..12_u8, 0..3_usize, 0..4_usize, "[a-e ]{0,12}"), 2..60),
        at in 0..60_usize,
    ) {
        let (mut live, mut back) = (Learned::default(), Learned::default());
        for (day, (document, sender, class, words)) in steps.into_iter().enumerate() {
            if day == at {
                back = Learned::import(&live.export().unwrap()).unwrap();
            }
            let id = ProjectId::derived(&[&class.to_be_bytes()]);
            let day = u32::try_from(day).unwrap();
            for model in [&mut live, &mut back] {
                let lesson = match class {
                    0 => Lesson::Is(model.class(None)),
                    3 => Lesson::Not(model.class(Some(ProjectId::derived(&[&1_usize.to_be_bytes()])))),
                    _ => Lesson::Is(model.class(Some(id))),
                };
                let mail = item(&format!("p{sender}@x.example"), &words, &words, day);
                if let Some(said) = model.predict(&mail) {
                    model.judge(&said, Some(id));
                }
                model.learn_of(DocumentId::derived(&[&[document]]), mail, lesson);
            }
        }
        prop_assert_eq!(live.export().unwrap(), back.export().unwrap());
        let question = item("p1@x.example", "a b", "c d", 100);
        prop_assert_eq!(live.predict(&question), back.predict(&question));
    }

    #[test]
    fn any_history_gives_chances_and_the_same_ones_again(
        mails in prop::collection::vec((0..4_usize, 0..5_usize, 0..400_u32, "[a-e ]{0,12}"), 2..60)
    ) {
        let teach = || {
            let mut model = Learned::default();
            let mut said = Vec::new();
            for (sender, class, day, words) in &mails {
                let class = (*class > 0).then(|| ProjectId::derived(&[&class.to_be_bytes()]));
                let question = item(&format!("p{sender}@x.example"), words, words, *day);
                if let Some(prediction) = model.predict(&question) {
                    model.judge(&prediction, class);
                    said.push(prediction);
                }
                model.learn(question, class);
            }
            said
        };
        let said = teach();
        for prediction in &said {
            prop_assert!((0.0..=1.0).contains(&prediction.confidence));
            prop_assert!(prediction.alternatives.iter().all(|(_, c)| (0.0..=1.0).contains(c)));
        }
        prop_assert_eq!(said, teach());
    }
}
