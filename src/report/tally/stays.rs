//! What a run owes, and a person said shall stay as it is.

use super::Tally;
use crate::event::Owed;
use crate::plan::Value;

/// Something owed of which a person said that it shall stay as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stays {
    pub owed: Owed,
    pub by: String,
    pub reason: String,
    /// What its place held then, where that could be read.
    pub holds: Option<Value>,
}

impl Tally {
    /// A person said that something owed shall stay so; the last word counts. `what` is what it is, where the run did not
    /// say that it owes it.
    pub(super) fn let_stay(
        &mut self,
        key: &str,
        (by, reason): (&str, &str),
        holds: Option<Value>,
        what: Option<&str>,
    ) {
        let known = match self.owed.iter().position(|owed| owed.key == key) {
            Some(at) => Some(self.owed.remove(at)),
            None => (self.stays.iter().position(|stays| stays.owed.key == key))
                .map(|at| self.stays.remove(at).owed),
        };
        let told = what.map(|what| Owed {
            key: key.to_owned(),
            what: what.to_owned(),
            how: String::new(),
        });
        let Some(owed) = told.or(known) else {
            return;
        };
        self.stays.push(Stays {
            owed,
            by: by.to_owned(),
            reason: reason.to_owned(),
            holds,
        });
    }

    /// What was said to stay, and holds something else by now, is owed again.
    pub fn owe_again(&mut self, key: &str) {
        let Some(at) = self.stays.iter().position(|stays| stays.owed.key == key) else {
            return;
        };
        let Stays { owed, by, .. } = self.stays.remove(at);
        self.owed.push(Owed {
            what: format!(
                "{}; it holds something else than when {by} said that it shall stay so",
                owed.what
            ),
            ..owed
        });
    }
}
