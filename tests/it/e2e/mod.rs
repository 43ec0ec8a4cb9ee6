//! The real program against real servers, from its arguments to its exit code.

mod cli;
mod cut_off;
mod drill;
mod dry;
mod emergency;
mod golden;
mod lies;
mod nightly;
mod program;
mod refusals;
mod scene;
mod secrets;
