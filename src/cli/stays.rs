//! `cutover owed --stays`: a person says that what a run owes shall stay as it is.

use std::sync::Arc;
use std::time::Duration;

use super::Exit;
use super::common::{Desk, Failure};
use super::resume::book_of;
use super::stuck::{named_parts, stuck};
use super::whose::Whose;
use crate::engine::see_places;
use crate::event::{Event, LOOK_AT, Owed, PUT_BACK, Record};
use crate::journal::{self, Journal, Listed, Live};
use crate::plan::{Edit, Entry, Part, Place, Plan, Side, Value};
use crate::report::Tally;
use crate::store::Store;

/// How long a place is read.
const PATIENCE: Duration = Duration::from_secs(3);

/// Keeps in the journal of a run that something it owes shall stay as it is. Nothing else is written anywhere.
pub(super) async fn say(
    desk: &Desk,
    store: Arc<dyn Store>,
    given: &str,
    what: &str,
    reason: &str,
) -> Result<Exit, Failure> {
    if reason.trim().is_empty() {
        let why = "whoever reads it later wants to know why: `--reason` is empty";
        return Err(Failure::new(Exit::Usage, why));
    }
    let Listed { runs, damaged } = journal::list(&*store).await?;
    let run = desk.named(runs, &damaged, given)?;
    // What it owes and did not say itself.
    let whose = Whose::run(&*store, &run).await;
    let waiting = stuck(desk, &*store, Some(&whose)).await?;
    let of_run = waiting
        .stuck
        .into_iter()
        .filter(|stuck| stuck.run.id == run.id);
    let debts: Vec<(Owed, Option<Value>)> = of_run
        .filter_map(|stuck| {
            let owed = stuck.owed();
            Some((owed, stuck.debt?.holds))
        })
        .collect();
    let quiet: journal::Publisher = Arc::new(|_| {});
    let reopened = Live::reopen(store, &run.id, desk.clock.clone(), quiet);
    let (mut live, records) = reopened.await?;
    let tally = tally_now(desk, &records, true).await;
    let said = match why_not(&run.id, &tally, &debts, what) {
        Some(why) => Err(Failure::new(Exit::Usage, why)),
        None => {
            let debt = debts.iter().find(|(owed, _)| owed.key == what);
            let holds = match debt {
                Some((_, holds)) => holds.clone(),
                None => now(desk, &tally, what).await,
            };
            let event = Event::StaysSo {
                key: what.to_owned(),
                by: desk.by(),
                reason: reason.trim().to_owned(),
                holds,
                what: debt.map(|(owed, _)| owed.what.clone()),
            };
            live.record(event).await.map_err(Failure::from)
        }
    };
    live.close().await;
    said?;
    desk.say(&format!(
        "cutover: it is kept in run `{}` that this shall stay so; {} lists it",
        run.id,
        desk.to_type("owed --all")
    ));
    Ok(Exit::Done)
}

/// The entries whose places something owed speaks of.
fn places_of(plan: &Plan, key: &str) -> Vec<usize> {
    let entries = plan.entries.iter().enumerate();
    let is_meant = |entry: &Entry| match (key.strip_prefix(LOOK_AT), key.strip_prefix(PUT_BACK)) {
        (Some(id), _) => entry.id == id,
        (_, Some(id)) => entry.id == id || entry.step == id,
        _ => false,
    };
    entries
        .filter(|(_, entry)| is_meant(entry))
        .map(|(index, _)| index)
        .collect()
}

/// What the places hold that something owed speaks of; `None` where it speaks of none, or one cannot be read.
async fn now(desk: &Desk, tally: &Tally, key: &str) -> Option<Value> {
    let plan = tally.plan()?;
    let entries = places_of(plan, key);
    let book = match entries.is_empty() {
        true => return None,
        false => book_of(desk, plan).ok()?,
    };
    let actual = desk.actual(&Arc::new(book));
    let seen = see_places(plan, &actual, &entries, PATIENCE).await;
    let _late = tokio::time::timeout(PATIENCE, actual.site.exec.close()).await;
    let mut all = Value::default();
    for (entry, value) in seen {
        let value = value.ok()?;
        let value = match key.starts_with(PUT_BACK) {
            true => named_parts(plan, entry, &value),
            false => value,
        };
        all.0.extend(value.0);
    }
    Some(all)
}

/// What a run comes to now: what somebody said shall stay so is meant of what was there then. `looks`: its places are
/// read.
pub(super) async fn tally_now(desk: &Desk, records: &[Record], looks: bool) -> Tally {
    let mut tally = Tally::of(records);
    if !looks {
        return tally;
    }
    let said = tally.stays().iter();
    let said: Vec<(String, Value)> = said
        .filter_map(|stays| Some((stays.owed.key.clone(), stays.holds.clone()?)))
        .collect();
    for (key, holds) in said {
        // Of what is to be put back only a part may be meant.
        let meant = |(part, _): &(&String, &Part)| {
            !key.starts_with(PUT_BACK) || holds.0.contains_key(part.as_str())
        };
        // What cannot be read now is left alone.
        if let Some(seen) = now(desk, &tally, &key).await
            && is_other(&holds, &seen.taken(meant))
        {
            tally.owe_again(&key);
        }
    }
    tally
}

