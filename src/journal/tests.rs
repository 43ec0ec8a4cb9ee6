use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::event::Ending;
use crate::plan::{Given, Way};
use crate::store::{Append, AppendError, Blow, Claim, Holder, Memory, Overlay, Reply, Store};

const RUN: &str = "20261122-030500-drill-k3f";

fn clock() -> Clock {
    Clock::following_tokio("2026-11-22T03:05:00Z".parse().unwrap())
}

/// A publisher, and what it was shown.
fn shown() -> (Publisher, Arc<Mutex<Vec<Record>>>) {
    let list: Arc<Mutex<Vec<Record>>> = Arc::default();
    let into = Arc::clone(&list);
    let publish = move |record: &Record| into.lock().unwrap().push(record.clone());
    (Arc::new(publish), list)
}

fn nobody() -> Publisher {
    Arc::new(|_| {})
}

fn intent(way: Way) -> Intent {
    let edit = samples::edit();
    let (from, to) = edit.along(way);
    Intent {
        entry: 2,
        way,
        from: from.clone(),
        to: to.clone(),
        place: edit.place,
        until: samples::stamp(40),
    }
}

fn intended(record: &Record) -> bool {
    matches!(record.event, Event::Intended { .. })
}

fn started() -> Event {
    samples::events().swap_remove(0)
}

async fn begin(store: &Arc<Memory>, publish: Publisher) -> Live {
    let locks = samples::plan().locks;
    let store = Arc::clone(store) as Arc<dyn Store>;
    Live::begin(store, RUN, &samples::meta(), &locks, clock(), publish)
        .await
        .unwrap()
}

