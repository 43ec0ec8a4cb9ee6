//! The only key to a write.

use std::marker::PhantomData;

use crate::clock::Stamp;
use crate::plan::{Place, Value, Way};

/// The proof that this run may write this place, and that its intent is on disk.
///
/// It is issued by the live journal alone, names one place, is taken by value, and borrows the journal: as
/// long as one is out, no second one can be had, and nothing else can be recorded. Each rule below is a
/// program that does not compile, beside its twin that does.
///
/// Nobody else can make one, not even out of another one:
///
/// ```compile_fail,E0451
/// use cutover::{journal::Permit, plan::Place};
/// fn forge<'j>(place: Place, permit: Permit<'j>) -> Permit<'j> {
///     Permit { place, ..permit }
/// }
/// ```
///
/// ```
/// use cutover::{journal::Permit, plan::Place};
/// fn read(permit: &Permit<'_>) -> Place {
///     permit.place().clone()
/// }
/// ```
///
/// Whoever has one cannot keep a copy:
///
/// ```compile_fail,E0599
/// fn copy<'j>(permit: cutover::journal::Permit<'j>) -> [cutover::journal::Permit<'j>; 2] {
///     [permit.clone(), permit]
/// }
/// ```
///
/// and cannot use it twice:
///
/// ```compile_fail,E0382
/// fn write(permit: cutover::journal::Permit<'_>) {}
/// fn twice(permit: cutover::journal::Permit<'_>) {
///     write(permit);
///     write(permit);
/// }
/// ```
///
/// ```
/// fn write(permit: cutover::journal::Permit<'_>) {}
/// fn once(permit: cutover::journal::Permit<'_>) {
///     write(permit);
/// }
/// ```
///
/// A journal has one out at a time:
///
/// ```compile_fail,E0499
/// use cutover::journal::{Intent, Journal, JournalError, Live};
/// async fn both(live: &mut Live, a: Intent, b: Intent) -> Result<(), JournalError> {
///     let first = live.intend(a).await?;
///     let second = live.intend(b).await?;
///     drop((first, second));
///     Ok(())
/// }
/// ```
///
/// ```
/// use cutover::journal::{Intent, Journal, JournalError, Live};
/// async fn one_by_one(live: &mut Live, a: Intent, b: Intent) -> Result<(), JournalError> {
///     let first = live.intend(a).await?;
///     drop(first);
///     let second = live.intend(b).await?;
///     drop(second);
///     Ok(())
/// }
/// ```
///
/// A dry journal has none to give:
///
/// ```compile_fail,E0308
/// use cutover::journal::{Dry, Intent, Journal, JournalError, Permit};
/// async fn get(dry: &mut Dry, intent: Intent) -> Result<Option<Permit<'_>>, JournalError> {
///     dry.intend(intent).await
/// }
/// ```
///
/// ```
/// use cutover::journal::{Intent, Journal, JournalError, Live, Permit};
/// async fn get(live: &mut Live, intent: Intent) -> Result<Option<Permit<'_>>, JournalError> {
///     live.intend(intent).await
/// }
/// ```
///
/// and there is no journal of another kind that would:
///
/// ```compile_fail,E0603
/// struct Own;
/// impl cutover::journal::sealed::Sealed for Own {}
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
