//! One answer is no state: behind one address there may be several servers, and one of them may be well. Each probe is
//! asked several times in one look, over a connection of its own each time, and as soon as the answer before came. A server
//! that says then that it is asked too often is asked alone, with pauses: see [`Server`].

use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::said::{Said, said};
use crate::clock::{Clock, Stamp, short};
use crate::event::{Cause, Unseen};
use crate::plan::Outcome;
use crate::site::Probe;
use crate::steps::probe::{Reply, verdict};
use crate::world::asking::{Beside, Room, Server, Showed, Turn};

/// How often one probe is asked again in one look at the most. Where seven answers of ten are bad, five good ones come
/// once in four hundred times.
const AGAIN: usize = 4;

/// After so long nothing is asked again, however quickly it was to be.
const LATEST: Duration = Duration::from_millis(2_500);

/// How many probes at one address tell of it together: about so many questions are asked in one look.
const TOGETHER: usize = 20;

/// How many are many for a server that limits its clients.
const MANY: usize = 10;

/// How many good answers in a row to questions asked alone count after one that said that it is asked too often, where
/// there is no time for more of them.
const SHORT_ROW: u32 = 5;

/// How many answers in a row, of all that are asked beside others at a port, count after one that was refused beside more
/// of them. A server of which one answer of ten is bad gives so many once in 24 times.
const ROW: u32 = 30;

/// So much waiting is told of.
const TELLING: Duration = Duration::from_millis(500);

/// How the probes of a step are asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    again: usize,
    many: bool,
}

impl Pace {
    /// For so many probes at one address. From twenty on they are not asked again.
    pub(super) fn of(probes: usize) -> Pace {
        let again = if probes >= TOGETHER {
            0
        } else {
            (TOGETHER / probes.max(1)).min(AGAIN)
        };
        Pace {
            again,
            many: probes > MANY,
        }
    }
}

/// What the questions of one probe in one look came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Answer {
    /// The worst one that counts.
    pub(super) reply: Reply,
    /// How many came before it that were better.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) better: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) slowly: Option<Slowly>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer {
            reply,
            better: 0,
            slowly: None,
        }
    }
}

/// What came of asking alone, with pauses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Slowly {
    /// It passed, after it had said this.
    Passed(String),
    /// It said once more that it is asked too often.
    Failed,
    /// There was no time for it.
    NoTime,
    /// It wants to be asked again after so many seconds, and the look is over before.
    Later(u64),
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// Who asks what, and until when.
pub(super) struct Asks<'a, F> {
    pub(super) probe: &'a Probe,
    /// Asks once, for so long.
    pub(super) once: F,
    pub(super) server: &'a Server,
    pub(super) port: u16,
    pub(super) clock: &'a Clock,
    /// How long one answer may take.
    pub(super) timeout: Duration,
    /// When the look ends.
    pub(super) until: Stamp,
    pub(super) pace: Pace,
}

/// Good answers, and how it stands.
#[derive(Default)]
struct Good {
    count: usize,
    worst: Option<Reply>,
}

/// What was said beside so many others that fewer may be asked at once, and whether an answer passed since.
#[derive(Default)]
struct Crowded {
    said: Option<Reply>,
    passed: bool,
}

impl Crowded {
    fn take(&mut self, reply: Reply) {
        self.said.get_or_insert(reply);
        self.passed = false;
    }
}

