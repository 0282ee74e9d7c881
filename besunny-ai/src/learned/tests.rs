//! What the model learns, and that it never falls over.

use besunny_core::{
    classify::Signal,
    learner::{Example, Model},
    mail::{self, Caps},
};
use besunny_testkit::samples;
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

/// What a person or the end of the silence says of a document.
fn answer(model: &mut Learned, document: &str, mail: &mail::Mail, day: u32, truth: Truth) {
    let document = samples::document(document, mail, at(day));
    Model::learn(model, &Example { document: &document, mail, truth });
}

fn letter(from: &str, text: &str) -> mail::Mail {
    let raw = format!("From: {from}\nSubject: {text}\n\n{text}\n");
    mail::read(raw.as_bytes(), &Caps::default()).unwrap()
}

#[test]
fn cls_7_what_all_mails_have_in_common_is_no_evidence_and_the_sender_is() {
    let mut model = Learned::default();
    let to_owner = |from: &str, text: &str| {
        let raw = format!("From: {from}\nTo: me@home.example\nSubject: {text}\n\n{text}\n");
        mail::read(raw.as_bytes(), &Caps::default()).unwrap()
    };
    for day in 0..20 {
        for (from, text, to) in [
            ("ann@x.example", "cranes", "harbour"),
            ("bob@y.example", "readers", "library"),
            ("cy@z.example", "glass", "museum"),
        ] {
            let (document, truth) = (format!("{from}{day}"), Truth::To(project(to).unwrap()));
            answer(&mut model, &document, &to_owner(from, text), day, truth);
        }
    }
    let mail = to_owner("ann@x.example", "cranes");
    let item = Features::read(&mail, at(21));
    let evidence = model.explain(&mail, &item, &model.predict(&item).unwrap());
    let told = |signal: Signal| evidence.iter().position(|found| found.signal == signal);
    assert_eq!(told(Signal::Recipients), None, "{evidence:?}");
    assert_eq!(told(Signal::Sender), Some(0), "{evidence:?}");
}

#[test]
fn cls_7_a_history_tells_when_a_class_is_clearly_more_common_in_it_than_elsewhere() {
    for (history, of_class, want) in [
        ((37, 121), (37, 121), false),
        ((5, 10), (37, 121), true),
        ((4, 10), (37, 121), false),
        ((0, 3), (0, 9), false),
        ((1, 1), (1, 9), true),
        // What most mails are cannot be half as common again.
        ((9, 10), (8, 10), true),
        ((8, 10), (8, 10), false),
        ((3, 3), (9, 9), true),
    ] {
        let told = explanation::is_telling(history, of_class);
        assert_eq!(told, want, "{history:?} {of_class:?}");
    }
}

/// Ann and Bob write a mail a day about a project each; then a mail is answered as `truths` say.
fn judged(truths: &[Truth]) -> Learned {
    let mut model = Learned::default();
    let [harbour, library] = ["harbour", "library"].map(|name| project(name).unwrap());
    for day in 0..130 {
        for (who, text, to) in [("ann", "cranes", harbour), ("bob", "readers", library)] {
            let mail = letter(&format!("{who}@x.example"), text);
            answer(&mut model, &format!("{who}{day}"), &mail, day, Truth::To(to));
        }
    }
    for truth in truths {
        answer(&mut model, "open", &letter("ann@x.example", "cranes"), 130, *truth);
    }
    model
}

