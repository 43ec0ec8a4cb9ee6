//! The people that a run asks.

use futures::future::BoxFuture;

use crate::event::Decision;
use crate::machine::Hold;
use crate::plan::Entry;

/// Somebody who can be asked: at the terminal, through the inbox, or nobody.
pub trait People: Send + Sync {
    /// Whether an `approve` step may pass, and who said so.
    fn approve<'a>(&'a self, entry: &'a Entry, question: &'a str) -> BoxFuture<'a, (bool, String)>;

    /// How a run that stands still goes on, and who said so.
    fn decide<'a>(&'a self, hold: Hold) -> BoxFuture<'a, (Decision, String)>;

    /// Who asked meanwhile, without having been asked, that everything is put back. It does not wait.
    fn wants_back<'a>(&'a self) -> BoxFuture<'a, Option<String>> {
        Box::pin(std::future::ready(None))
    }

    /// Resolves when somebody ends the stay of a drill before its time: `On` comes back as planned,
    /// `Back` is an undo.
    fn end_stay<'a>(&'a self) -> BoxFuture<'a, (Decision, String)>;
}

/// Nobody is there: nothing is approved, and a run that must ask stops for a person.
pub struct Nobody;

impl People for Nobody {
    fn approve<'a>(&'a self, _: &'a Entry, _: &'a str) -> BoxFuture<'a, (bool, String)> {
        Box::pin(async { (false, "nobody (no terminal)".to_owned()) })
    }

    fn decide<'a>(&'a self, _: Hold) -> BoxFuture<'a, (Decision, String)> {
        Box::pin(async { (Decision::Stop, "nobody (no terminal)".to_owned()) })
    }

    fn end_stay<'a>(&'a self) -> BoxFuture<'a, (Decision, String)> {
        Box::pin(std::future::pending())
    }
}
