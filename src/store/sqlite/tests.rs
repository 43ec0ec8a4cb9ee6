#![expect(
    clippy::disallowed_methods,
    reason = "what is in the folder is looked at and spoiled"
)]

use super::*;
use crate::store::Holder;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

fn entry(seq: u64, size: usize) -> Append {
    Append {
        run: "a".into(),
        seq,
        bytes: vec![b'x'; size].into(),
        hash: [u8::try_from(seq % 250).unwrap() + 1; 32],
        state: Vec::new(),
        under: None,
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Also where it was seen to be held a moment ago, and another process or this one has taken it since.
#[tokio::test]
async fn a_lock_that_another_took_over_holds_no_record() {
    let dead = Holder {
        started: Holder::this_process().started - 1,
        ..Holder::this_process()
    };
    let claim = |run: &str, holder: &Holder| Claim {
        run: run.into(),
        holder: holder.clone(),
        at: crate::clock::Stamp::at(0),
    };
    let scopes: Vec<String> = (0..100).map(|n| format!("h{n}.example.org. A")).collect();
    for same in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let first = Sqlite::open(dir.path()).unwrap();
        first.create("a", Vec::new()).await.unwrap();
        let lock = first.lock(&scopes, claim("a", &dead)).await.unwrap();
        let under = |seq| Append {
            under: Some(lock.clone()),
            ..entry(seq, 10)
        };
        for seq in 0..3 {
            first.append(under(seq)).await.unwrap();
        }
        let beside = Sqlite::open(dir.path()).unwrap();
        let taker = if same { &first } else { &beside };
        let me = Holder::this_process();
        (taker.lock(&scopes[70..71], claim("b", &me)).await).unwrap();
        let lost = Err(AppendError::LockLost(scopes[70].clone()));
        assert_eq!(first.append(under(3)).await, lost);
        assert_eq!(first.append(under(3)).await, lost);
        // Given back, whoever by: it is held by nobody.
        first.unlock(&lock.token).await.unwrap();
        let lost = Err(AppendError::LockLost(lock.scopes[0].clone()));
        assert_eq!(first.append(under(3)).await, lost);
    }
}

#[tokio::test]
async fn everything_is_there_for_the_next_process_and_for_one_beside() {
    let dir = tempfile::tempdir().unwrap();
    let first = Sqlite::open(dir.path()).unwrap();
    first.create("a", b"m".to_vec()).await.unwrap();
    first.append(entry(0, 10)).await.unwrap();
    let beside = Sqlite::open(dir.path()).unwrap();
    assert_eq!(beside.read("a", 0).await.unwrap().row.count, 1);
    first.append(entry(1, 10)).await.unwrap();
    assert_eq!(beside.read("a", 0).await.unwrap().row.count, 2);
    let taken = beside.append(Append {
        hash: [99; 32],
        ..entry(1, 10)
    });
    assert_eq!(taken.await, Err(AppendError::Taken { seq: 1 }));
}

#[test]
fn many_may_open_a_new_store_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| Sqlite::open(&path).unwrap());
        }
    });
}

#[tokio::test]
async fn nobody_else_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("deep/state");
    let store = Sqlite::open(&state).unwrap();
    store.create("a", Vec::new()).await.unwrap();
    assert_eq!(mode(&state), 0o700);
    for file in std::fs::read_dir(&state).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn a_full_disk_is_told_once_and_then_lives_on_the_reserve() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open_within(dir.path(), Some(100)).unwrap();
    let reserve = dir.path().join("reserve");
    assert_eq!(std::fs::metadata(&reserve).unwrap().len(), 1 << 20);
    store.create("a", Vec::new()).await.unwrap();
    let mut seq = 0;
    let full = loop {
        match store.append(entry(seq, 50_000)).await {
            Ok(()) => seq += 1,
            Err(error) => break error,
        }
        assert!(seq < 100);
    };
    assert_eq!(full, AppendError::Full);
    assert!(!reserve.exists());
    assert_eq!(store.read("a", 0).await.unwrap().row.count, seq);
    store.append(entry(seq, 50_000)).await.unwrap();
    let end = loop {
        seq += 1;
        match store.append(entry(seq, 50_000)).await {
            Ok(()) => assert!(seq < 100),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(end, AppendError::Store(StoreError::Full(_))),
        "{end}"
    );
}

