//! The language model in the settings: what the doctor says about it, on a simulated server.
use besunny_simulator::{Config, Fault, FaultRule, ModelFault, Operation, Simulator};

use crate::binary::Desk;

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