#[test]
fn cls_9_a_correction_takes_back_the_right_that_the_silence_counted() {
    let [harbour, library] = ["harbour", "library"].map(|name| project(name).unwrap());
    let (right, wrong) = (Truth::To(harbour), Truth::To(library));
    for (answers, like) in [
        (vec![right, wrong], vec![wrong]),
        (vec![wrong, right], vec![right]),
        (vec![right, Truth::NotTo(harbour)], vec![Truth::NotTo(harbour)]),
        (vec![right, Truth::NotTo(library)], vec![Truth::NotTo(library)]),
        (vec![right, Truth::Nowhere, right], vec![right]),
        (vec![Truth::Nowhere, right], vec![right]),
        (vec![Truth::NotTo(library), right], vec![right]),
        (vec![right, right], vec![right]),
    ] {
        let judge = |truths: &[Truth]| {
            let model = judged(truths);
            (format!("{:?}", model.judge.rows()), format!("{:?}", model.blend))
        };
        assert_eq!(judge(&answers), judge(&like), "{answers:?}");
    }
    assert_ne!(format!("{:?}", judged(&[right]).judge), format!("{:?}", judged(&[wrong]).judge));
}

/// 4,000 words in a mail, other ones in each, to thirty people.
fn heavy(number: u32) -> Features {
    let to: Vec<String> = (0..30).map(|n| format!("p{n}x{number}@y.example")).collect();
    let words: Vec<String> = (0..4_000).map(|n| format!("w{n}x{number}")).collect();
    let raw = format!(
        "Message-ID: <{number}@x>\nFrom: a{number}@x{number}.example\nTo: {}\nSubject: s{number}\n\n{}\n",
        to.join(", "),
        words.join(" ")
    );
    Features::read(&mail::read(raw.as_bytes(), &Caps::default()).unwrap(), at(number))
}

#[test]
fn ml_3_a_model_is_bounded_and_forgets_first_what_it_learned_first() {
    let most_bytes = 512 << 10;
    let mut model = Learned { most_bytes, ..Learned::default() };
    let nothing = model.export().unwrap().len();
    let mut largest = 0;
    for number in 0..90_u32 {
        let document = DocumentId::derived(&[&number.to_be_bytes()]);
        let class = model.class(project(&format!("project {}", number % 25)));
        model.learn_of(document, heavy(number), Lesson::Is(class));
        // The numbers of terms that were met are wider than those that were not.
        let written = model.export().unwrap().len() - nothing;
        largest = largest.max(written);
    }
    assert!(largest <= most_bytes + (TERMS_BYTES), "{largest}");
    let known = |number: u32| model.has_learned(DocumentId::derived(&[&number.to_be_bytes()]));
    assert!(!known(0) && known(89));
    let first_known = (0..90).find(|number| known(*number)).unwrap();
    assert!((first_known..90).all(known), "the first ones go first");
    assert_eq!(model.documents.len(), model.mails.len());
    // What was forgotten is nowhere any more: a model of what is left has the same histories.
    assert_eq!(model.senders.len(), model.mails.len());
    let restored = Learned { most_bytes, ..Learned::import(&model.export().unwrap()).unwrap() };
    let question = heavy(500);
    assert_eq!(model.predict(&question), restored.predict(&question));
}

/// The vocabulary counts each of 65,536 terms in one byte more at most.
const TERMS_BYTES: usize = 1 << 16;

#[test]
fn ml_3_what_is_not_a_mail_stays_below_its_share_of_the_bound() {
    let mut model = Learned::default();
    let mails: Vec<Features> =
        (0..40).map(|n| item(&format!("p{n}@x.example"), "s", "w", n)).collect();
    for (number, mail) in mails.iter().enumerate() {
        model.learn(mail.clone(), project(&format!("{}", number % 25)));
    }
    let mut judged = 0_u64;
    // Rows and records of as many judged predictions as are kept.
    while judged < 3_100 {
        for mail in &mails {
            let mut said = model.predict(mail).unwrap();
            said.records = std::array::from_fn(|kind| pair(9, judged, kind as u64));
            let document = DocumentId::derived(&[&judged.to_be_bytes()]);
            let truth = said.choice.map_or(Truth::Nowhere, Truth::To);
            model.judge_of(Some(document), &said, truth);
            judged += 1;
        }
    }
    let rest = model.export().unwrap().len();
    assert!(MAILS_BYTES + rest + 2 * TERMS_BYTES <= MODEL_BYTES, "{rest}");
    assert!(rest > 1 << 20, "nothing was kept: {rest}");
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
