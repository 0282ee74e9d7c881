//! The outside world over HTTP on 127.0.0.1.
