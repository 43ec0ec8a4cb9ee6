//! Where a change is, as its place was read with no write of the run since.

use super::{Change, Standing, Tally};
use crate::event::{Event, Finding, Round};
use crate::machine::Mark;
use crate::plan::{Entry, Nature, Outcome, Side};

impl Change {
    /// Where it is, as its place was read without a write since.
    fn holding(&self, side: Side) -> Standing {
        match side {
            Side::After if self.intents == 0 => Standing::Already,
            // Of what this run never wrote, nothing stands.
            _ if self.intents == 0 => Standing::Untouched,
            Side::After => Standing::Stands,
            Side::Before if self.stood || self.standing == Standing::PutBack => Standing::PutBack,
            Side::Before => Standing::Untouched,
            Side::Mixed => Standing::Half,
            Side::Foreign if self.standing == Standing::Torn => Standing::Torn,
            Side::Foreign => Standing::Foreign,
        }
    }
}

impl Tally {
    /// What the place of a change was read to hold, after its write or its way back was seen.
    pub(super) fn read(&mut self, entry: usize, finding: &Finding) {
        let is_place = |entry: &Entry| matches!(entry.nature, Nature::Change(_));
        if !self.entry(entry).is_some_and(is_place) {
            return;
        }
        let change = self.changes.entry(entry).or_default();
        change.standing = match finding.side {
            Some(side) => change.holding(side),
            // It could not be read: what was seen before is all that is known.
            None => return,
        };
    }

    /// Somebody goes on with the run: what its places hold by now is not known. Of an act nothing can be read.
    pub(super) fn forget_reading(&mut self) {
        let changes = self.changes.keys().copied();
        let is_place = |entry: &Entry| matches!(entry.nature, Nature::Change(_));
        self.unread = changes
            .filter(|i| self.entry(*i).is_some_and(is_place))
            .collect();
    }

    /// Which places an event tells of, as they are now.
    pub(super) fn note_reading(&mut self, event: &Event) {
        match event {
            Event::Looked { entry, finding, .. } if finding.side.is_some() => {
                self.unread.remove(entry);
            }
            Event::Overtaken { entry, .. } => {
                self.unread.remove(entry);
            }
            Event::Compared { entry, side, .. } | Event::Settled { entry, side, .. }
                if side.is_some() =>
            {
                self.unread.remove(entry);
            }
            Event::Judged { outcomes, .. } => {
                for (entry, _) in outcomes.iter().filter(|of| of.1 == Outcome::Pass) {
                    self.unread.remove(entry);
                }
            }
            _ => {}
        }
    }

    /// Whether what is known of the place of a change was read before the run was last resumed, and not since.
    pub fn is_from_before(&self, entry: usize) -> bool {
        use Standing::{Already, Foreign, Half, PutBack, Stands, Torn};
        self.unread.contains(&entry)
            && matches!(
                self.standing(entry),
                Already | Foreign | Half | PutBack | Stands | Torn
            )
    }

