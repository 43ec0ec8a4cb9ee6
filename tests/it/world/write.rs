//! Programs that change something: they cost a permit, hold a lock, and end in time.

use std::path::Path;
use std::time::{Duration, Instant};

use cutover::event::Answer;
use cutover::world::exec::{Command, Exec, Reach, Via};

use crate::lab::permit::{journal, permit};
use crate::lab::ssh::SshLab;
use crate::lab::{READY, free_port, have, read, wait_until};

const MINUTE: Duration = Duration::from_secs(60);

fn sh(script: &str) -> Command {
    Command {
        argv: ["sh", "-c", script].map(String::from).into(),
        stdin: Vec::new(),
    }
}

async fn run(exec: &Exec, host: &Reach, command: &Command, place: &str, time: Duration) -> Answer {
    let mut live = journal().await;
    exec.run(host, command, permit(&mut live, place, time).await)
        .await
}

/// A name of a host that no other test uses, so that no two tests share a lock.
fn local(name: &str) -> Reach {
    Reach {
        name: format!("{name}-{}", std::process::id()),
        via: Via::Local,
        sudo: false,
    }
}

async fn answers(exec: &Exec, host: &Reach, folder: &Path) {
    let file = folder.join("written");
    let script = format!("cat > {}; echo first; echo 'all done'", file.display());
    let command = Command {
        stdin: b"data".into(),
        ..sh(&script)
    };
    let answer = run(exec, host, &command, "file", MINUTE).await;
    let note = "all done".to_owned();
    assert_eq!(answer, Answer::Done { note });
    assert_eq!(read(&file), "data");

    let answer = run(
        exec,
        host,
        &sh("echo 'no space' >&2; exit 3"),
        "file",
        MINUTE,
    )
    .await;
    let Answer::Unclear { why } = &answer else {
        panic!("{answer:?}");
    };
    assert!(
        why.contains("status 3") && why.contains("no space"),
        "{why}"
    );

    let missing = Command {
        argv: vec!["no-such-program-here".into()],
        stdin: Vec::new(),
    };
    let answer = run(exec, host, &missing, "file", MINUTE).await;
    assert!(matches!(answer, Answer::Refused { .. }), "{answer:?}");

    // It ran, whatever it says of something that it did not find.
    let helper = folder.join("helper");
    let script = format!("touch {}; timeout 5 /opt/site/check.sh", helper.display());
    let answer = run(exec, host, &sh(&script), "file", MINUTE).await;
    assert!(helper.exists());
    let Answer::Unclear { why } = &answer else {
        panic!("{answer:?}");
    };
    assert!(why.contains("status 127"), "{why}");

    // What it ends with is its own, unless its deadline is over.
    for status in [124, 130, 137] {
        let answer = run(exec, host, &sh(&format!("exit {status}")), "file", MINUTE).await;
        let why = format!("`sh` ended with status {status}");
        assert_eq!(answer, Answer::Unclear { why });
    }

    // It got as far as its own words say, and its first half was done.
    let half = folder.join("half");
    let script = format!(
        "touch {}; echo 'sudo: a password is required' >&2; exit 1",
        half.display()
    );
    let answer = run(exec, host, &sh(&script), "file", MINUTE).await;
    assert!(half.exists());
    let Answer::Unclear { why } = &answer else {
        panic!("{answer:?}");
    };
    assert!(
        why.ends_with("status 1: sudo: a password is required"),
        "{why}"
    );

    let never = folder.join("never");
    let touch = sh(&format!("touch {}", never.display()));
    let answer = run(exec, host, &touch, "file", Duration::from_secs(2)).await;
    assert!(matches!(answer, Answer::Refused { .. }), "{answer:?}");
    assert!(!never.exists());
}