/// Whether a place holds something else than it did; a colleague's comment is nothing else.
fn is_other(holds: &Value, seen: &Value) -> bool {
    let held = Edit {
        place: Place::default(),
        before: holds.clone(),
        after: holds.clone(),
    };
    held.side(seen) == Side::Foreign
}

/// Why it cannot be said of a run; `None` where it can.
fn why_not(
    run: &str,
    tally: &Tally,
    debts: &[(Owed, Option<Value>)],
    what: &str,
) -> Option<String> {
    let debts = debts.iter().map(|(owed, _)| owed);
    // Whoever goes on with a run says anew what it owes.
    let own = tally.owed().iter().filter(|_| tally.ending().is_some());
    let owed: Vec<&Owed> = debts.chain(own).collect();
    if owed.iter().any(|owed| owed.key == what) {
        return None;
    }
    if owed.is_empty() && tally.ending().is_none() {
        return Some(format!(
            "run `{run}` has not come to an end: what it owes is told then"
        ));
    }
    let keys: Vec<String> = (owed.iter())
        .map(|owed| format!("`{}`", owed.key))
        .collect();
    let owes = match (&keys[..], tally.stays().is_empty()) {
        ([], true) => "it owes nothing".to_owned(),
        ([], false) => "all that it owed shall stay so already".to_owned(),
        (keys, _) => format!("it owes {}", keys.join(", ")),
    };
    Some(format!("run `{run}` does not owe `{what}`; {owes}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Stamp;
    use crate::event::Ending;
    use crate::plan::Mode;

    fn tally(events: Vec<Event>) -> Tally {
        let started = Event::Started {
            plan: Box::new(crate::fake::plan(Mode::Failover, "c")),
            by: "root@ops1".into(),
            version: "0.1.0".into(),
        };
        let events = std::iter::once(started).chain(events);
        let records: Vec<Record> = (0..)
            .zip(events)
            .map(|(seq, event)| Record {
                seq,
                at: Stamp::at(seq),
                event,
            })
            .collect();
        Tally::of(&records)
    }

    #[test]
    fn what_is_not_owed_cannot_be_let_be() {
        let owes = |key: &str| Event::Owes {
            owed: Owed {
                key: key.into(),
                what: "w".into(),
                how: "h".into(),
            },
        };
        let ended = || Event::Ended {
            ending: Ending::DoneUnproven,
        };
        let stays = || Event::StaysSo {
            key: "look at a".into(),
            by: "root@ops1".into(),
            reason: "it is theirs".into(),
            holds: None,
            what: None,
        };
        let told = |events, what| why_not("r1", &tally(events), &[], what);
        let all = || vec![owes("look at a"), owes("fence old"), ended()];
        assert_eq!(told(all(), "look at a"), None);
        assert_eq!(
            told(all(), "a").as_deref(),
            Some("run `r1` does not owe `a`; it owes `look at a`, `fence old`")
        );
        let open = told(vec![owes("look at a")], "look at a").unwrap();
        assert!(open.contains("has not come to an end"), "{open}");
        let once = vec![owes("look at a"), ended(), stays()];
        let again = told(once, "look at a").unwrap();
        assert!(
            again.ends_with("all that it owed shall stay so already"),
            "{again}"
        );
        let nothing = told(vec![ended()], "look at a").unwrap();
        assert!(nothing.ends_with("it owes nothing"), "{nothing}");
    }

    #[test]
    fn what_was_said_to_stay_is_meant_of_the_value_and_not_of_its_bookkeeping() {
        let one = |part: serde_json::Value| Value([("www".to_owned(), part.into())].into());
        let set = |to: &str, aside: &str| {
            one(serde_json::json!({ "data": [to], "ttl": 60, "aside": aside }))
        };
        let holds = set("theirs", "");
        assert!(!is_other(&holds, &set("theirs", "a comment")));
        assert!(is_other(&holds, &set("ours", "")));
        assert!(is_other(&holds, &Value::default()));
        assert!(is_other(&Value::default(), &holds));
    }

    #[test]
    fn what_shall_stay_so_is_owed_no_more_and_kept() {
        let owes = Event::Owes {
            owed: Owed {
                key: "look at a".into(),
                what: "w".into(),
                how: "h".into(),
            },
        };
        let ended = Event::Ended {
            ending: Ending::DoneUnproven,
        };
        let stays = Event::StaysSo {
            key: "look at a".into(),
            by: "root@ops1".into(),
            reason: "it is theirs".into(),
            holds: None,
            what: None,
        };
        let told = tally(vec![owes, ended, stays]);
        assert!(told.owed().is_empty());
        let [kept] = told.stays() else {
            panic!("{:?}", told.stays());
        };
        assert_eq!(
            (kept.owed.what.as_str(), kept.reason.as_str()),
            ("w", "it is theirs")
        );
        // What it holds later is not meant.
        let mut later = told.clone();
        later.owe_again("look at b");
        assert!(later.owed().is_empty());
        later.owe_again("look at a");
        assert!(later.stays().is_empty() && later.owed()[0].what.starts_with("w; it holds"));
        // It has ended as it had.
        assert_eq!(told.ending(), Some(Ending::DoneUnproven));
    }
}
