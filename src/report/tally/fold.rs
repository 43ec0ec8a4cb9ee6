//! What each record adds to the sum of a run.

use super::{Because, Origin, Standing, Tally};
use crate::clock::Stamp;
use crate::event::{Answer, Decision, Ending, Event, Record, Round};
use crate::machine::{Doubt, Mark, Phase, State};
use crate::plan::{Entry, Nature, Outcome, Plan, Question, Side, Value, Way};
use crate::report::say::{
    NEITHER, contradiction, ends, is_act, overtaken, round_prefix, with_detail, would_be_refused,
};

impl Tally {
    /// Takes in the next record.
    pub fn fold(&mut self, record: &Record) {
        // What is said of a run afterwards makes it no longer.
        if !matches!(record.event, Event::StaysSo { .. }) {
            self.last = Some(record.at.clone());
        }
        match &record.event {
            Event::Started { plan, by, .. } => {
                self.plan = Some(plan.clone());
                self.by.clone_from(by);
                self.started = Some(record.at.clone());
                self.state = Some(State::new(plan));
            }
            Event::Looked {
                entry,
                round,
                finding,
            } => {
                self.looked(*entry, *round, finding.outcome);
                if *round == Round::There && finding.data_age.is_some() {
                    self.aged.insert(*entry, record.at.clone());
                }
                self.read(*entry, finding);
                self.findings.insert((*round, *entry), finding.clone());
            }
            Event::Judged { round, outcomes } => self.judged(&record.at, *round, outcomes),
            Event::Compared {
                entry,
                way,
                side,
                detail,
            } => {
                self.compared(*entry, *way, *side, detail.as_deref());
            }
            Event::Intended { entry, way, .. } => {
                self.serving.clear();
                if *way == Way::There {
                    self.wrote.get_or_insert_with(|| record.at.clone());
                }
                let change = self.changes.entry(*entry).or_default();
                change.intents = change.intents.saturating_add(1);
                change.open = true;
                change.refused_and_so = false;
                change.standing = Standing::Unclear;
            }
            Event::Answered { entry, way, answer } => {
                self.answered(&record.at, *entry, *way, answer);
            }
            Event::Settled {
                entry,
                way,
                side,
                detail,
                stored,
            } => {
                self.take_over(*entry, *way, *side, stored);
                let other_ttl = !stored.is_empty();
                self.settled(
                    &record.at,
                    *entry,
                    *way,
                    *side,
                    detail.as_deref(),
                    other_ttl,
                );
            }
            Event::Overtaken {
                entry,
                side,
                detail,
            } => {
                let refused = self.state.as_ref().is_some_and(State::was_refused);
                let change = self.changes.entry(*entry).or_default();
                // Whose it is cannot be told.
                change.refused_and_so = Doubt::Refused.is_about(*side);
                change.standing = match change.refused_and_so {
                    true => Standing::Contradicted,
                    false => Standing::Foreign,
                };
                if refused && !change.refused_and_so {
                    change.intents = change.intents.saturating_sub(1);
                }
                let detail = detail.clone().or_else(|| change.unclear.take());
                let text = with_detail(overtaken(*side), detail.as_deref());
                let origin = Origin::Wrote(Way::There);
                self.blame(Some(*entry), origin, Outcome::Fail, text);
            }
            Event::Waited { .. } => self.moved_on(&record.at, Way::There),
            Event::Approved { entry, yes, by } => {
                if *yes {
                    self.moved_on(&record.at, Way::There);
                } else {
                    self.blame(
                        Some(*entry),
                        Origin::Person,
                        Outcome::Fail,
                        format!("declined by {by}"),
                    );
                }
            }
            Event::HoldOver { .. } => {
                self.arrived = true;
                self.hold_over = Some(record.at.clone());
            }
            Event::Decided { decision, by, .. } => {
                self.reopen();
                match decision {
                    Decision::On => {
                        self.accepted_by = Some(by.clone());
                        self.because.clear();
                        self.moved_on(&record.at, Way::There);
                    }
                    Decision::Again | Decision::Stay => self.because.clear(),
                    Decision::Back => self.blame(
                        None,
                        Origin::Person,
                        Outcome::Warn,
                        format!("{by} decided to go back"),
                    ),
                    Decision::Stop => self.blame(
                        None,
                        Origin::Person,
                        Outcome::Warn,
                        format!("{by} decided to leave it as it is"),
                    ),
                }
            }
            Event::StopAsked { by } => {
                self.blame(
                    None,
                    Origin::Person,
                    Outcome::Warn,
                    format!("{by} asked the run to stop"),
                );
            }
            Event::Resumed { .. } => {
                self.reopen();
                // It may be long ago.
                self.serving.clear();
                self.forget_reading();
                // What led back still leads back; that somebody asked to stop is over.
                (self.because).retain(|because| because.origin != Origin::Person);
            }
            Event::Barred { why, .. } => {
                let text = would_be_refused(why);
                self.blame(None, Origin::Looked(Round::There), Outcome::Fail, text);
            }
            Event::Owes { owed } => match self.owed.iter_mut().find(|o| o.key == owed.key) {
                Some(known) => known.clone_from(owed),
                None => self.owed.push(owed.clone()),
            },
            Event::StaysSo {
                key,
                by,
                reason,
                holds,
                what,
            } => {
                self.let_stay(key, (by, reason), holds.clone(), what.as_deref());
            }
            Event::Ended { ending } => {
                self.ending = Some(*ending);
                if matches!(ending, Ending::Done | Ending::DoneUnproven) {
                    self.arrived = true;
                    self.unproven = *ending == Ending::DoneUnproven;
                }
            }
            Event::BaselineTaken { .. } | Event::WouldChange { .. } => {}
        }
        self.note_reading(&record.event);
        let shared = match record.event {
            Event::Compared { entry, .. } | Event::Settled { entry, .. } => {
                self.mark(entry) == Some(Mark::Shared)
            }
            _ => false,
        };
        let remained = self.remains();
        let doubted = self.in_doubt();
        self.follow(&record.event);
        self.leave_in_doubt(&doubted);
        if self.remains() && !remained {
            // What the old side showed says nothing of where it remains, and what was seen there may be long ago.
            (self.findings).retain(|(round, _), _| !matches!(round, Round::Probe | Round::Return));
            self.because.clear();
            self.serving.clear();
        }
        if let Event::Compared { entry, .. } | Event::Settled { entry, .. } = record.event
            && shared
            && self.mark(entry) == Some(Mark::Left)
        {
            // What was ours is put back, as far as is known.
            let change = self.changes.entry(entry).or_default();
            change.standing = match change.left_in_doubt {
                true => Standing::Contradicted,
                false => Standing::Foreign,
            };
        }
        match record.event {
            Event::Settled { entry, way, .. } => self.contradict(entry, way),
            Event::Compared { entry, .. } => self.keep_doubt(entry),
            _ => {}
        }
    }

