//! One contract, held by every store.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::Stamp;

fn stamp(seconds: u64) -> Stamp {
    let start = Stamp {
        wall: "2026-11-22T03:05:00Z".parse().unwrap(),
        boot_ms: 0,
        boot_id: "boot".into(),
    };
    start.plus(Duration::from_secs(seconds))
}

fn entry(run: &str, seq: u64) -> Append {
    Append {
        run: run.into(),
        seq,
        bytes: format!("record {seq} of {run}").into_bytes().into(),
        hash: [u8::try_from(seq).unwrap() + 1; 32],
        state: format!("state {seq}").into_bytes(),
        under: None,
    }
}

fn claim(run: &str, holder: Holder) -> Claim {
    Claim {
        run: run.into(),
        holder,
        at: stamp(0),
    }
}

/// A process that started with our pid, earlier, and is gone.
fn dead() -> Holder {
    let me = Holder::this_process();
    Holder {
        started: me.started - 1,
        ..me
    }
}

fn scopes(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Every store, empty, with what keeps it on disk.
fn stores() -> Vec<(Arc<dyn Store>, Option<tempfile::TempDir>)> {
    let dir = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(dir.path()).unwrap();
    vec![
        (Arc::new(Memory::new()), None),
        (Arc::new(sqlite), Some(dir)),
    ]
}

#[tokio::test]
async fn records_are_numbered_and_the_newest_is_known() {
    for (store, _dir) in stores() {
        store.create("a", b"about a".to_vec()).await.unwrap();
        assert_eq!(
            store.create("a", Vec::new()).await,
            Err(StoreError::Exists("a".into()))
        );
        assert_eq!(store.read("a", 0).await.unwrap().row.head, None);
        store.append(entry("a", 0)).await.unwrap();
        assert_eq!(
            store.append(entry("a", 2)).await,
            Err(AppendError::Gap { seq: 2, count: 1 })
        );
        store.append(entry("a", 1)).await.unwrap();
        assert_eq!(
            store.append(entry("a", 0)).await,
            Err(AppendError::Taken { seq: 0 })
        );
        let stored = store.read("a", 0).await.unwrap();
        assert_eq!(
            stored.records,
            [entry("a", 0), entry("a", 1)].map(|entry| entry.bytes.to_vec())
        );
        let row = Row {
            run: "a".into(),
            meta: b"about a".to_vec(),
            state: b"state 1".to_vec(),
            head: Some([2; 32]),
            count: 2,
        };
        assert_eq!(stored.row, row);
        assert_eq!(store.read("a", 1).await.unwrap().records.len(), 1);
        assert!(store.read("a", 2).await.unwrap().records.is_empty());
        assert!(store.read("a", 9).await.unwrap().records.is_empty());
    }
}

#[tokio::test]
async fn the_newest_record_may_be_asked_for_again_and_another_one_not() {
    for (store, _dir) in stores() {
        store.create("a", Vec::new()).await.unwrap();
        for seq in [0, 0, 1, 1] {
            store.append(entry("a", seq)).await.unwrap();
        }
        let other = Append {
            hash: [9; 32],
            ..entry("a", 1)
        };
        assert_eq!(
            store.append(other).await,
            Err(AppendError::Taken { seq: 1 })
        );
        assert_eq!(store.read("a", 0).await.unwrap().row.count, 2);
    }
}

#[tokio::test]
async fn a_run_that_is_not_there_is_said_to_be_so() {
    for (store, _dir) in stores() {
        let missing = StoreError::NoSuchRun("a".into());
        assert_eq!(
            store.append(entry("a", 0)).await,
            Err(missing.clone().into())
        );
        assert_eq!(store.read("a", 0).await, Err(missing.clone()));
        assert_eq!(store.set_meta("a", Vec::new()).await, Err(missing.clone()));
        assert_eq!(store.send("a", Vec::new()).await, Err(missing));
        assert_eq!(store.take("a").await, Ok(Vec::new()));
    }
}

#[tokio::test]
async fn runs_are_listed_newest_first() {
    for (store, _dir) in stores() {
        for run in ["b", "c", "a"] {
            store.create(run, Vec::new()).await.unwrap();
        }
        store.set_meta("c", b"said later".to_vec()).await.unwrap();
        store.append(entry("c", 0)).await.unwrap();
        let rows = store.runs().await.unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.run.as_str()).collect();
        assert_eq!(names, ["a", "c", "b"]);
        assert_eq!(rows[1].meta, b"said later");
        assert_eq!(rows[1].state, b"state 0");
        assert_eq!((rows[0].count, rows[1].count), (0, 1));
    }
}

#[tokio::test]
async fn appends_side_by_side_leave_one_chain_per_run() {
    for (store, _dir) in stores() {
        for run in ["a", "b"] {
            store.create(run, Vec::new()).await.unwrap();
        }
        // Asked for in one go, so that a group holds refused ones beside good ones.
        let asked = (0..40).flat_map(|seq| [("a", seq), ("b", seq), ("a", seq + 7)]);
        let answers =
            futures::future::join_all(asked.map(|(run, seq)| store.append(entry(run, seq)))).await;
        assert!(answers.iter().any(Result::is_err));
        for run in ["a", "b"] {
            let stored = store.read(run, 0).await.unwrap();
            let expected: Vec<_> = (0..stored.row.count)
                .map(|seq| entry(run, seq).bytes.to_vec())
                .collect();
            assert_eq!(stored.records, expected);
        }
        assert_eq!(store.read("b", 0).await.unwrap().row.count, 40);
    }
}

