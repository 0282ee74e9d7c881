//! Conformance suites, fakes and deterministic simulation.