    pub(super) fn mark(&self, entry: usize) -> Option<Mark> {
        self.state.as_ref().map(|state| state.mark(entry))
    }

    /// What the place shows after a write proves nothing where its word says otherwise.
    fn contradict(&mut self, entry: usize, way: Way) {
        self.keep_doubt(entry);
        let Some(doubt) = self.state.as_ref().and_then(contradiction) else {
            return;
        };
        let change = self.changes.entry(entry).or_default();
        change.standing = Standing::Contradicted;
        let origin = Origin::Wrote(way);
        self.overtake(entry, origin);
        self.blame(Some(entry), origin, Outcome::Unknown, doubt.text);
    }

    /// What comes back leads from what was really stored.
    fn take_over(&mut self, entry: usize, way: Way, side: Option<Side>, stored: &Value) {
        let made = way == Way::There && matches!(side, Some(Side::After | Side::Mixed));
        let entry = self
            .plan
            .as_mut()
            .and_then(|plan| plan.entries.get_mut(entry));
        if let Some(Nature::Change(edit)) = entry.map(|entry| &mut entry.nature)
            && made
        {
            edit.take_over(stored);
        }
    }

    /// The way there is over once the machine has left it for what comes behind it.
    fn follow(&mut self, event: &Event) {
        let (Some(plan), Some(state)) = (&self.plan, &mut self.state) else {
            return;
        };
        let there = matches!(state.phase(), Phase::Forward);
        if state.fold(plan, event).is_err() {
            self.state = None;
            return;
        }
        let behind = matches!(state.phase(), Phase::Stay | Phase::Return | Phase::Tidy);
        self.arrived |= there && behind;
    }

