//! One change of a run: compared, written or put back, and settled.

use std::borrow::Cow;
use std::time::Duration;

use super::{Outfit, Run, RunError};
use crate::clock::Stamp;
use crate::engine::look::within;
use crate::engine::people::People;
use crate::engine::settle::{Settling, describe, settle};
use crate::engine::world::{Memory, World};
use crate::event::{Answer, Event};
use crate::journal::{Intent, Journal, JournalError, Permit};
use crate::machine::{Doubt, Impossible, Mark, Phase, Said, Stage};
use crate::plan::{Direction, Edit, Entry, Nature, Place, Side, Value, Way};
use crate::site::Aim;

/// What became of an intent.
enum Written {
    Answer(Answer),
    WouldBe,
    NoSpace,
}

/// Of a write that was never sent a look shows that nothing was written, and it is written again; of an act nothing
/// can be looked at, so that it is said to have done nothing.
fn unsent(entry: &Entry) -> Answer {
    let why = "it took too long to record the intent, so nothing was sent".to_owned();
    match entry.nature {
        Nature::Act(_) => Answer::Refused { why },
        _ => Answer::Unclear { why },
    }
}

/// Until when what is on its way to the place of an entry may land; now, where nothing of it is. After a reboot only the
/// wall clock tells, and it may be wrong by years: no intent lasts longer than `longest`.
fn lands_until(
    on_its_way: Option<&(usize, Stamp)>,
    index: usize,
    now: &Stamp,
    longest: Duration,
) -> Stamp {
    match on_its_way.filter(|(of, _)| *of == index) {
        Some((_, until)) if until.left(now) <= longest => until.clone(),
        Some(_) => now.plus(longest),
        None => now.clone(),
    }
}

impl<W: World, M, P> Outfit<'_, W, M, P> {
    /// Writes or acts, under the time-out of the entry. Whoever gives no answer may have done it.
    async fn answer(&self, entry: &Entry, direction: &Direction, permit: Permit<'_>) -> Answer {
        // The side that an act serves is the same on both ways; what it does there is not.
        let aim = match permit.way() {
            Way::There => Aim::there(direction, false),
            Way::Back => Aim::back(direction, false),
        };
        // A slow disk has used up some of the time in which the write may land.
        let left = permit.until().left(&self.world.clock().now());
        let time = left.saturating_sub(self.world.landing(entry));
        if time.is_zero() {
            return unsent(entry);
        }
        let writing = match entry.nature {
            Nature::Act(_) => self.world.act(entry, &aim, permit),
            _ => self.world.write(entry, permit),
        };
        let answer = tokio::time::timeout(time, writing).await;
        answer.unwrap_or_else(|_| Answer::Unclear {
            why: format!("no answer within {}", crate::clock::short(time)),
        })
    }
}

