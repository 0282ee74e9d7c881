//! The simulator as a program.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use axum::http::Method;

use crate::http;
use crate::scene::{ANN, mail};

/// A child that does not outlive its test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn it_loads_serves_and_says_how_to_reach_it() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("program.mbox");
    std::fs::write(&file, format!("From x\n{}\nFrom y\n{}\n", mail("one"), mail("two"))).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_besunny-simulator"))
        .args(["--listen", "127.0.0.1:0", "--account", ANN, "--quota", "off"])
        .args(["--time-scale", "100", "--seed", "3", "--load"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut program = Program(child);
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut value = |name: &str| {
        let line = lines.find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].trim().to_owned()
    };
    assert!(value("loaded 2 messages").ends_with(ANN));
    let base = value("base URL");
    let token = value("access token");
    let headers = [("authorization", &*format!("Bearer {token}"))];
    let url = format!("{base}/gmail/v1/users/me/profile");
    let profile = http::send(Method::GET, &url, &headers, "").await.unwrap().good();
    assert_eq!(profile["emailAddress"], ANN);
    assert_eq!(profile["messagesTotal"], 2);
}