    /// What a check of the services saw of which side serves, or what a probe of a side saw of it.
    fn looked(&mut self, entry: usize, round: Round, outcome: Outcome) {
        let tells = |of: &Entry| of.answers == Some(Question::Moves) || of.probes_old_side;
        if !self.entry(entry).is_some_and(tells) {
            return;
        }
        let way = match round {
            Round::There => Way::There,
            Round::Return | Round::Verify => Way::Back,
            Round::Probe => return,
        };
        self.serving.insert(entry, (way, outcome));
    }

    /// A run that had ended goes on: what it leaves to be done is said anew at its next end.
    fn reopen(&mut self) {
        if self.ending.take().is_some() {
            self.owed.clear();
            self.stays.clear();
            self.forget_reading();
        }
    }

    fn judged(&mut self, at: &Stamp, round: Round, outcomes: &[(usize, Outcome)]) {
        if round == Round::There {
            self.moved_on(at, Way::There);
        }
        let origin = Origin::Looked(round);
        for (i, outcome) in outcomes {
            self.overtake(*i, origin);
            if *outcome == Outcome::Pass {
                self.hold(round, *i);
            }
            let stops = |plan: &&Plan| match &self.state {
                Some(state) => state.stops(plan, round, *i, *outcome),
                // Of records that do not fit together all that is not good is told.
                None => *outcome > Outcome::Warn,
            };
            let stopped = self.plan().filter(stops);
            let Some(entry) = stopped.and_then(|plan| plan.entries.get(*i)) else {
                continue;
            };
            let subject = entry.id.clone();
            let finding = self.findings.get(&(round, *i));
            let prefix = round_prefix(round);
            let because = Because {
                origin,
                text: format!(
                    "{prefix}{}",
                    finding.map_or("no finding on record", |f| f.headline.as_str())
                ),
                facts: (finding.iter())
                    .flat_map(|finding| &finding.facts)
                    .filter(|fact| fact.outcome > Outcome::Warn)
                    .cloned()
                    .collect(),
                advice: finding.map_or_else(Vec::new, |finding| finding.advice.clone()),
                outcome: *outcome,
                subject,
            };
            self.because.push(because);
        }
    }

    fn compared(&mut self, entry: usize, way: Way, side: Option<Side>, detail: Option<&str>) {
        if self.plan.as_ref().is_some_and(|plan| is_act(plan, entry)) {
            return;
        }
        let (from, to) = ends(way);
        if self.mark(entry) == Some(Mark::Shared)
            && let Some(detail) = detail
        {
            self.overtake(entry, Origin::Wrote(way));
            let text = format!("{detail}; that is left as it is");
            self.blame(Some(entry), Origin::Wrote(way), Outcome::Fail, text);
            return;
        }
        let change = self.changes.entry(entry).or_default();
        match side {
            Some(side) if side == from => {}
            Some(side) if side == to => {
                change.standing = match way {
                    Way::There if change.intents == 0 => Standing::Already,
                    Way::There => Standing::Stands,
                    Way::Back => Standing::PutBack,
                };
                change.stood |= way == Way::There;
                self.overtake(entry, Origin::Wrote(way));
            }
            Some(Side::Mixed) => change.standing = Standing::Half,
            Some(_) => {
                if change.intents > 0 && change.standing != Standing::Torn {
                    change.standing = Standing::Foreign;
                }
                let text = "somebody else has changed it since the plan was made";
                self.blame(
                    Some(entry),
                    Origin::Wrote(way),
                    Outcome::Fail,
                    with_detail(text, detail),
                );
            }
            None => {
                let text = "it could not be read before writing";
                self.blame(
                    Some(entry),
                    Origin::Wrote(way),
                    Outcome::Unknown,
                    with_detail(text, detail),
                );
            }
        }
    }