#[tokio::test]
async fn what_the_reserve_gives_up_is_the_logs_before_another_writer_takes_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open_within(dir.path(), Some(100)).unwrap();
    store.create("a", Vec::new()).await.unwrap();
    let log = dir.path().join(format!("{FILE}-wal"));
    let beyond = || {
        let log = std::fs::metadata(&log).unwrap();
        (log.blocks() * 512).saturating_sub(log.len())
    };
    let mut seq = 0;
    while store.append(entry(seq, 50_000)).await.is_ok() {
        assert!(beyond() < 500_000, "nothing is taken before it is needed");
        seq += 1;
    }
    assert!(beyond() > 800_000, "{}", beyond());
}

#[tokio::test]
async fn what_frees_the_reserve_without_an_append_is_told_at_the_next_append() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open_within(dir.path(), Some(100)).unwrap();
    store.create("a", Vec::new()).await.unwrap();
    let memo = |number: u32| Memo {
        key: format!("key {number}"),
        bytes: vec![0; 50_000],
        at: crate::clock::Clock::real().now(),
    };
    let mut number = 0;
    while dir.path().join("reserve").exists() {
        store.remember(vec![memo(number)]).await.unwrap();
        number += 1;
        assert!(number < 100);
    }
    assert_eq!(store.append(entry(0, 10)).await, Err(AppendError::Full));
    store.append(entry(0, 10)).await.unwrap();
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(Sqlite::open(dir.path()).unwrap());
    let db = Connection::open(dir.path().join(FILE)).unwrap();
    db.pragma_update(None, "user_version", setup::SCHEMA + 1)
        .unwrap();
    let error = Sqlite::open(dir.path()).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found, .. } if found == setup::SCHEMA + 1),
        "{error}"
    );
}

#[test]
fn a_file_of_another_program_and_one_that_is_no_database_are_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(FILE);
    let db = Connection::open(&file).unwrap();
    db.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(db);
    let error = Sqlite::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");

    std::fs::write(&file, "this is a letter and no database".repeat(200)).unwrap();
    let error = Sqlite::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Sqlite::open(&file.join("state")).unwrap_err();
    assert!(error.to_string().contains("file/state"), "{error}");
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");
}

#[tokio::test]
async fn a_record_that_was_deleted_or_added_by_hand_is_missed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    store.create("a", Vec::new()).await.unwrap();
    for seq in 0..3 {
        store.append(entry(seq, 10)).await.unwrap();
    }
    let db = Connection::open(dir.path().join(FILE)).unwrap();
    for (seq, named) in [(2, "record 2"), (1, "record 1")] {
        db.execute("DELETE FROM records WHERE seq = ?1", [seq])
            .unwrap();
        let error = store.read("a", 0).await.unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
    db.execute(
        "INSERT INTO records VALUES ('a', 1, x''), ('a', 2, x''), ('a', 3, x'')",
        (),
    )
    .unwrap();
    let error = store.read("a", 0).await.unwrap_err();
    assert!(error.to_string().contains("record 3"), "{error}");
}

#[test]
fn the_files_of_a_team_are_its_groups() {
    let dir = tempfile::tempdir().unwrap();
    let team = std::fs::Permissions::from_mode(0o2770);
    std::fs::set_permissions(dir.path(), team).unwrap();
    let _store = Sqlite::open(dir.path()).unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o660, "{}", path.display());
        files += 1;
    }
    assert!(files >= 4, "database, log, index and reserve: {files}");
}

#[test]
fn what_root_makes_in_the_folder_of_somebody_else_is_theirs() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(dir.path(), Some(12_345), Some(23_456)).unwrap();
    }
    let whose = |path: &Path| {
        let found = std::fs::metadata(path).unwrap();
        (found.uid(), found.gid())
    };
    let _store = Sqlite::open(dir.path()).unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(whose(&path), whose(dir.path()), "{}", path.display());
        files += 1;
    }
    assert!(files >= 4, "database, log, index and reserve: {files}");
}

