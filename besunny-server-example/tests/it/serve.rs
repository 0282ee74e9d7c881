//! `besunny serve`: it lives, and ends in order when it is asked to.
use crate::{binary::Desk, server::Server};

#[test]
fn ops_2_it_ends_in_order_when_it_is_asked_to() {
    for signal in ["TERM", "INT"] {
        let desk = Desk::new();
        let server = Server::start(desk.command(&["serve", "--listen", "127.0.0.1:0"]));
        assert!(server.link.contains("/login?key="));
        let answer = server.get("/health/live");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let answer = server.get("/api/v1/documents");
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        let address = server.address.clone();
        assert_eq!(server.end(signal).ends(0)["listened"], address);
        assert!(!desk.path().join("test.db-wal").exists(), "the log was not moved into the file");
    }
}