    fn answered(&mut self, at: &Stamp, entry: usize, way: Way, answer: &Answer) {
        let is_act = self.plan.as_ref().is_some_and(|plan| is_act(plan, entry));
        let change = self.changes.entry(entry).or_default();
        change.unclear = None;
        change.open = matches!(answer, Answer::Unclear { .. });
        // For a moment.
        change.stood |=
            way == Way::There && matches!(answer, Answer::PutBack { .. } | Answer::Partly { .. });
        match answer {
            Answer::Done { .. } => {
                if is_act {
                    change.standing = match way {
                        Way::There => Standing::Stands,
                        Way::Back => Standing::PutBack,
                    };
                    change.stood |= way == Way::There;
                    self.moved_on(at, way);
                }
            }
            Answer::Refused { why }
            | Answer::PutBack { why }
            | Answer::Partly { why }
            | Answer::Declined { why } => {
                if is_act {
                    change.standing = match way {
                        // An earlier try may have happened after all.
                        Way::There if change.intents > 1 => Standing::Unclear,
                        Way::There => Standing::Untouched,
                        Way::Back => Standing::Stands,
                    };
                }
                let text = format!("the write was refused: {why}");
                self.blame(Some(entry), Origin::Wrote(way), Outcome::Fail, text);
            }
            Answer::Unclear { why } => {
                change.unclear = Some(why.clone());
                if is_act {
                    let text = format!("whether it was done could not be told: {why}");
                    self.blame(Some(entry), Origin::Wrote(way), Outcome::Unknown, text);
                }
            }
        }
    }

    fn settled(
        &mut self,
        at: &Stamp,
        entry: usize,
        way: Way,
        side: Option<Side>,
        detail: Option<&str>,
        other_ttl: bool,
    ) {
        let (_, to) = ends(way);
        let is_act = self.plan.as_ref().is_some_and(|plan| is_act(plan, entry));
        let change = self.changes.entry(entry).or_default();
        change.standing = match side {
            Some(Side::After) => Standing::Stands,
            Some(Side::Before) if change.stood || way == Way::Back => Standing::PutBack,
            Some(Side::Before) => Standing::Untouched,
            Some(Side::Mixed) => Standing::Half,
            Some(Side::Foreign) if other_ttl => Standing::Half,
            Some(Side::Foreign) if change.open => Standing::Torn,
            Some(Side::Foreign) => Standing::Foreign,
            None if is_act => change.standing,
            None => Standing::Unclear,
        };
        change.stood |= side == Some(Side::After);
        change.in_part |= way == Way::There && side == Some(Side::Mixed);
        change.in_part &= side != Some(Side::After);
        // What was said when it was written is the cause where nothing came of it.
        let detail = detail.map(str::to_owned).or_else(|| change.unclear.take());
        if side == Some(to) {
            if self.mark(entry) != Some(Mark::Shared) {
                self.overtake(entry, Origin::Wrote(way));
            }
            self.moved_on(at, way);
            return;
        }
        let (outcome, text) = match side {
            Some(Side::Mixed) => (Outcome::Fail, "only part of it was written"),
            Some(Side::Foreign) if other_ttl => (Outcome::Fail, "not as it was asked for"),
            Some(Side::Foreign) => (Outcome::Fail, NEITHER),
            Some(_) if way == Way::There => (Outcome::Fail, "the write had no effect"),
            Some(_) => (Outcome::Fail, "the change was not put back"),
            None if is_act => return,
            None => (Outcome::Unknown, "it could not be read after writing"),
        };
        self.blame(
            Some(entry),
            Origin::Wrote(way),
            outcome,
            with_detail(text, detail.as_deref()),
        );
    }

    fn moved_on(&mut self, at: &Stamp, way: Way) {
        if way == Way::There && !self.arrived && self.ever_wrote() {
            self.forward = Some(at.clone());
        }
    }

    /// Forgets what an earlier fact of the same origin said of an entry.
    fn overtake(&mut self, entry: usize, origin: Origin) {
        let Some(id) = self.entry(entry).map(|entry| entry.id.clone()) else {
            return;
        };
        self.because
            .retain(|because| because.origin != origin || because.subject != id);
    }

    fn blame(&mut self, entry: Option<usize>, origin: Origin, outcome: Outcome, text: String) {
        let subject = entry
            .and_then(|i| self.entry(i))
            .map_or_else(String::new, |entry| entry.id.clone());
        let because = Because {
            origin,
            subject,
            outcome,
            text,
            facts: Vec::new(),
            advice: Vec::new(),
        };
        if !self.because.contains(&because) {
            self.because.push(because);
        }
    }

    pub(super) fn entry(&self, i: usize) -> Option<&Entry> {
        self.plan.as_ref().and_then(|plan| plan.entries.get(i))
    }
}
