//! Holds the two test binaries of the workspace; see `conformance/` and `it/`.
