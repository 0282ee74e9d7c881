//! A server that runs as a process of its own, and what it says on the way.
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStderr, Command, Stdio},
};

use serde_json::Value;

use crate::binary::Run;

/// A running server.
pub(crate) struct Server {
    child: Child,
    log: BufReader<ChildStderr>,
    /// Where it listens.
    pub(crate) address: String,
    /// Where the simulated Google of a demo is.
    google: String,
    /// By which a browser logs in; empty where a token was chosen.
    pub(crate) link: String,
}

impl Server {
    /// Starts `command` and waits until it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let event = event(&mut log, "listening");
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let (address, google, link) = (text("address"), text("google"), text("login"));
        Self { child, log, address, google, link }
    }

    /// Waits until it tells of something.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        event(&mut self.log, name)
    }

    /// Asks for a page and returns the whole answer.
    pub(crate) fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), &[], "")
    }

    /// Lets something happen at the simulated Google of a demo.
    pub(crate) fn tell_google(&self, path: &str, body: &Value) {
        let (_, host) = self.google.split_once("://").unwrap();
        let headers = [("Content-Type", "application/json")];
        let answer = ask(host, &format!("POST {path}"), &headers, &body.to_string());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Sends a request and returns the whole answer.
    pub(crate) fn ask(&self, line: &str, headers: &[(&str, &str)], body: &str) -> String {
        ask(&self.address, line, headers, body)
    }

    /// Sends JSON as a program that knows the token, and returns what is answered.
    pub(crate) fn post(&self, path: &str, token: &str, body: &Value) -> Value {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let answer = self.ask(&format!("POST {path}"), &headers, &body.to_string());
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {answer}"))
    }

    /// Sends a signal and returns how it ended.
    pub(crate) fn end(self, signal: &str) -> Run {
        let process = self.child.id().to_string();
        self.end_process(&process, signal)
    }

    /// Sends a signal to the process that does the work, such as one that is watched.
    pub(crate) fn end_process(mut self, process: &str, signal: &str) -> Run {
        let kill = Command::new("kill").args([&format!("-{signal}"), process]).status();
        assert!(kill.unwrap().success());
        std::io::copy(&mut self.log, &mut std::io::sink()).unwrap();
        Run::from(self.child.wait_with_output().unwrap())
    }
}

fn event(log: &mut impl BufRead, name: &str) -> Value {
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "the server ended before {name:?}");
        if let Ok(event) = serde_json::from_str::<Value>(&line)
            && event["event"] == name
        {
            return event;
        }
    }
}

fn ask(host: &str, line: &str, headers: &[(&str, &str)], body: &str) -> String {
    let (mut stream, length) = (TcpStream::connect(host).unwrap(), body.len());
    write!(stream, "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n").unwrap();
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n").unwrap();
    }
    write!(stream, "Content-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
