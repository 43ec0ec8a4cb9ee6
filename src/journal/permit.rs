//! The only key to a write.

use std::marker::PhantomData;

use crate::clock::Stamp;
use crate::plan::{Place, Value, Way};

/// The proof that this run may write this place, and that its intent is on disk.
///
/// It is issued by the live journal alone, names one place, is taken by value, and borrows the journal: as
/// long as one is out, no second one can be had. A program of another module cannot make one:
///
/// ```compile_fail
/// use cutover::journal::Permit;
/// let forged = Permit { place: todo!(), way: todo!() };
/// ```
///
/// and whoever has one cannot keep a copy:
///
/// ```compile_fail
/// fn twice(permit: cutover::journal::Permit<'_>) {
///     let copy = permit.clone();
///     drop((permit, copy));
/// }
/// ```
///
/// What compiles is to take it and to read what it allows:
///
/// ```
/// fn once(permit: cutover::journal::Permit<'_>) -> String {
///     permit.place().to_string()
/// }
/// ```
#[derive(Debug)]
pub struct Permit<'journal> {
    place: Place,
    way: Way,
    from: Value,
    to: Value,
    until: Stamp,
    journal: PhantomData<&'journal mut ()>,
}

impl<'journal> Permit<'journal> {
    pub(super) fn issue<J>(_journal: &'journal mut J, intent: Intent) -> Permit<'journal> {
        Permit {
            place: intent.place,
            way: intent.way,
            from: intent.from,
            to: intent.to,
            until: intent.until,
            journal: PhantomData,
        }
    }

    /// The one place that may be written.
    pub fn place(&self) -> &Place {
        &self.place
    }

    pub fn way(&self) -> Way {
        self.way
    }

    /// What the place must hold at the moment of the write; where the far side can compare, it does.
    pub fn from(&self) -> &Value {
        &self.from
    }

    /// What the place shall hold afterwards.
    pub fn to(&self) -> &Value {
        &self.to
    }

    /// After this moment nothing of this write may still be on its way: its requests must end by then.
    pub fn until(&self) -> &Stamp {
        &self.until
    }
}

/// What a run means to write: becomes durable first, and a permit afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    pub entry: usize,
    pub place: Place,
    pub way: Way,
    pub from: Value,
    pub to: Value,
    pub until: Stamp,
}
