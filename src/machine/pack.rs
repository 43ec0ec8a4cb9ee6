//! A state in a few bytes, exactly: a search keeps millions of them.

use std::ops::Range;

use super::parts::{Hold, Mark, Motion, Phase, Said, Stage, Stayed};
use super::state::State;
use crate::event::Ending;
use crate::plan::Way;

const PHASES: [Phase; 10] = [
    Phase::Forward,
    Phase::Stay,
    Phase::Return,
    Phase::Tidy,
    Phase::Probe,
    Phase::Undo,
    Phase::Verify,
    Phase::Accept,
    Phase::Reread,
    Phase::Confirm,
];

const HOLDS: [Hold; 12] = [
    Hold::Failed,
    Hold::Late,
    Hold::Unknown,
    Hold::Declined,
    Hold::Foreign,
    Hold::Unreadable,
    Hold::NotSeen,
    Hold::Half,
    Hold::NotBack,
    Hold::Interrupted,
    Hold::OldSideSick,
    Hold::NotAsBefore,
];

const STAGES: [Stage; 8] = [
    Stage::Compare,
    Stage::Write,
    Stage::InFlight,
    Stage::Answered(Said::Done),
    Stage::Answered(Said::Refused),
    Stage::Answered(Said::Unclear),
    Stage::Answered(Said::PutBack),
    Stage::Answered(Said::Declined),
];

const MARKS: [Mark; 8] = [
    Mark::None,
    Mark::Standing,
    Mark::Claimed,
    Mark::Unneeded,
    Mark::Back,
    Mark::Unmade,
    Mark::Left,
    Mark::Shared,
];