    /// The places that hold what they should are told by this alone.
    pub(super) fn hold(&mut self, round: Round, entry: usize) {
        if self.entry(entry).is_none_or(Entry::is_check) {
            return;
        }
        self.findings.remove(&(round, entry));
        let claims = self.mark(entry).and_then(Mark::claims);
        if let (Some(side), Some(change)) = (claims, self.changes.get_mut(&entry)) {
            change.standing = change.holding(side);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Decision, Ending, Fact};
    use crate::plan::{Mode, Way};
    use crate::report::fixture::{FLIP, PUBLIC, PUBLISHED, Story, TRAFFIC, WORKS, pass, plan};
    use crate::report::{Names, Style, card, render};

    /// A failover that was put back, and whose place was read with this finding once all else was seen as before.
    fn put_back(reread: Finding) -> Story {
        let mut story = Story::of(plan(Mode::Failover));
        let checks = || {
            let of = |entry| (entry, pass("as before"));
            vec![of(PUBLISHED), of(PUBLIC), of(TRAFFIC)]
        };
        story
            .baseline()
            .ready(Round::There)
            .flip(Way::There)
            .moved(Round::There)
            .says(Event::Judged {
                round: Round::There,
                outcomes: vec![(FLIP, Outcome::Pass)],
            })
            .says(Event::Ended {
                ending: Ending::Done,
            })
            .says(Event::Decided {
                decision: Decision::Back,
                by: "root@ops1".into(),
                parts: true,
            })
            .batch(Round::Probe, vec![(WORKS, pass("4 probes pass"))])
            .flip(Way::Back);
        for (entry, finding) in checks() {
            let round = Round::Verify;
            story.says(Event::Looked {
                entry,
                round,
                finding,
            });
        }
        let all = [FLIP, PUBLISHED, PUBLIC, TRAFFIC];
        story.says(Event::Judged {
            round: Round::Verify,
            outcomes: all.map(|entry| (entry, Outcome::Pass)).to_vec(),
        });
        story.batch(Round::Verify, vec![(FLIP, reread)]);
        story
    }

    fn told(story: &Story) -> String {
        let style = Style::plain();
        let names = Names::new("r1", "raspbian");
        render(&card(&Tally::of(&story.records), &names, &style), &style)
    }

    #[test]
    fn a_place_is_as_it_was_last_read() {
        let holds = |side| Finding::new(Outcome::Fail, "`x` holds something else").side(side);
        let cases = [
            (Side::Foreign, Standing::Foreign, "changed by somebody else"),
            (Side::Mixed, Standing::Half, "only part of it stands"),
            (Side::After, Standing::Stands, "stands"),
        ];
        for (side, standing, words) in cases {
            let mut story = put_back(holds(side));
            assert_eq!(Tally::of(&story.records).standing(FLIP), standing);
            story
                .says(Event::Decided {
                    decision: Decision::Stop,
                    by: "nobody".into(),
                    parts: true,
                })
                .says(Event::Ended {
                    ending: Ending::Held,
                });
            let card = told(&story);
            assert!(card.contains(words), "{card}");
            assert!(!card.contains("as before\n"), "{card}");
            // It goes back to nothing of this run: what others wrote is not written over.
            assert!(Tally::of(&story.records).entries_to_put_back().is_empty());
        }
    }

    #[test]
    fn what_was_put_back_and_not_all_seen_is_not_said_to_be_as_before() {
        let untold = Fact {
            outcome: Outcome::Unknown,
            what: "ns2".into(),
            expected: String::new(),
            actual: "no answer".into(),
        };
        for (outcome, facts, unseen) in [
            (Outcome::Warn, vec![], false),
            // What only warns and could not tell all is no proof, as on the way there.
            (Outcome::Warn, vec![untold], true),
            (Outcome::Late, vec![], true),
        ] {
            let mut story = put_back(pass("as it should"));
            let late = Event::Looked {
                entry: TRAFFIC,
                round: Round::Verify,
                finding: Finding::new(outcome, "12% of the rate arrives").facts(facts),
            };
            let at = story.records.iter().rposition(
                |record| matches!(&record.event, Event::Looked { entry, .. } if *entry == TRAFFIC),
            );
            story.records[at.unwrap()].event = late;
            story.says(Event::Ended {
                ending: Ending::Undone,
            });
            let tally = Tally::of(&story.records);
            assert_eq!(tally.is_undone_unseen(), unseen);
            let card = told(&story);
            assert_eq!(
                card.contains("everything is as it was before"),
                !unseen,
                "{card}"
            );
            assert_eq!(
                card.contains("put back, but not everything was seen"),
                unseen
            );
        }
    }

    #[test]
    fn of_a_resumed_run_only_what_was_read_since_is_claimed() {
        let there = || {
            let mut story = Story::of(plan(Mode::Failover));
            story.baseline().ready(Round::There).flip(Way::There);
            story
        };
        let resumed = || Event::Resumed {
            by: "root@ops1".into(),
            version: "0.2.0".into(),
            anew: true,
        };
        let read = |side| Event::Looked {
            entry: FLIP,
            round: Round::There,
            finding: pass("read").side(side),
        };
        let late = || {
            let late = Finding::new(Outcome::Late, "1 server has other records");
            Event::Looked {
                entry: PUBLISHED,
                round: Round::There,
                finding: late,
            }
        };
        let told_of = |events: Vec<Event>, ending| {
            let mut story = there();
            for event in events {
                story.says(event);
            }
            story.says(Event::Ended { ending });
            told(&story)
        };
        let before = "stood when it was last read, before it was resumed";
        for ending in [Ending::Held, Ending::Stopped] {
            // Who is resumed and reads nothing claims nothing of now, whatever the checks say.
            for events in [vec![resumed()], vec![resumed(), late()]] {
                let card = told_of(events, ending).replace('\n', " ");
                let words: Vec<&str> = card.split_whitespace().collect();
                let card = words.join(" ");
                assert!(card.contains(&format!("example {before}")), "{card}");
                assert!(!card.contains("the change stands"), "{card}");
            }
            let card = told_of(vec![resumed(), late(), read(Side::After)], ending);
            assert!(card.contains("the change stands"), "{card}");
            assert!(!card.contains("last read"), "{card}");
            // Once more, and it is long ago again.
            let card = told_of(vec![resumed(), read(Side::After), resumed()], ending);
            assert!(card.contains("stood when it was"), "{card}");
            let card = told_of(vec![], ending);
            assert!(card.contains("the change stands"), "{card}");
        }
        // The way back of a run that had ended is no other.
        let mut story = there();
        story
            .says(Event::Ended {
                ending: Ending::Done,
            })
            .says(Event::Decided {
                decision: Decision::Back,
                by: "root@ops1".into(),
                parts: true,
            })
            .says(Event::Ended {
                ending: Ending::Stopped,
            });
        let card = told(&story);
        assert!(card.contains("stood when it was"), "{card}");
    }

    #[test]
    fn what_holds_again_what_it_should_is_as_before() {
        let bad = Finding::new(Outcome::Fail, "`x` holds something else").side(Side::Foreign);
        let mut story = put_back(bad);
        assert!(Tally::of(&story.records).anything_stands());
        story.says(Event::Decided {
            decision: Decision::Again,
            by: "root@ops1".into(),
            parts: true,
        });
        let all = [FLIP, PUBLISHED, PUBLIC, TRAFFIC];
        story.says(Event::Judged {
            round: Round::Verify,
            outcomes: all.map(|entry| (entry, Outcome::Pass)).to_vec(),
        });
        let tally = Tally::of(&story.records);
        assert_eq!(tally.standing(FLIP), Standing::PutBack);
        assert!(tally.finding(Round::Verify, FLIP).is_none());
    }
}
