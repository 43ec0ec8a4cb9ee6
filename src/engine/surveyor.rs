//! What a survey asks of the steps that write.

use futures::future::BoxFuture;

use crate::event::Unseen;
use crate::site::{Aim, Site};
use crate::step::{Act, Change, Step, Survey};

/// Tells what a change would write.
pub trait Surveyor: Sync {
    fn survey<'a>(
        &'a self,
        step: &'a Step,
        change: &'a dyn Change,
        aim: &'a Aim,
    ) -> BoxFuture<'a, Result<Survey, Unseen>>;

    /// Why an act could not be done at all; where there is nobody to ask, nothing speaks against it.
    fn could<'a>(
        &'a self,
        _: &'a dyn Act,
        _: &'a Aim,
    ) -> BoxFuture<'a, Result<Vec<String>, Unseen>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// The changes look for themselves.
impl Surveyor for Site {
    fn survey<'a>(
        &'a self,
        _: &'a Step,
        change: &'a dyn Change,
        aim: &'a Aim,
    ) -> BoxFuture<'a, Result<Survey, Unseen>> {
        change.survey(self, aim)
    }

    fn could<'a>(
        &'a self,
        act: &'a dyn Act,
        aim: &'a Aim,
    ) -> BoxFuture<'a, Result<Vec<String>, Unseen>> {
        act.could(self, aim)
    }
}
