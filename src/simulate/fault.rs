//! What can go wrong, where, and the name of it.

use crate::event::{Decision, Round};
use crate::machine::Move;
use crate::plan::Way;

/// One thing that goes wrong (or that a person decides).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// A check fails, this time.
    Fails,
    /// A check is late, this time.
    Late,
    /// A look or a read never answers, this time.
    Hangs,
    /// A write is refused, and does nothing.
    Refused,
    /// A write is refused, and lands all the same, before the intent runs out.
    RefusedLands,
    /// A write never arrives, and no answer comes.
    Lost,
    /// No answer comes, and the write lands later, before the intent runs out.
    LandsLate,
    /// A write happens, and answers with an error.
    Unsaid,
    /// A write claims success, and does nothing.
    Lies,
    /// A write happens, and who reads its place sees an old copy, until another process reads it or it is written
    /// once more.
    Old,
    /// A part of a write happens, and it claims success.
    Half,
    /// A part of a write happens, and it answers with an error.
    HalfUnsaid,
    /// Somebody else writes something of their own, just before we look.
    Foreign,
    /// Somebody else writes what we would have written, just before we look.
    Anticipated,
    /// Somebody else writes a place that was looked at, while the look waits for its checks.
    Meanwhile,
    /// While a person is asked, another run goes over all the places: what stands goes back, what does not is
    /// made.
    Overrun,
    /// The process is killed.
    Killed(Cut),
    /// Another process takes the lock over: the journal takes no more lines of this one.
    LockLost,
    /// The state disk is full from now on, until the run is resumed.
    DiskFull,
    /// The operator presses Ctrl-C once.
    CtrlC,
    /// Every host of the site that is left stops answering, and stays so.
    SourceDies,
    /// Every host of the site that is gone to stops answering, and stays so.
    TargetDies,
    /// The wall clock jumps, and the time since boot does not.
    ClockJumps,
    /// Somebody declines what an `approve` step asks.
    Declined,
    /// What a person decides where the run asks; elsewhere, and at a rest, `Back` is a rollback and `Again` a
    /// resume. It costs nothing: people may decide as they like.
    Person(Decision),
}

/// When within one move the process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cut {
    /// Before the first line that the move would record.
    Before,
    /// After the intent is recorded, before the write goes out.
    Intended,
    /// After the write happened, before its answer is recorded.
    Written,
    /// After the write went out and before its answer; it lands later.
    InFlight,
    /// After the last line of the move.
    After,
}

/// A move of the machine, without its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    Look(Round),
    Baseline,
    Compare(Way),
    Write(Way),
    Settle(Way),
    Wait,
    Approve,
    Stay,
    Decide,
    End,
    /// The process has ended: a resume or a rollback can follow.
    Rest,
}

/// Where a fault strikes: a move at an entry, and the how-manieth of that kind in the whole life of the run.
///
/// A move is counted each time that the machine says it: when the run begins, and whenever something was
/// recorded that steers it. So a `compare` that was cut off is number 0, and the one after the resume is
/// number 1; what Ctrl-C did not stop (a write that is settled) is counted once more. A look counts for each
/// of its checks. A fault that is silent (see [`Fault::is_silent`]) records nothing, and counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Point {
    /// The entry that it is about: for a look the check that is struck, or the first of the batch where the
    /// fault strikes no single check. `None` where the move has none (baseline, stay, decide, end, rest).
    pub entry: Option<u16>,
    pub moment: Moment,
    /// From 0.
    pub nth: u16,
}

/// A fault at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Twist {
    pub at: Point,
    pub fault: Fault,
}

/// What goes wrong in one life of a run, in the order in which it happens. Its text is its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Script(pub Vec<Twist>);

impl Moment {
    /// The moment of a move.
    pub fn of(mv: &Move) -> Moment {
        match mv {
            Move::Look { round, .. } => Moment::Look(*round),
            Move::TakeBaseline => Moment::Baseline,
            Move::Compare { way, .. } => Moment::Compare(*way),
            Move::Write { way, .. } => Moment::Write(*way),
            Move::Settle { way, .. } => Moment::Settle(*way),
            Move::Wait { .. } => Moment::Wait,
            Move::Approve { .. } => Moment::Approve,
            Move::Stay => Moment::Stay,
            Move::Decide { .. } => Moment::Decide,
            Move::End { .. } => Moment::End,
            Move::Rest => Moment::Rest,
        }
    }
}

impl Fault {
    /// Whether it changes the world without a word: nothing is recorded, and the move at hand goes on. Any
    /// number of them can strike at one move, before whatever else happens there.
    pub fn is_silent(self) -> bool {
        matches!(
            self,
            Fault::Foreign
                | Fault::Anticipated
                | Fault::Overrun
                | Fault::SourceDies
                | Fault::TargetDies
                | Fault::ClockJumps
        )
    }

    /// How much of the budget of faults it uses up.
    pub fn cost(self) -> u8 {
        match self {
            Fault::Person(_) => 0,
            _ => 1,
        }
    }
}
