//! `besunny serve`: it lives, and ends in order when it is asked to.
#![cfg(unix)]
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::binary::{Desk, Run};

#[test]
fn ops_2_it_ends_in_order_when_it_is_asked_to() {
    for signal in ["TERM", "INT"] {
        let desk = Desk::new();
        let mut command = desk.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = command.spawn().unwrap();
        let mut log = BufReader::new(server.stderr.take().unwrap());
        let address = listening(&mut log);
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET /health/live HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let process = server.id().to_string();
        let kill = Command::new("kill").args([&format!("-{signal}"), &process]).status();
        assert!(kill.unwrap().success());
        std::io::copy(&mut log, &mut std::io::sink()).unwrap();
        let run = Run::from(server.wait_with_output().unwrap());
        assert_eq!(run.ends(0)["listened"], address);
        assert!(!desk.path().join("test.db-wal").exists(), "the log was not moved into the file");
    }
}

fn listening(log: &mut impl BufRead) -> String {
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "the server ended");
        if let Ok(event) = serde_json::from_str::<Value>(&line)
            && event["event"] == "listening"
        {
            assert!(event["login"].as_str().unwrap().contains("/login?key="));
            return event["address"].as_str().unwrap().to_owned();
        }
    }
}