/// As after `kill -9` and a restore of the database alone.
#[test]
fn a_database_whose_log_was_taken_away_is_not_taken_for_whole() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(FILE);
    let mut reserve = setup::folder(dir.path(), &file, None).unwrap();
    {
        // Closed last, it would take its log and its index with it.
        let _open = setup::database(&file, None, &mut reserve).unwrap();
        std::fs::copy(
            setup::beside(&file, "-shm"),
            dir.path().join("index of then"),
        )
        .unwrap();
        assert!(
            setup::is_there(&file).unwrap(),
            "open, with a log and an index"
        );
    }
    assert!(
        setup::is_there(&file).unwrap(),
        "closed, with neither of them"
    );
    let index = setup::beside(&file, "-shm");
    std::fs::rename(dir.path().join("index of then"), &index).unwrap();
    let error = Sqlite::open_existing(dir.path()).unwrap_err();
    assert!(
        error.to_string().contains("`-wal` with the newest"),
        "{error}"
    );
    let error = Sqlite::open(dir.path()).unwrap_err();
    assert!(
        error.to_string().contains("`-wal` with the newest"),
        "{error}"
    );
    std::fs::remove_file(&index).unwrap();
    assert!(Sqlite::open_existing(dir.path()).unwrap().is_some());
}

#[test]
fn a_database_that_was_cut_to_nothing_is_not_taken_for_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    drop(Sqlite::open(dir.path()).unwrap());
    let file = dir.path().join(FILE);
    // The thread that owns the database closes it a moment later, and its log goes with it.
    let log = dir.path().join(format!("{FILE}-wal"));
    let patience = std::time::Instant::now() + Duration::from_secs(60);
    while log.exists() && std::time::Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::write(&file, "").unwrap();
    for error in [
        Sqlite::open(dir.path()).unwrap_err(),
        Sqlite::open_existing(dir.path()).unwrap_err(),
    ] {
        assert!(error.to_string().contains("it is empty"), "{error}");
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&log, "records").unwrap();
    let error = Sqlite::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("it is missing"), "{error}");
}

#[tokio::test]
async fn a_store_knows_whether_its_files_are_the_ones_at_their_paths() {
    type Blow = fn(&Path, &Path);
    let blows: &[(&str, Blow)] = &[
        ("cannot be seen", |dir, _| {
            std::fs::remove_dir_all(dir).unwrap()
        }),
        ("cannot be seen", |dir, _| {
            std::fs::rename(dir, dir.with_extension("away")).unwrap();
        }),
        ("was cut off", |_, file| {
            std::fs::File::options()
                .write(true)
                .open(file)
                .unwrap()
                .set_len(0)
                .unwrap();
        }),
        ("was replaced", |dir, file| {
            let copy = dir.join("copy");
            std::fs::copy(file, &copy).unwrap();
            std::fs::rename(copy, file).unwrap();
        }),
        ("holds no run", |_, file| {
            let db = Connection::open(file).unwrap();
            db.execute_batch("DELETE FROM records; DELETE FROM runs")
                .unwrap();
        }),
        ("holds another journal", |_, file| {
            let db = Connection::open(file).unwrap();
            db.execute("UPDATE runs SET head = x''", ()).unwrap();
            db.execute("UPDATE runs SET head = zeroblob(32)", ())
                .unwrap();
        }),
    ];
    for (why, blow) in blows {
        let above = tempfile::tempdir().unwrap();
        let dir = above.path().join("state");
        let store = Sqlite::open(&dir).unwrap();
        store.create("a", Vec::new()).await.unwrap();
        store.append(entry(0, 10)).await.unwrap();
        assert_eq!(store.holds("a", 1, entry(0, 10).hash).await, Ok(()));
        blow(&dir, &dir.join(FILE));
        let answer = store.holds("a", 1, entry(0, 10).hash).await;
        assert!(
            matches!(&answer, Err(StoreError::Gone(said)) if said.contains(why)),
            "{why}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn memos_of_looks_that_end_together_are_all_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    let memo = |number: usize| Memo {
        key: format!("key {number}"),
        bytes: vec![7],
        at: crate::clock::Clock::real().now(),
    };
    let all = (0..3 * GROUP).map(|number| store.remember(vec![memo(number)]));
    for kept in futures::future::join_all(all).await {
        kept.unwrap();
    }
    for number in [0, GROUP, 3 * GROUP - 1] {
        let kept = store.recall(&format!("key {number}")).await.unwrap();
        assert_eq!(kept.unwrap().bytes, [7]);
    }
}
