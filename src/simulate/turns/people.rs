//! What people decide, and that another process goes on with a run.

use super::{Turns, nobody};
use crate::event::{Decision, Event};
use crate::machine::Mark;
use crate::simulate::fault::Fault;
use crate::simulate::model::Dead;
use crate::simulate::rules::Rules;

impl<R: Rules> Turns<'_, R> {
    pub(super) fn decided(&mut self, decision: Decision) {
        let by = nobody();
        self.happen(&Event::Decided {
            decision,
            by,
            parts: true,
        });
    }

    pub(super) fn decide(&mut self, fault: Option<Fault>) {
        let decision = match fault {
            Some(Fault::Person(decision)) => decision,
            _ => Decision::Stop,
        };
        self.decided(decision);
        // Whoever decides has looked, but for what is left where it is.
        self.there.ground.stale &= matches!(decision, Decision::Stop | Decision::Stay);
        if decision == Decision::On {
            self.there.ground.doubt = true;
            self.accept();
        }
    }

    /// Somebody else answers for what the motion at hand did.
    fn accept(&mut self) {
        if let Some(motion) = self.here.state.motion() {
            let entry = usize::from(motion.entry);
            let mark = self.there.state.mark(entry);
            // Nobody makes of a way back that was never seen one that was.
            let claimed = self.here.state.mark(entry) == Mark::Claimed;
            if !(claimed && mark == Mark::Back) {
                self.there.ground.accept(entry, mark);
            }
        }
    }

    /// Another process goes on with the run, or puts it back.
    pub(super) fn reopen(&mut self, back: bool) {
        let ground = &mut self.there.ground;
        ground.down = false;
        ground.old = None;
        if back {
            // Whoever asks for it afterwards does so once the sites are up again.
            ground.dead = Dead::default();
        }
        if self.is_open() {
            self.happen(&Event::Resumed {
                by: nobody(),
                version: nobody(),
                anew: true,
            });
            self.there.ground.stale = true;
            if self.here.state.is_skipped_by_a_resume(&self.model.plan) {
                self.there.ground.doubt = true;
                self.accept();
            }
        }
        if back {
            // It may be long since it ended.
            self.there.ground.stale = true;
            self.decided(Decision::Back);
        }
    }
}