async fn reopen(store: &Arc<Memory>) -> Result<(Live, Vec<Record>), JournalError> {
    let store = Arc::clone(store) as Arc<dyn Store>;
    Live::reopen(store, RUN, clock(), nobody()).await
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_is_read_again_and_shown_in_order() {
    let store = Arc::new(Memory::new());
    let (publish, list) = shown();
    let mut live = begin(&store, publish).await;
    for event in samples::events() {
        live.record(event).await.unwrap();
    }
    live.close().await;
    let read = read(&*store, RUN).await.unwrap();
    assert_eq!(read, *list.lock().unwrap());
    let events: Vec<Event> = read.into_iter().map(|record| record.event).collect();
    assert_eq!(events, samples::events());
}

#[tokio::test(start_paused = true)]
async fn a_permit_comes_after_its_intent_is_durable_and_names_its_place() {
    let store = Arc::new(Memory::new());
    let (publish, list) = shown();
    let mut live = begin(&store, publish).await;
    live.record(started()).await.unwrap();
    let permit = live.intend(intent(Way::There)).await.unwrap().unwrap();
    assert_eq!(*permit.place(), samples::edit().place);
    assert_eq!(*permit.from(), samples::edit().before);
    assert_eq!(*permit.to(), samples::edit().after);
    assert_eq!(permit.way(), Way::There);
    assert!(intended(list.lock().unwrap().last().unwrap()));
    assert!(intended(read(&*store, RUN).await.unwrap().last().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn no_permit_and_no_news_where_the_power_goes() {
    for (blow, durable) in [(Blow::Before, 1), (Blow::After, 2)] {
        let store = Arc::new(Memory::new());
        let (publish, list) = shown();
        let mut live = begin(&store, publish).await;
        live.record(started()).await.unwrap();
        store.fuse(1, blow);
        let answer = live.intend(intent(Way::There)).await;
        assert!(matches!(answer, Err(JournalError::Write(_))), "{blow:?}");
        assert_eq!(list.lock().unwrap().len(), 1);
        let again = live.record(Event::Waited { entry: 4 }).await;
        assert!(matches!(again, Err(JournalError::Write(_))), "{blow:?}");

        store.restart();
        let (mut live, records) = reopen(&store).await.unwrap();
        assert_eq!(records.len(), durable, "{blow:?}");
        let record = live.record(Event::Waited { entry: 4 }).await.unwrap();
        assert_eq!(record.seq, durable as u64);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_lock_issues_no_permit_and_still_lets_facts_in() {
    let store = Arc::new(Memory::new());
    let mut live = begin(&store, nobody()).await;
    live.record(started()).await.unwrap();
    let token = live.lock().unwrap().token.clone();
    store.unlock(&token).await.unwrap();
    let answer = live.intend(intent(Way::There)).await;
    assert!(matches!(answer, Err(JournalError::LockLost(_))));
    live.record(Event::Waited { entry: 4 }).await.unwrap();
    let records = read(&*store, RUN).await.unwrap();
    assert!(!records.iter().any(intended));
}

#[tokio::test(start_paused = true)]
async fn two_runs_cannot_hold_one_scope_and_one_run_has_one_writer() {
    let store = Arc::new(Memory::new());
    let mut live = begin(&store, nobody()).await;
    live.record(started()).await.unwrap();
    let locks = samples::plan().locks;
    let shared = Arc::clone(&store) as Arc<dyn Store>;
    let other = Live::begin(shared, "other", &samples::meta(), &locks, clock(), nobody()).await;
    let Err(JournalError::Locked(held)) = other else {
        panic!("it was not locked");
    };
    let step = format!("; follow it with `cutover show --follow {RUN}`");
    let text = JournalError::Locked(held.clone()).to_string();
    assert!(text.ends_with(&step), "{text}");
    assert_eq!(held.run, RUN);
    assert_eq!(held.holder, Holder::this_process());
    assert!(matches!(reopen(&store).await, Err(JournalError::Locked(_))));
    live.close().await;
    reopen(&store).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_locks_of_a_dead_process_are_taken_over_and_told() {
    let store = Arc::new(Memory::new());
    let mut live = begin(&store, nobody()).await;
    live.record(started()).await.unwrap();
    live.close().await;
    let me = Holder::this_process();
    let claim = Claim {
        run: "earlier".into(),
        holder: Holder {
            started: me.started - 1,
            ..me
        },
        at: samples::stamp(0),
    };
    store.lock(&samples::plan().locks, claim).await.unwrap();
    let (live, _) = reopen(&store).await.unwrap();
    assert_eq!(live.taken_over().len(), samples::plan().locks.len());
    assert_eq!(live.taken_over()[0].run, "earlier");
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_lets_the_facts_in_and_only_the_way_back() {
    // Append 1 is a fact, or the intent itself.
    for fact_first in [true, false] {
        let store = Arc::new(Memory::new());
        let mut live = begin(&store, nobody()).await;
        live.record(started()).await.unwrap();
        store.fuse(1, Blow::Full);
        assert!(!live.on_reserve());
        if fact_first {
            live.record(Event::Waited { entry: 4 }).await.unwrap();
            assert!(live.on_reserve());
        }
        let there = live.intend(intent(Way::There)).await;
        assert!(matches!(there, Err(JournalError::Full)));
        assert!(live.on_reserve());
        let back = live.intend(intent(Way::Back)).await.unwrap();
        assert_eq!(back.unwrap().way(), Way::Back);
        let records = read(&*store, RUN).await.unwrap();
        assert_eq!(records.iter().filter(|record| intended(record)).count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_byte_is_told_at_its_record_and_nothing_is_reopened() {
    let store = Arc::new(Memory::new());
    let mut live = begin(&store, nobody()).await;
    for event in samples::events() {
        live.record(event).await.unwrap();
    }
    live.close().await;
    let last = samples::events().len() - 1;
    for seq in [0, 3, last] {
        store.damage(RUN, seq, 200);
        let error = reopen(&store).await.err().unwrap();
        assert!(
            matches!(&error, JournalError::Damaged { seq: told, .. } if *told == seq as u64),
            "{seq}: {error}"
        );
        store.damage(RUN, seq, 200);
    }
    assert!(reopen(&store).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_record_whose_caller_went_away_is_written_once() {
    let store = Arc::new(Slow::default());
    let (publish, list) = shown();
    let shared = Arc::clone(&store) as Arc<dyn Store>;
    let mut live = Live::begin(shared, RUN, &samples::meta(), &[], clock(), publish)
        .await
        .unwrap();
    let cut = tokio::time::timeout(Duration::from_secs(1), live.record(started())).await;
    assert!(cut.is_err());
    assert!(list.lock().unwrap().is_empty());
    let record = live.record(Event::Waited { entry: 4 }).await.unwrap();
    assert_eq!(record.seq, 1);
    assert_eq!(list.lock().unwrap().len(), 2);
    assert_eq!(read(&store.0, RUN).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dry_journal_records_the_wish_and_issues_nothing() {
    let (publish, list) = shown();
    let mut dry = Dry::shown(clock(), publish);
    dry.record(started()).await.unwrap();
    assert!(dry.intend(intent(Way::There)).await.unwrap().is_none());
    let events: Vec<Event> = (list.lock().unwrap().iter())
        .map(|record| record.event.clone())
        .collect();
    assert_eq!(events, [started(), Event::WouldChange { entry: 2 }]);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_runs_says_who_writes_and_how_it_ended() {
    let store = Arc::new(Memory::new());
    let shared = || Arc::clone(&store) as Arc<dyn Store>;
    let mut live = begin(&store, nobody()).await;
    live.record(started()).await.unwrap();
    live.intend(intent(Way::There)).await.unwrap();
    let mut dry = Dry::kept(shared(), "dry", &samples::meta(), clock(), nobody())
        .await
        .unwrap();
    dry.record(started()).await.unwrap();
    dry.intend(intent(Way::There)).await.unwrap();
    let ending = Ending::Done;
    dry.record(Event::Ended { ending }).await.unwrap();
    dry.close().await;

    let [dry, live]: [Run; 2] = runs(&*store).await.unwrap().try_into().unwrap();
    assert_eq!((dry.id.as_str(), dry.records), ("dry", 3));
    assert_eq!(dry.writer, None);
    let summary = dry.summary.unwrap();
    assert_eq!((summary.wrote, summary.ending), (false, Some(Ending::Done)));
    assert_eq!((live.id.as_str(), live.records), (RUN, 2));
    assert_eq!(live.meta, samples::meta());
    assert_eq!(live.writer, Some(Holder::this_process()));
    let summary = live.summary.unwrap();
    assert_eq!((summary.wrote, summary.ending), (true, None));
}

/// What an earlier end left counts no more once somebody goes on.
#[test]
fn a_summary_counts_what_is_owed_since_somebody_went_on_last() {
    let record = |event| Record {
        event,
        ..samples::records().swap_remove(0)
    };
    let owes = || {
        let events = samples::events();
        let owes = |e: &Event| matches!(e, Event::Owes { .. });
        record(events.into_iter().find(owes).unwrap())
    };
    let resumed = || {
        record(Event::Resumed {
            by: String::new(),
            version: String::new(),
            anew: true,
        })
    };
    let decided = || {
        record(Event::Decided {
            decision: crate::event::Decision::Back,
            by: String::new(),
            parts: false,
        })
    };
    let counted = |records: &[Record]| {
        let mut summary = None;
        for record in records {
            summary = Some(Summary::after(summary, record));
        }
        summary.unwrap().owed
    };
    let start = || record(started());
    assert_eq!(counted(&[start()]), Some(0));
    assert_eq!(counted(&[start(), owes()]), Some(1));
    assert_eq!(counted(&[start(), owes(), owes()]), Some(2));
    for goes_on in [resumed(), decided()] {
        let records = [start(), owes(), owes(), goes_on.clone()];
        assert_eq!(counted(&records), Some(0));
        assert_eq!(counted(&[start(), owes(), goes_on, owes()]), Some(1));
    }
    // A version that did not count them: it is not known, until somebody goes on.
    let old = Summary {
        owed: None,
        ..Summary::after(None, &start())
    };
    let then = Summary::after(Some(old), &owes());
    assert_eq!(then.owed, None);
    assert_eq!(Summary::after(Some(then), &resumed()).owed, Some(0));
    // That it remains where it is counts until somebody wants it back.
    let says = |decision| {
        record(Event::Decided {
            decision,
            by: String::new(),
            parts: true,
        })
    };
    let stays = Summary::after(None, &says(crate::event::Decision::Stay));
    assert!(stays.remains);
    assert!(Summary::after(Some(stays.clone()), &owes()).remains);
    let asked = Summary::after(Some(stays), &decided());
    assert!(!asked.remains);
    // Whoever stops there leaves it where it was, as the machine says it, also where it had only ended well.
    let ends = |before, ending| Summary::after(before, &record(Event::Ended { ending }));
    let stop = || says(crate::event::Decision::Stop);
    for before in [
        asked,
        Summary::after(Some(ends(None, Ending::Done)), &decided()),
    ] {
        let stopped = || Summary::after(Some(before.clone()), &stop());
        for (ending, remains) in [
            (Ending::DoneUnproven, true),
            (Ending::Done, true),
            (Ending::Held, false),
            (Ending::Undone, false),
        ] {
            let ended = ends(Some(stopped()), ending);
            assert_eq!(ended.remains, remains, "{ending:?}");
        }
    }
    // A drill that was asked to come back during its hold, stayed all the same and came back later, remains nowhere.
    let open = Summary::after(Some(Summary::after(None, &start())), &decided());
    assert!(!ends(Some(Summary::after(Some(open), &stop())), Ending::Done).remains);
}

#[tokio::test(start_paused = true)]
async fn the_first_record_is_told_where_a_later_one_is_damaged() {
    let store = Arc::new(Memory::new());
    let mut live = begin(&store, nobody()).await;
    live.record(started()).await.unwrap();
    live.record(Event::Waited { entry: 4 }).await.unwrap();
    live.close().await;
    store.damage(RUN, 1, 60);
    assert!(read(&*store, RUN).await.is_err());
    let record = first(&*store, RUN).await.unwrap();
    assert_eq!(record.map(|record| record.event), Some(started()));
    let nothing = Memory::new();
    assert!(first(&nothing, RUN).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_row_is_damaged_is_told_from_its_journal() {
    let store = Arc::new(Memory::new());
    let mut live = begin(&store, nobody()).await;
    live.record(started()).await.unwrap();
    live.intend(intent(Way::There)).await.unwrap();
    live.close().await;
    let known = runs(&*store).await.unwrap().remove(0);
    store.set_meta(RUN, b"{".to_vec()).await.unwrap();
    let listed = list(&*store).await.unwrap();
    assert!(listed.damaged.is_empty(), "{listed:?}");
    let [told]: [Run; 1] = listed.runs.try_into().unwrap();
    assert!(told.row_damage.is_some());
    assert_eq!(told.summary, known.summary);
    assert_eq!(told.meta.mode, samples::plan().mode);
    // Where the journal is damaged as well, nothing can be told.
    store.damage(RUN, 0, 200);
    let listed = list(&*store).await.unwrap();
    assert_eq!((listed.runs.len(), listed.damaged.len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_follower_sees_each_record_once() {
    let store = Arc::new(Memory::new());
    let mut live = begin(&store, nobody()).await;
    let mut follower = Follower::new(Arc::clone(&store) as Arc<dyn Store>, RUN);
    assert!(follower.news().await.unwrap().is_empty());
    live.record(started()).await.unwrap();
    live.record(Event::Waited { entry: 4 }).await.unwrap();
    assert_eq!(follower.news().await.unwrap().len(), 2);
    assert!(follower.news().await.unwrap().is_empty());
    live.record(Event::Waited { entry: 4 }).await.unwrap();
    assert_eq!(follower.news().await.unwrap()[0].seq, 2);
}

/// A store whose first append happens at once and is answered much later.
#[derive(Default)]
struct Slow(Memory, std::sync::atomic::AtomicBool);

impl Overlay for Slow {
    fn below(&self) -> &dyn Store {
        &self.0
    }

    fn add(&self, entry: Append) -> Reply<'_, (), AppendError> {
        Box::pin(async move {
            let answer = self.0.append(entry).await;
            if !self.1.swap(true, std::sync::atomic::Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
            answer
        })
    }
}

#[tokio::test(start_paused = true)]
async fn no_permit_is_issued_once_the_journal_is_not_under_the_run_any_more() {
    let store = Arc::new(Memory::new());
    let (publish, list) = shown();
    let mut live = begin(&store, publish).await;
    live.record(started()).await.unwrap();
    store.remove();
    for way in [Way::There, Way::Back] {
        let refused = live.intend(intent(way)).await.unwrap_err();
        assert!(matches!(refused, JournalError::Gone(_)), "{refused}");
    }
    assert!(!list.lock().unwrap().iter().any(intended));
    let refused = live.record(Event::Waited { entry: 4 }).await;
    assert!(matches!(refused, Err(JournalError::Gone(_))), "{refused:?}");
}

#[test]
fn what_a_run_was_asked_for_is_kept_and_an_older_row_says_nothing_of_it() {
    let mut meta = samples::meta();
    let old = serde_json::to_value(&meta).unwrap();
    assert!(old.get("given").is_none(), "{old}");
    assert_eq!(serde_json::from_value::<Meta>(old).unwrap(), meta);
    meta.given = Given {
        sets: vec!["a.b='[\"x y\"]'".into()],
        to: Some("cloud".into()),
        emergency: true,
        plan: Some("/srv/saved.plan".into()),
    };
    let new = serde_json::to_value(&meta).unwrap();
    assert_eq!(serde_json::from_value::<Meta>(new).unwrap(), meta);
}
