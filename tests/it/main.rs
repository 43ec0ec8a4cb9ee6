//! All tests against real programs, in one binary.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests start servers and look at files; the lab is a library of its own"
)]

mod action;
mod crash;
mod demo;
mod dependencies;
mod e2e;
mod engine;
mod examples;
mod journal;
mod lab;
mod lint;
mod mirror;
mod playbooks;
mod propagation;
mod providers;
mod readme;
mod schema;
mod steps;
mod tidy;
mod twelve;
mod world;