/// One write per place; another place is free meanwhile.
async fn excludes(exec: &Exec, host: &Reach, folder: &Path) {
    let (begun, go) = (folder.join("begun"), folder.join("go"));
    let slow = sh(&format!(
        "touch {}; while ! [ -e {} ]; do sleep 0.05; done; echo slow",
        begun.display(),
        go.display()
    ));
    let first = run(exec, host, &slow, "zone", MINUTE);
    let others = async {
        let start = Instant::now();
        while !begun.exists() {
            assert!(start.elapsed() < READY);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let same = run(exec, host, &sh("true"), "zone", MINUTE).await;
        let other = run(exec, host, &sh("true"), "other zone", MINUTE).await;
        std::fs::write(&go, "").unwrap();
        (same, other)
    };
    let (first, (same, other)) = tokio::join!(first, others);
    assert!(matches!(first, Answer::Done { .. }), "{first:?}");
    assert!(matches!(other, Answer::Done { .. }), "{other:?}");
    let Answer::Refused { why } = &same else {
        panic!("{same:?}");
    };
    assert!(why.contains("still running"), "{why}");
    let again = run(exec, host, &sh("true"), "zone", MINUTE).await;
    assert!(matches!(again, Answer::Done { .. }), "{again:?}");
}

/// A program that does not end is ended before the permit does, and the lock is free again.
async fn ends_in_time(exec: &Exec, host: &Reach, folder: &Path) {
    let file = folder.join("pid");
    let script = format!("echo $$ > {}; exec sleep 300", file.display());
    let begun = Instant::now();
    let time = Duration::from_secs(25);
    let answer = run(exec, host, &sh(&script), "service", time).await;
    let Answer::Unclear { why } = &answer else {
        panic!("{answer:?}");
    };
    assert!(why.contains("at its deadline"), "{why}");
    assert!(begun.elapsed() < time, "{:?}", begun.elapsed());
    let pid = read(&file);
    assert!(!pid.trim().is_empty(), "it began");
    assert!(!Path::new("/proc").join(pid.trim()).exists());
    let answer = run(exec, host, &sh("true"), "service", MINUTE).await;
    assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_here() {
    let (exec, folder) = (Exec::new(), tempfile::tempdir().unwrap());
    let host = local("writes");
    answers(&exec, &host, folder.path()).await;
    excludes(&exec, &host, folder.path()).await;
    ends_in_time(&exec, &host, folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_on_far_hosts() {
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let alpha = lab.host("alpha");
    let exec = Exec::new();
    let mut host = lab.reach("alpha6");
    host.name = local("far").name;
    answers(&exec, &host, &alpha.home()).await;
    excludes(&exec, &host, &alpha.home()).await;
    ends_in_time(&exec, &host, &alpha.home()).await;
    assert_eq!(alpha.logins(), 1);
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_never_left_is_refused() {
    if !have(&["ssh"]) {
        return;
    }
    let lab = SshLab::new();
    lab.add("refused", "::1", free_port());
    let answer = run(
        &Exec::new(),
        &lab.reach("refused"),
        &sh("true"),
        "x",
        MINUTE,
    )
    .await;
    let Answer::Refused { why } = &answer else {
        panic!("{answer:?}");
    };
    assert!(why.contains("refuses connections"), "{why}");
}

/// What is given up midway goes on, and nobody else writes the place until it has ended.
async fn outlives(host: &Reach, folder: &Path) {
    let (begun, go, file) = (folder.join("b"), folder.join("g"), folder.join("f"));
    let slow = sh(&format!(
        "touch {}; while ! [ -e {} ]; do sleep 0.05; done; touch {}",
        begun.display(),
        go.display(),
        file.display()
    ));
    let task = {
        let (exec, host) = (Exec::new(), host.clone());
        tokio::spawn(async move { run(&exec, &host, &slow, "kept", MINUTE).await })
    };
    let start = Instant::now();
    while !begun.exists() {
        assert!(start.elapsed() < READY);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let exec = Exec::new();
    let answer = run(&exec, host, &sh("true"), "kept", MINUTE).await;
    assert!(matches!(answer, Answer::Refused { .. }), "{answer:?}");
    std::fs::write(&go, "").unwrap();
    wait_until("the write ends", READY, || file.exists().then_some(()));
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_is_given_up_goes_on_under_its_lock() {
    let folder = tempfile::tempdir().unwrap();
    outlives(&local("outlives"), folder.path()).await;
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let alpha = lab.host("alpha");
    let mut host = lab.reach("alpha");
    host.name = local("outlives-far").name;
    outlives(&host, &alpha.home()).await;
}
