//! Any sequence of steps ends in order or with a typed error, and no answer is lost.
use proptest::prelude::*;

use super::*;
use crate::onboarding::PRODUCTION;

/// Good answers to the ten questions, in order.
const GOOD: [&str; 10] = [
    "Riverside flood works RVF-12",
    "A film about the new dykes.",
    "dyke, pump station",
    "60 second film, press kit",
    "Ann Miller <ann@studio.example>",
    "none",
    "Cy Moss <cy@weir.example>",
    "14-16 June 2026",
    "Weir",
    "",
];

fn all_answered() -> Conversation {
    GOOD.iter()
        .fold(Conversation::default(), |asked, answer| asked.answered(&PRODUCTION, answer).unwrap())
}

fn answers(conversation: &Conversation) -> Vec<Option<String>> {
    let answer =
        |question: &Question| conversation.answer(&question.key).map(|it| it.expose().clone());
    PRODUCTION.questions.iter().map(answer).collect()
}

#[test]
fn onb_1_one_question_at_a_time_then_a_summary_to_confirm() {
    let mut asked = Conversation::default();
    for (place, answer) in GOOD.iter().enumerate() {
        assert_eq!(asked.stage(), Stage::Asking { place });
        assert_eq!(asked.question(&PRODUCTION).unwrap(), &PRODUCTION.questions[place]);
        asked = asked.answered(&PRODUCTION, answer).unwrap();
    }
    assert_eq!((asked.stage(), asked.question(&PRODUCTION)), (Stage::Summary, None));
    let confirmed = asked.confirmed(&PRODUCTION).unwrap();
    assert_eq!(confirmed.stage(), Stage::Confirmed);
    insta::assert_json_snapshot!(confirmed.brief(&PRODUCTION).unwrap());
}

#[test]
fn onb_1_back_keeps_answers_and_an_edit_asks_for_the_summary_again() {
    let confirmed = all_answered().confirmed(&PRODUCTION).unwrap();
    let summary = confirmed.clone().back(&PRODUCTION).unwrap();
    let last = summary.clone().back(&PRODUCTION).unwrap();
    assert_eq!(last.stage(), Stage::Asking { place: 9 });
    assert_eq!(answers(&last), answers(&confirmed));
    let edited = confirmed.edited(&PRODUCTION, "location", "Aldbury").unwrap();
    assert_eq!(edited.stage(), Stage::Summary);
    assert_eq!(edited.answer("location").unwrap().expose(), "Aldbury");
}

#[test]
fn a_step_that_cannot_be_taken_says_why() {
    let begun = Conversation::default;
    let first = || begun().answered(&PRODUCTION, GOOD[0]).unwrap();
    let check = |got: Result<Conversation, OnboardingError>, want: &str| {
        let error = got.unwrap_err();
        assert_eq!(error.to_string(), want);
        assert!(!error.fix().is_empty(), "{want}");
    };
    check(begun().back(&PRODUCTION), "this is the first question");
    check(begun().answered(&PRODUCTION, " "), "the answer to `project_name` is missing");
    check(first().edited(&PRODUCTION, "bogus", "x"), "there is no such question");
    let unreached = first().edited(&PRODUCTION, "location", "x");
    check(unreached, "the question `location` is not answered yet");
    check(all_answered().answered(&PRODUCTION, "x"), "no question is asked any more");
    let dates = all_answered().edited(&PRODUCTION, "shoot_date", "31 June 2026");
    check(dates, "the answer to `shoot_date` is no date: there is no such day");
    let missing = "8 answers are missing or cannot be read: overview, keywords, deliverables, \
                   internal_lead, agency_lead, client_lead, shoot_date, location";
    check(first().confirmed(&PRODUCTION), missing);
    let asking = all_answered().back(&PRODUCTION).unwrap();
    check(asking.confirmed(&PRODUCTION), "questions are still asked");
}

/// A step that a person may try at any time.
#[derive(Clone, Debug)]
enum Step {
    Answer(String),
    Back,
    Edit(usize, String),
    Confirm,
}

fn step() -> impl Strategy<Value = Step> {
    let text = prop_oneof![
        (0..GOOD.len()).prop_map(|place| GOOD[place].to_owned()),
        "[\\PC\\x00-\\x20]{0,40}",
        Just("x".repeat(20_000)),
    ];
    prop_oneof![
        6 => text.clone().prop_map(Step::Answer),
        1 => Just(Step::Back),
        1 => (0..GOOD.len(), text).prop_map(|(place, text)| Step::Edit(place, text)),
        1 => Just(Step::Confirm),
    ]
}

proptest! {
    #[test]
    fn any_sequence_of_steps_keeps_every_answer_and_ends_in_order(
        start in 0..=GOOD.len(),
        steps in proptest::collection::vec(step(), 0..40),
    ) {
        let mut now = GOOD[..start].iter().fold(Conversation::default(), |asked, answer| {
            asked.answered(&PRODUCTION, answer).unwrap()
        });
        for step in steps {
            let before = now.clone();
            let done = match &step {
                Step::Answer(text) => now.clone().answered(&PRODUCTION, text),
                Step::Back => now.clone().back(&PRODUCTION),
                Step::Edit(place, text) => {
                    let key = &PRODUCTION.questions[*place].key;
                    now.clone().edited(&PRODUCTION, key, text)
                }
                Step::Confirm => now.clone().confirmed(&PRODUCTION),
            };
            if let Err(error) = &done {
                prop_assert!(!error.to_string().is_empty() && !error.fix().is_empty());
            }
            now = done.unwrap_or(now);
            let lost = answers(&before).iter().zip(answers(&now))
                .any(|(old, new)| old.is_some() && new.is_none());
            prop_assert!(!lost, "{step:?} lost an answer");
            match now.stage() {
                Stage::Asking { place } => prop_assert!(place < GOOD.len()),
                Stage::Summary | Stage::Confirmed => {
                    prop_assert!(now.brief(&PRODUCTION).is_ok(), "{step:?}");
                }
            }
            let stored = serde_json::to_string(&now).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Conversation>(&stored).unwrap(), &now);
        }
    }
}
