//! The language model in the settings: what the doctor says about it, and what the server asks it.
use besunny_simulator::{Config, Fault, FaultRule, ModelFault, Operation, Simulator};
use serde_json::{Value, json};

use crate::{binary::Desk, server::Server};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test(flavor = "multi_thread")]
async fn ops_1_doctor_asks_the_language_model_for_a_word() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let desk = Desk::new();
    let key = desk.file("key", "sk-simulated\n");
    let wrong = desk.file("wrong", "sk-wrong");
    let base = format!("{}/v1", simulator.base_url());
    let check = |table: &str, want: Option<(&str, &str)>| {
        let path = desk.file("besunny.toml", format!("[language]\n{table}"));
        let run = desk.run(&["doctor", "--config", &path, "--listen", "127.0.0.1:0"]);
        let json = run.ends(i32::from(want.is_some()));
        let finding = &json["findings"][0];
        assert_eq!(finding["setting"].as_str(), want.map(|(setting, _)| setting), "{json}");
        if let Some((_, problem)) = want {
            let text = finding["problem"].as_str().unwrap();
            assert!(text.contains(problem), "{text}");
            assert!(!finding["fix"].as_str().unwrap().is_empty());
            assert!(!json.to_string().contains("sk-"), "{json}");
        }
    };
    let at = |base: &str, model: &str, key: &str| {
        format!("base_url = '{base}'\nmodel = '{model}'\nkey_file = '{key}'\n")
    };
    let good = at(&base, "simulated-model", &key);
    check(&good, None);
    check(&format!("{good}max_tokens = true\nfixed_temperature = true\n"), None);
    check(&format!("{good}[language.price]\ninput_micros = 1\noutput_micros = 2\n"), None);
    check(&at(&base, "simulated-model", &wrong), Some(("language", "the key is not accepted")));
    check(&at(&base, "other", &key), Some(("language", "model_not_found")));
    check(
        &at(&base, "simulated-model", "/nowhere/key"),
        Some(("language.key_file", "cannot be read")),
    );
    check(&at("http://models.example/v1", "m", &key), Some(("language", "must be https")));
    check(&at("http://127.0.0.1:9/v1", "m", &key), Some(("language", "no connection")));
    check(
        "base_url = 'https://a.example'\nmodel = 'm'\nprice = 1\n",
        Some(("config", "besunny.toml:4")),
    );
    for (fault, problem) in
        [(ModelFault::NoCredit, "insufficient_quota"), (ModelFault::Refuses, "the model refused")]
    {
        let rule = FaultRule::once(Operation::CreateChatCompletion, Fault::Model(fault));
        simulator.control().add_fault(rule);
        check(&good, Some(("language", problem)));
    }
}

/// Answers the ten questions and returns the profile that the server made of them.
fn described(server: &Server) -> Value {
    let post = |path: &str, body: &Value| server.post(path, TOKEN, body);
    let mut now = post("/api/v1/onboarding", &json!({}));
    let path = format!("/api/v1/onboarding/{}", now["id"].as_str().unwrap());
    for answer in [
        "Riverside flood works RVF-12",
        "A film about the new dykes.",
        "dyke, pump station",
        "60 second film",
        "Ann Miller <ann@studio.example>",
        "none",
        "Cy Moss <cy@weir.example>",
        "14-16 June 2026",
        "Weir",
        "",
    ] {
        let body = json!({ "version": now["version"], "answer": answer });
        now = post(&format!("{path}/answer"), &body);
    }
    for step in ["confirm", "generate"] {
        now = post(&format!("{path}/{step}"), &json!({ "version": now["version"] }));
    }
    now["generated"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn onb_4_serve_lets_the_language_model_describe_a_project() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let desk = Desk::new();
    let key = desk.file("key", "sk-simulated");
    let base = simulator.base_url();
    let table = format!("base_url = '{base}/v1'\nmodel = 'simulated-model'\nkey_file = '{key}'\n");
    for (settings, by) in [(format!("[language]\n{table}"), "model"), (String::new(), "answers")] {
        let config = desk.file("besunny.toml", settings);
        let mut serve = desk.command(&["serve", "--listen", "127.0.0.1:0", "--config", &config]);
        serve.env("BESUNNY_TOKEN", TOKEN);
        let server = Server::start(serve);
        let generated = described(&server);
        assert_eq!(generated["by"], by, "{generated}");
        assert_eq!(generated["fields"]["name"], json!(["Riverside flood works RVF-12"]));
        server.end("TERM").ends(0);
    }
}