impl<'r, J: Journal, W: World, M: Memory, P: People> Run<'r, J, W, M, P> {
    /// The change of an entry: as it was made, where another TTL was stored than was asked.
    pub(super) fn edit(&self, entry: usize) -> Option<Cow<'r, Edit>> {
        if let Some(made) = self.made.get(&entry) {
            return Some(Cow::Owned(made.clone()));
        }
        match &self.plan.entries[entry].nature {
            Nature::Change(edit) => Some(Cow::Borrowed(edit)),
            _ => None,
        }
    }

    /// Keeps what the place of the present motion was seen to hold; of one of which somebody else wrote parts that are
    /// left, what is ours.
    pub(super) fn keep(&mut self, entry: usize, way: Way, edit: &Edit, seen: Option<Value>) {
        (self.seen, self.ours) = match seen {
            Some(seen) if self.leaves_parts(entry, way) => {
                let (ours, seen) = edit.ours(&seen);
                (Some(seen), Some(ours))
            }
            seen => (seen, None),
        };
    }

    /// Whether what somebody else wrote of the place of an entry is left when the rest of it goes back.
    pub(super) fn leaves_parts(&self, entry: usize, way: Way) -> bool {
        way == Way::Back && self.state.mark(entry) == Mark::Shared
    }

    pub(super) async fn compare(&mut self, index: usize, way: Way) -> Result<(), RunError> {
        let (side, detail) = match self.edit(index) {
            // Nothing can be read back of an act, so there is nothing to compare.
            None => (None, None),
            Some(edit) => {
                let entry = &self.plan.entries[index];
                let read = self.outfit.world.read(entry, &edit);
                match within(entry.pace.timeout, read).await {
                    Ok(seen) => {
                        let expected = match way {
                            Way::There => Side::Before,
                            Way::Back => Side::After,
                        };
                        let torn = self.places.is_torn(index);
                        let detail = describe(edit.side(&seen), &edit, expected, &seen, torn);
                        let side = match self.leaves_parts(index, way) {
                            true => edit.side_of_ours(&seen),
                            false => edit.side(&seen),
                        };
                        self.keep(index, way, &edit, Some(seen));
                        (Some(side), detail)
                    }
                    Err(unseen) => (None, Some(unseen.detail)),
                }
            }
        };
        self.record(Event::Compared {
            entry: index,
            way,
            side,
            detail,
        })
        .await
    }

    pub(super) async fn write(&mut self, index: usize, way: Way) -> Result<(), RunError> {
        let entry = &self.plan.entries[index];
        let edit = match self.ours.take() {
            Some(ours) => Some(Cow::Owned(ours)),
            None => self.edit(index),
        };
        let (place, from, to) = match edit {
            Some(edit) => {
                let (from, to) = edit.along(way);
                // What reads as if it were written already is an old copy: it is written from what it should be.
                let there = match way {
                    Way::There => Side::After,
                    Way::Back => Side::Before,
                };
                let seen = self.seen.take().filter(|seen| edit.side(seen) != there);
                let from = seen.unwrap_or_else(|| from.clone());
                (edit.place.clone(), from, to.clone())
            }
            None => {
                let place = Place {
                    step: entry.step.clone(),
                    name: "act".to_owned(),
                };
                (place, Value::default(), Value::default())
            }
        };
        let world = self.outfit.world;
        let until = world
            .clock()
            .now()
            .plus(entry.pace.timeout + world.landing(entry));
        let intended = Event::Intended {
            entry: index,
            way,
            from: from.clone(),
            to: to.clone(),
            until: until.clone(),
        };
        let intent = Intent {
            entry: index,
            place,
            way,
            from,
            to,
            until,
        };
        let said = match self.journal.intend(intent).await {
            Ok(Some(leave)) => Written::Answer(
                self.outfit
                    .answer(entry, &self.plan.direction, leave.into())
                    .await,
            ),
            Ok(None) => Written::WouldBe,
            Err(JournalError::Full) => Written::NoSpace,
            Err(error) => return Err(error.into()),
        };
        match said {
            Written::Answer(answer) => {
                self.take_in(&intended)?;
                self.record(Event::Answered {
                    entry: index,
                    way,
                    answer,
                })
                .await
            }
            // The dry journal has recorded it.
            Written::WouldBe => self.take_in(&Event::WouldChange { entry: index }),
            // What is kept in reserve is for the way back: the run stops, and can be resumed or put back.
            Written::NoSpace => {
                let by = "the full disk".to_owned();
                self.record(Event::StopAsked { by }).await
            }
        }
    }

    /// What is looked for behind the write of an entry.
    pub(super) fn settling<'e>(
        &'e self,
        index: usize,
        way: Way,
        edit: &'e Edit,
        until: &'e Stamp,
    ) -> Settling<'e> {
        let stage = self.state.motion().map(|motion| motion.stage);
        let unknown = [Stage::InFlight, Stage::Answered(Said::Unclear)];
        let no = [Said::Refused, Said::PutBack].map(Stage::Answered);
        Settling {
            entry: &self.plan.entries[index],
            edit,
            way,
            leaves_parts: self.leaves_parts(index, way),
            torn: self.places.is_torn(index) || stage.is_some_and(|stage| unknown.contains(&stage)),
            said_done: stage == Some(Stage::Answered(Said::Done)),
            said_no: stage.is_some_and(|stage| no.contains(&stage)),
            no_stored_ttl: self.state.phase() == Phase::Confirm
                || self.state.doubts(index) == Some(Doubt::Refused),
            until,
        }
    }

    pub(super) async fn settle(&mut self, index: usize, way: Way) -> Result<(), RunError> {
        let Some(edit) = self.edit(index) else {
            // An act in flight is met only by a resume, which decides without looking.
            return Err(Impossible { event: "settled" }.into());
        };
        let entry = &self.plan.entries[index];
        let now = self.outfit.world.clock().now();
        let longest = entry.pace.timeout + self.outfit.world.landing(entry);
        let until = lands_until(self.until.as_ref(), index, &now, longest);
        let settling = self.settling(index, way, &edit, &until);
        settling.announce(index, &self.outfit.pulses);
        let outfit = &self.outfit;
        let Some(settlement) = settle(outfit.world, &settling, &outfit.stop, &outfit.pulses).await
        else {
            return Err(RunError::CutOff);
        };
        let (side, detail) = (settlement.side, settlement.detail);
        let holds_new = |seen: &Value| edit.sides(seen).any(|(_, side)| side == Side::After);
        let event = match side.filter(|_| self.state.is_overtaken(index, side)) {
            Some(side) => Event::Overtaken {
                entry: index,
                // Beside what is neither value there may be what was to be written.
                side: match (side, &settlement.seen) {
                    (Side::Foreign, Some(seen)) if holds_new(seen) => Side::Mixed,
                    _ => side,
                },
                detail,
            },
            None => Event::Settled {
                entry: index,
                way,
                side,
                detail,
                stored: settlement.stored,
            },
        };
        self.keep(index, way, &edit, settlement.seen);
        self.record(event).await
    }
}

#[cfg(test)]
mod tests;
