//! The real program against real servers, from its arguments to its exit code.

mod alive;
mod cli;
mod cut_off;
mod debts;
mod drill;
mod dry;
mod emergency;
mod exact;
mod forgotten;
mod formats;
mod full_disk;
mod golden;
mod journal_lost;
mod keys;
mod lies;
mod monitored;
mod named_files;
mod nightly;
mod other_ttl;
mod over;
mod program;
mod reads;
mod refusals;
mod remains;
mod scene;
/// The terminal in memory that the unit tests of the reports draw on.
#[path = "../../../src/report/screen.rs"]
mod screen;
mod secrets;
mod settings;
mod simulate;
mod so_already;
mod stuck;
mod terminal;
mod theirs;
mod which_run;
