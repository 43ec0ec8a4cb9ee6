//! `cutover owed --stays`: a person says that what a run owes shall stay as it is.

use std::sync::Arc;

use super::Exit;
use super::common::{Desk, Failure};
use crate::event::Event;
use crate::journal::{self, Journal, Listed, Live};
use crate::report::Tally;
use crate::store::Store;

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
    let quiet: journal::Publisher = Arc::new(|_| {});
    let reopened = Live::reopen(store, &run.id, desk.clock.clone(), quiet);
    let (mut live, records) = reopened.await?;
    let said = match why_not(&run.id, &Tally::of(&records), what) {
        Some(why) => Err(Failure::new(Exit::Usage, why)),
        None => {
            let event = Event::StaysSo {
                key: what.to_owned(),
                by: desk.by(),
                reason: reason.trim().to_owned(),
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

/// Why it cannot be said of a run; `None` where it can.
fn why_not(run: &str, tally: &Tally, what: &str) -> Option<String> {
    if tally.ending().is_none() {
        return Some(format!(
            "run `{run}` has not come to an end: what it owes is told then"
        ));
    }
    if tally.owed().iter().any(|owed| owed.key == what) {
        return None;
    }
    let keys: Vec<String> = (tally.owed().iter())
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
    use crate::event::{Ending, Owed, Record};
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
        };
        let told = |events, what| why_not("r1", &tally(events), what);
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
        // It has ended as it had.
        assert_eq!(told.ending(), Some(Ending::DoneUnproven));
    }
}