/// Where a value stands in its list.
fn code<T: PartialEq>(list: &[T], value: T) -> u8 {
    let at = list.iter().position(|one| *one == value);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

/// The same, where there may be none: that is 0.
fn code_or_0<T: PartialEq>(list: &[T], value: Option<T>) -> u8 {
    value.map_or(0, |value| code(list, value) + 1)
}

fn value<T: Copy>(list: &[T], code: u8) -> Option<T> {
    list.get(usize::from(code)).copied()
}

fn value_or_none<T: Copy>(list: &[T], code: u8) -> Option<T> {
    value(list, code.wrapping_sub(1))
}

/// Appends equal neighbours as one: the value, and for more than one of them how many. Values must be below
/// 128. The same values always become the same bytes.
fn pack_runs(mut values: impl Iterator<Item = u8>, out: &mut Vec<u8>) {
    let Some(mut same) = values.next() else {
        return;
    };
    let mut count = 1;
    for value in values {
        if value == same {
            count += 1;
        } else {
            pack_run(same, count, out);
            (same, count) = (value, 1);
        }
    }
    pack_run(same, count, out);
}

fn pack_run(value: u8, count: u16, out: &mut Vec<u8>) {
    match count {
        1 => out.push(value),
        _ => {
            out.push(value | 0x80);
            pack_number(count, out);
        }
    }
}

/// Takes runs back until there are `count` values, and hands each run to `take`. `None` where bytes are
/// missing.
fn unpack_runs(
    bytes: &mut &[u8],
    count: usize,
    mut take: impl FnMut(Range<usize>, u8),
) -> Option<()> {
    let mut at = 0;
    while at < count {
        let first = byte(bytes)?;
        let times = match first & 0x80 {
            0 => 1,
            _ => usize::from(unpack_number(bytes)?),
        };
        let end = count.min(at + times);
        take(at..end, first & 0x7f);
        at = end;
    }
    Some(())
}

/// Appends a number: one byte below 128, two below 16,384, then three.
pub fn pack_number(number: u16, out: &mut Vec<u8>) {
    let mut left = number;
    while left >= 0x80 {
        out.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

/// Takes a number back.
pub fn unpack_number(bytes: &mut &[u8]) -> Option<u16> {
    let mut number = 0;
    for shift in [0, 7, 14] {
        let next = byte(bytes)?;
        number |= u16::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes one byte off the front.
pub fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

impl State {
    /// Appends the state to `out`. `writers` are the entries of the plan that write: no other has a mark. Beside
    /// the mark of each go four bits of the caller's.
    /// Equal states of one plan become equal bytes, different states different ones.
    pub fn pack(&self, writers: &[u16], beside: impl Fn(usize) -> u8, out: &mut Vec<u8>) {
        let stage = code_or_0(&STAGES, self.motion.map(|motion| motion.stage));
        let back = self.motion.is_some_and(|m| m.way == Way::Back);
        let [held, closing, ended] = [
            code_or_0(&HOLDS, self.held),
            code_or_0(&Ending::ALL, self.closing),
            code_or_0(&Ending::ALL, self.ended),
        ];
        let flags = [
            self.baseline,
            self.stopping,
            self.turning,
            self.unseen,
            self.wrote,
        ];
        let flags = (flags.iter().enumerate()).fold(0, |all, (i, flag)| all | u8::from(*flag) << i);
        out.push(code(&PHASES, self.phase) | held << 4);
        out.push(closing | ended << 3 | u8::from(back) << 6 | u8::from(self.left) << 7);
        out.push(flags | (stage & 0b111) << 5);
        pack_number(self.at, out);
        pack_number(self.reached, out);
        out.push(
            u8::from(self.stood)
                | u8::from(self.stayed.is_some()) << 1
                | u8::from(self.looks_anew) << 2
                | u8::from(self.remains) << 3
                | u8::from(self.returned) << 4
                | (stage >> 3) << 5
                | u8::from(self.shares) << 6,
        );
        if let Some(Stayed { phase, at, ended }) = self.stayed {
            out.push(code(&PHASES, phase) | code_or_0(&Ending::ALL, ended) << 4);
            pack_number(at, out);
        }
        if let Some(motion) = self.motion {
            pack_number(motion.entry, out);
            out.push(motion.tries | u8::from(motion.tried_before) << 7);
        }
        // In the order of `MARKS`; a search spends a good part of its time here.
        let both = |i: &u16| {
            let i = usize::from(*i);
            self.mark(i) as u8 | (beside(i) & 0xf) << 3
        };
        pack_runs(writers.iter().map(both), out);
    }

    /// Takes a state of the same plan back from the front of `bytes`, and hands what was beside the mark of each
    /// writer to `beside`. `None` where they are no state.
    pub fn unpack(
        &mut self,
        writers: &[u16],
        bytes: &mut &[u8],
        mut beside: impl FnMut(usize, u8),
    ) -> Option<()> {
        let (first, second, third) = (byte(bytes)?, byte(bytes)?, byte(bytes)?);
        self.phase = value(&PHASES, first & 0xf)?;
        self.held = value_or_none(&HOLDS, first >> 4);
        self.closing = value_or_none(&Ending::ALL, second & 0b111);
        self.ended = value_or_none(&Ending::ALL, second >> 3 & 0b111);
        let flag = |i: u8| third >> i & 1 == 1;
        self.baseline = flag(0);
        self.stopping = flag(1);
        self.turning = flag(2);
        self.unseen = flag(3);
        self.wrote = flag(4);
        self.left = second >> 7 == 1;
        self.at = unpack_number(bytes)?;
        self.reached = unpack_number(bytes)?;
        let fourth = byte(bytes)?;
        self.stood = fourth & 1 == 1;
        self.looks_anew = fourth >> 2 & 1 == 1;
        self.remains = fourth >> 3 & 1 == 1;
        self.returned = fourth >> 4 & 1 == 1;
        self.shares = fourth >> 6 & 1 == 1;
        self.stayed = match fourth >> 1 & 1 {
            0 => None,
            _ => {
                let both = byte(bytes)?;
                Some(Stayed {
                    phase: value(&PHASES, both & 0xf)?,
                    ended: value_or_none(&Ending::ALL, both >> 4),
                    at: unpack_number(bytes)?,
                })
            }
        };
        self.motion = match value_or_none(&STAGES, third >> 5 | (fourth >> 5 & 1) << 3) {
            None => None,
            Some(stage) => {
                let entry = unpack_number(bytes)?;
                let tries = byte(bytes)?;
                Some(Motion {
                    entry,
                    way: match second >> 6 & 1 {
                        0 => Way::There,
                        _ => Way::Back,
                    },
                    stage,
                    tries: tries & 0x7f,
                    tried_before: tries >> 7 == 1,
                })
            }
        };
        let marks = &mut self.marks;
        unpack_runs(bytes, writers.len(), |run, both| {
            let mark = value(&MARKS, both & 0b111).unwrap_or(Mark::None);
            for i in writers[run].iter().map(|i| usize::from(*i)) {
                if let Some(slot) = marks.get_mut(i) {
                    *slot = mark;
                    beside(i, both >> 3);
                }
            }
        })
    }
}