impl<'a, F: Fn(Duration) -> BoxFuture<'a, Reply>> Asks<'a, F> {
    /// Asks so often, until an answer fails, or half of the time or [`LATEST`] is over: an answer that takes long is not
    /// asked for again. What was refused beside many others is asked for again beside fewer, until enough answers in a row
    /// came to all of these: one that is refused now and then is not well.
    pub(super) async fn ask(self) -> Answer {
        let began = self.clock.now();
        let last = LATEST.min(self.timeout / 2);
        let mut good = Good::default();
        let mut crowded = Crowded::default();
        while !self.server.is_limited() {
            let is_enough = match crowded.said {
                None => {
                    good.count > self.pace.again
                        || good.count > 0 && self.clock.now().since(&began) > last
                }
                Some(_) => crowded.passed && self.server.row_beside(self.port) >= ROW,
            };
            if is_enough {
                break;
            }
            let ask = async {
                let began = self.clock.now();
                let reply = self.once().await;
                let said = said(self.probe, &reply);
                if said == Said::Good {
                    self.server.serves(self.port);
                }
                let showed = showed(&reply, said, self.clock.now().since(&began));
                ((reply, said), showed)
            };
            let at = (self.port, room(self.probe));
            let beside = self.server.beside(at, self.clock, &self.until, ask);
            let (reply, said) = match beside.await {
                Beside::Asked((reply, said), waited) => (after(reply, waited), said),
                Beside::Crowded((reply, _)) => {
                    crowded.take(reply);
                    continue;
                }
                Beside::Limited => continue,
                Beside::NoRoom => match crowded.said {
                    None => return good.then(Reply::None(no_room()), None),
                    Some(_) if crowded.passed && self.server.row_beside(self.port) >= SHORT_ROW => {
                        break;
                    }
                    Some(said) => return good.then(said, Some(Slowly::NoTime)),
                },
            };
            match said {
                Said::Good => {
                    self.take(&mut good, reply);
                    crowded.passed = true;
                }
                Said::TooOften(Some(wait)) if self.is_too_late(wait) => {
                    return good.then(reply, Some(Slowly::Later(wait.as_secs())));
                }
                Said::TooOften(wait) => {
                    let server = self.server;
                    let again =
                        server.is_asked_too_often(self.port, self.pace.many, wait, self.clock);
                    return match again.await {
                        true => self.slowly(good, Some(reply)).await,
                        false => good.then(reply, None),
                    };
                }
                Said::Bad => return good.then(reply, None),
            }
        }
        // A limit that another probe met at this address ends the quick questions of this one, and not its doubts.
        let is_cut_short =
            self.server.is_limited() && (good.count <= self.pace.again || crowded.said.is_some());
        match good.worst.take_if(|_| !is_cut_short) {
            Some(reply) => Answer {
                slowly: (crowded.said).map(|said| Slowly::Passed(verdict(self.probe, &said).1)),
                ..reply.into()
            },
            None => self.slowly(good, crowded.said).await,
        }
    }

    async fn once(&self) -> Reply {
        let left = self.until.left(&self.clock.now());
        (self.once)(self.timeout.min(left)).await
    }

    /// Whether it wants to be left alone until the look is over: that holds up nobody else.
    fn is_too_late(&self, wait: Duration) -> bool {
        wait >= self.until.left(&self.clock.now())
    }

    fn take(&self, good: &mut Good, reply: Reply) {
        good.count += 1;
        let judged = |reply: &Reply| -> Outcome { verdict(self.probe, reply).0 };
        if (good.worst.as_ref()).is_none_or(|worst| judged(worst) < judged(&reply)) {
            good.worst = Some(reply);
        }
    }

    /// Asks alone until it passed since `refusal`, and the address gave enough good answers in a row. What only has to
    /// be asked more often passes with what it gave where there is no time for that.
    async fn slowly(&self, mut good: Good, mut refusal: Option<Reply>) -> Answer {
        let mark = self.server.mark();
        let mut passed = good.count > 0 && refusal.is_none();
        let mut refused = None;
        loop {
            let is_enough = || self.server.is_enough(mark) || !self.server.is_limited();
            if passed && is_enough() {
                break;
            }
            // Who was refused is asked next, before others that wait: whether it is a limit shows there.
            let turn: Option<Turn<'_>> = match refused.take() {
                Some(turn) => Turn::when_due(turn, self.clock, &self.until).await,
                None => self.server.turn(self.clock, &self.until).await,
            };
            let Some(turn) = turn else {
                if passed && (refusal.is_none() || self.server.row(mark) >= SHORT_ROW) {
                    break;
                }
                return match refusal {
                    Some(refusal) => good.then(refusal, Some(Slowly::NoTime)),
                    None => good.then(Reply::None(unasked()), None),
                };
            };
            // Others may have asked meanwhile, enough or in vain.
            if passed && is_enough() {
                break;
            }
            if let Some(refusal) = refusal.take_if(|_| !self.server.is_limited()) {
                return good.then(refusal, None);
            }
            let reply = self.once().await;
            let now = self.clock.now();
            match said(self.probe, &reply) {
                Said::Good => {
                    turn.serves(&now);
                    self.take(&mut good, reply);
                    passed = true;
                }
                Said::TooOften(Some(wait)) if self.is_too_late(wait) => {
                    return good.then(reply, Some(Slowly::Later(wait.as_secs())));
                }
                Said::TooOften(wait) => {
                    if !turn.is_asked_too_often(wait, &now) {
                        return good.then(reply, Some(Slowly::Failed));
                    }
                    passed = false;
                    refusal = Some(reply);
                    refused = Some(turn);
                }
                Said::Bad => return good.then(reply, None),
            }
        }
        let said = refusal.map(|refusal| verdict(self.probe, &refusal).1);
        Answer {
            slowly: said.map(Slowly::Passed),
            ..(good.worst.unwrap_or_else(|| Reply::None(unasked()))).into()
        }
    }
}