#[tokio::test]
async fn a_lock_takes_all_scopes_or_none() {
    for (store, _dir) in stores() {
        let me = Holder::this_process();
        let first = store
            .lock(&scopes(&["b", "a", "b"]), claim("one", me.clone()))
            .await
            .unwrap();
        assert_eq!(first.scopes, ["a", "b"]);
        let second = store
            .lock(&scopes(&["c", "b"]), claim("two", me.clone()))
            .await;
        let Err(LockError::Held(held)) = second else {
            panic!("{second:?}");
        };
        assert_eq!((held.scope.as_str(), held.run.as_str()), ("b", "one"));
        assert_eq!((&held.holder, &held.since), (&me, &stamp(0)));
        // Nothing of the second one stuck.
        store
            .lock(&scopes(&["c"]), claim("three", me.clone()))
            .await
            .unwrap();
        assert_eq!(store.locks().await.unwrap().len(), 3);
        assert!(store.still_held(&first).await.unwrap());
        store.unlock(&first.token).await.unwrap();
        assert!(!store.still_held(&first).await.unwrap());
        store
            .lock(&scopes(&["a", "b"]), claim("two", me))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_dead_hold_nothing_and_their_old_lock_is_worth_nothing() {
    for (store, _dir) in stores() {
        store.create("one", Vec::new()).await.unwrap();
        let old = store
            .lock(&scopes(&["a", "b"]), claim("one", dead()))
            .await
            .unwrap();
        let under = Append {
            under: Some(old.clone()),
            ..entry("one", 0)
        };
        store.append(under).await.unwrap();
        let new = store
            .lock(&scopes(&["a"]), claim("two", Holder::this_process()))
            .await
            .unwrap();
        assert_eq!(new.taken_over.len(), 1);
        assert_eq!(new.taken_over[0].run, "one");
        assert!(!store.still_held(&old).await.unwrap());
        let under = Append {
            under: Some(old.clone()),
            ..entry("one", 1)
        };
        assert_eq!(
            store.append(under).await,
            Err(AppendError::LockLost("a".into()))
        );
        // Giving back the old lock does not give back the new one.
        store.unlock(&old.token).await.unwrap();
        assert!(store.still_held(&new).await.unwrap());
    }
}

#[tokio::test]
async fn who_cannot_be_told_to_be_dead_keeps_the_lock() {
    for (store, _dir) in stores() {
        let elsewhere = Holder {
            host: "another machine".into(),
            boot_id: "another boot".into(),
            ..Holder::this_process()
        };
        store
            .lock(&scopes(&["a"]), claim("one", elsewhere))
            .await
            .unwrap();
        let answer = store
            .lock(&scopes(&["a"]), claim("two", Holder::this_process()))
            .await;
        assert!(matches!(answer, Err(LockError::Held(_))));
    }
}

#[tokio::test]
async fn messages_are_taken_once_in_order() {
    for (store, _dir) in stores() {
        store.create("a", Vec::new()).await.unwrap();
        store.create("b", Vec::new()).await.unwrap();
        for text in ["first", "second"] {
            store.send("a", text.into()).await.unwrap();
        }
        assert!(store.take("b").await.unwrap().is_empty());
        // Whoever looks takes nothing.
        assert_eq!(store.messages("a").await.unwrap().len(), 2);
        assert!(store.messages("b").await.unwrap().is_empty());
        assert_eq!(
            store.take("a").await.unwrap(),
            [b"first".to_vec(), b"second".to_vec()]
        );
        assert!(store.take("a").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_memo_is_kept_until_the_next_one() {
    for (store, _dir) in stores() {
        let memo = |key: &str, text: &str, seconds| Memo {
            key: key.into(),
            bytes: text.into(),
            at: stamp(seconds),
        };
        assert_eq!(store.recall("x").await.unwrap(), None);
        store
            .remember(vec![memo("x", "old", 0), memo("y", "", 0)])
            .await
            .unwrap();
        store.remember(vec![memo("x", "new", 5)]).await.unwrap();
        assert_eq!(store.recall("x").await.unwrap(), Some(memo("x", "new", 5)));
        assert_eq!(store.recall("y").await.unwrap(), Some(memo("y", "", 0)));
    }
}

#[test]
fn a_conflict_names_who_holds_what_since_when() {
    let held = Held {
        scope: "www.example.org. A".into(),
        token: "t".into(),
        run: "20261122-030500-drill-k3f".into(),
        holder: Holder {
            pid: 4711,
            host: "ops1".into(),
            ..Holder::this_process()
        },
        since: stamp(0),
    };
    assert_eq!(
        held.to_string(),
        "`www.example.org. A` is locked by run `20261122-030500-drill-k3f` (pid 4711 on ops1) \
         since 2026-11-22 03:05:00 UTC"
    );
}
