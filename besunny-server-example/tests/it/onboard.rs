//! `besunny onboard`: answers in a file become a project.
use crate::{
    binary::Desk,
    mailbox::{mail, mbox},
};

const ANSWERS: &str = r#"
project_name = "Riverside flood works RVF-12"
overview = "A film about the new dykes."
keywords = "dyke, pump station"
deliverables = "60 second film"
internal_lead = "Ann Miller <ann@studio.example>"
agency_lead = "none"
client_lead = "Cy Moss <cy@weir.example>"
shoot_date = "14-16 June 2026"
location = "Weir"
"#;

#[test]
fn onb_4_a_file_of_answers_becomes_a_project() {
    let desk = Desk::new();
    let file = desk.file("answers.toml", ANSWERS);
    desk.file("inbox.mbox", mbox([mail(1).replace("Mail 1", "RVF-12 survey")]));
    desk.import("inbox.mbox").ends(0);
    let looked = desk.run(&["onboard", "--answers", &file, "--preview"]).ends(0);
    assert_eq!((&looked["saved"], &looked["would_change"]), (&false.into(), &1.into()), "{looked}");
    let saved = desk.run(&["onboard", "--answers", &file]).ends(0);
    assert_eq!(saved["saved"], true);
    assert_eq!(saved["profile"]["entity_patterns"]["project_codes"][0], "RVF-12");
    let again = desk.run(&["onboard", "--answers", &file]).ends(0);
    assert_eq!(again["project"], saved["project"]);
    assert_eq!(again["changes"], serde_json::json!([]), "{again}");
}

#[test]
fn an_answer_that_cannot_be_taken_is_named_with_its_fix() {
    let desk = Desk::new();
    desk.file("inbox.mbox", mbox([mail(1)]));
    desk.import("inbox.mbox").ends(0);
    let onboard = |text: &str| {
        let file = desk.file("answers.toml", text);
        desk.run(&["onboard", "--answers", &file])
    };
    let dates = ANSWERS.replace("14-16 June 2026", "06/07/2026");
    onboard(&dates).refuses(2, "answers", &["shoot_date", "Write the month as a word"]);
    let missing = ANSWERS.replace("overview", "summary");
    onboard(&missing).refuses(2, "config", &["answers.toml", "summary", "overview"]);
    onboard("project_name = 1").refuses(2, "config", &["answers.toml:1"]);
}