/// How many are asked at once at one port. A connection that waits for a greeting and found no place in the queue of a server
/// is told nothing for seconds, and the queue of many a daemon takes five. Of a web server it shows how many it takes.
fn room(probe: &Probe) -> Room {
    const WEB: Room = Room::for_up_to(60);
    const GREETS: Room = Room::for_one_of(5);
    // Each asks several times, and ends with a connection that the daemon takes for open for a moment longer.
    const RSYNC: Room = Room::for_one_of(4);
    match probe {
        Probe::Http(_) => WEB,
        Probe::Tcp { .. } => GREETS,
        Probe::Rsync { .. } => RSYNC,
    }
}

/// What an answer that took so long shows of how many questions its server takes at once. One that says how long to wait
/// counts them over time.
fn showed(reply: &Reply, said: Said, all: Duration) -> Option<Showed> {
    match (said, reply) {
        (Said::TooOften(None), _) => Some(Showed::Refusal),
        (Said::TooOften(Some(_)), _) => None,
        // It ended the connection, perhaps as there was no place for one more.
        (Said::Bad, Reply::None(unseen)) if unseen.cause == Cause::Garbled => Some(Showed::Refusal),
        (_, Reply::Http { connect, .. }) => Some(Showed::Answer {
            all,
            connect: *connect,
        }),
        (_, Reply::None(unseen)) if unseen.cause == Cause::Unreachable => {
            Some(Showed::NoConnection)
        }
        _ => None,
    }
}

/// An answer that did not come in time, and how much of that was spent on waiting to ask.
fn after(reply: Reply, waited: Duration) -> Reply {
    match reply {
        Reply::None(mut unseen) if waited >= TELLING => {
            let waited = short(waited);
            let told =
                format!(" (it was asked after {waited}, behind other questions to that port)");
            unseen.detail.push_str(&told);
            Reply::None(unseen)
        }
        reply => reply,
    }
}

/// There was no room beside others.
fn no_room() -> Unseen {
    let why = "was not asked in time: other questions to that port were not answered yet";
    Unseen::new(Cause::TimedOut, why)
}

/// It waited for its turn, and that did not come.
fn unasked() -> Unseen {
    let why = "was not asked in time, as the address says that it is asked too often";
    Unseen::new(Cause::TimedOut, why)
}

impl Good {
    /// What it comes to where this came after the good ones.
    fn then(self, reply: Reply, slowly: Option<Slowly>) -> Answer {
        Answer {
            reply,
            better: self.count,
            slowly,
        }
    }
}

#[cfg(test)]
mod tests;
