//! What stands between us and a program: something that hides, changes, delays or adds to what is printed. A write that
//! is said not to have run did not run; what is taken for a program's output is its own.

use std::time::Duration;

use cutover::event::Answer;
use cutover::world::exec::{Command, Exec, Inquiry, Reach};

use super::login::{forced, write};
use super::{LONG, ask_at_once, sh, ssh_lab, text};
use crate::lab::permit::{journal, permit};
use crate::lab::ssh::Sshd;
use crate::lab::{have, program};

/// Writes, and holds that it ran where it is said to have, and did not where it is said not to have.
async fn written(exec: &Exec, host: &Reach, server: &Sshd) -> Answer {
    let file = server.home().join("written");
    let answer = write(exec, host, "cat > ~/written", b"x\n").await;
    let there = file.exists();
    match &answer {
        Answer::Refused { why } => assert!(!there, "{}: it ran: {why}", host.name),
        _ => assert!(there, "{}: {answer:?}", host.name),
    }
    let _ = std::fs::remove_file(file);
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_on_each_line_changes_nothing() {
    let Some(lab) = ssh_lab() else { return };
    let asked = "sh -c \"$SSH_ORIGINAL_COMMAND\"";
    let cases = [
        ("returns", format!("{asked} 2>&1 | sed -u 's/$/\\r/'")),
        ("mixes", format!("{asked} 2>&1")),
        (
            "stamps",
            format!("{asked} 2>&1 | while read -r l; do echo \"$(date +%T) $l\"; done"),
        ),
        ("passes", format!("{asked} | cat; exit 0")),
        (
            "records",
            "script -qec \"$SSH_ORIGINAL_COMMAND\" /dev/null".to_owned(),
        ),
    ];
    let exec = Exec::new();
    for (name, command) in cases {
        if name == "records" && !have(&["script"]) {
            continue;
        }
        let (server, host) = forced(&lab, name, &command);
        for times in [1, 2] {
            let inquiry = sh("printf 'a\\0b\\r\\n\\n '; exit 3");
            let output = ask_at_once(&exec, &host, &inquiry, times).await;
            assert_eq!(output.status, Some(3), "{name}");
            assert_eq!(output.stdout, b"a\0b\r\n\n ", "{name}");
        }
        let answer = written(&exec, &host, &server).await;
        assert!(matches!(answer, Answer::Done { .. }), "{name}: {answer:?}");
    }
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_output_goes_elsewhere_does_not_run() {
    let Some(lab) = ssh_lab() else { return };
    let asked = "sh -c \"$SSH_ORIGINAL_COMMAND\"";
    let cases = [
        ("file", format!("{asked} > ~/log 2>&1; echo logged")),
        ("nowhere", format!("{asked} >/dev/null 2>&1 & exit 0")),
        ("short", format!("{asked} | head -c 20")),
        ("closed", format!("{asked} >&- 2>&-")),
        (
            "deaf",
            format!("trap '' PIPE; {asked} >&- 2>&- & sleep 1; exit 0"),
        ),
    ];
    let exec = Exec::new();
    for (name, command) in cases {
        let (server, host) = forced(&lab, name, &command);
        // What waits to be told is not kept waiting for the whole time.
        let answer = written(&exec, &host, &server).await;
        assert!(
            matches!(answer, Answer::Refused { .. }),
            "{name}: {answer:?}"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!server.home().join("written").exists(), "{name}");
    }
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_takes_too_long_lets_no_write_begin_later() {
    let Some(lab) = ssh_lab() else { return };
    let late = "trap '' PIPE; sleep 4; sh -c \"$SSH_ORIGINAL_COMMAND\"; touch ~/over";
    let (server, mut host) = forced(&lab, "late", late);
    let exec = Exec::new();
    exec.ask(&host, &sh("true"), LONG).await.unwrap();
    let over = server.home().join("over");
    std::fs::remove_file(&over).unwrap();
    host.name = format!("late-{}", std::process::id());
    let command = Command {
        argv: ["touch", "written"].map(String::from).into(),
        stdin: Vec::new(),
    };
    let mut live = journal().await;
    let permit = permit(&mut live, "file", Duration::from_secs(9)).await;
    let answer = exec.run(&host, &command, permit).await;
    let Answer::Refused { why } = &answer else {
        panic!("{answer:?}");
    };
    // On a quick machine it comes to itself in time to tell so.
    let late = ["did not begin within", "was not told to begin"];
    assert!(late.iter().any(|words| why.contains(words)), "{why}");
    for _ in 0..100 {
        if over.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(over.exists() && !server.home().join("written").exists());
    // A look tells the same, beside others too.
    for times in [1, 2] {
        let inquiry = sh("true");
        let time = Duration::from_secs(2);
        let asks = (0..times).map(|_| exec.ask(&host, &inquiry, time));
        for answer in futures::future::join_all(asks).await {
            let unseen = answer.unwrap_err();
            assert!(unseen.detail.contains("did not begin"), "{unseen:?}");
        }
    }
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_login_left_behind_prints_is_not_the_programs() {
    let Some(lab) = ssh_lab() else { return };
    let noisy = "(while sleep 0.02; do echo passive; printf x; echo bad >&2; done) & \
        sh -c \"$SSH_ORIGINAL_COMMAND\"; status=$?; kill $!; exit $status";
    let (_server, host) = forced(&lab, "noisy", noisy);
    let exec = Exec::new();
    let inquiry = sh("echo a; sleep 0.3; echo b; echo c >&2");
    for times in [1, 3] {
        let output = ask_at_once(&exec, &host, &inquiry, times).await;
        assert_eq!(
            (text(&output).as_str(), &*output.stderr),
            ("a\nb\n", &b"c\n"[..])
        );
    }
    let mut lines = Vec::new();
    let mut line = |line: &[u8]| lines.push(String::from_utf8_lossy(line).into_owned());
    exec.stream(&host, &inquiry.clone().niced(), LONG, &mut line)
        .await
        .unwrap();
    assert_eq!(lines, ["a", "b"]);
    let answer = write(&exec, &host, "sleep 0.3; echo done", b"").await;
    let note = "done".to_owned();
    assert_eq!(answer, Answer::Done { note });
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_without_what_a_write_needs_is_told_before_and_runs_none() {
    let Some(lab) = ssh_lab() else { return };
    let exec = Exec::new();
    let path = "mkdir -p ~/few; for p in sh env id date dd od tr cat sleep timeout touch; do \
        ln -sf \"$(command -v $p)\" ~/few; done; PATH=~/few; sh -c \"$SSH_ORIGINAL_COMMAND\"";
    let (server, host) = forced(&lab, "few", path);
    // Without `base64` the outputs come coded in another way.
    let output = ask_at_once(&exec, &host, &sh("printf 'a\\0b'; exit 3"), 1).await;
    assert_eq!((output.status, &*output.stdout), (Some(3), &b"a\0b"[..]));
    // `sshd` adds no folders, but we do, so the tool has to be broken there.
    server.replace_program("flock", "#!/bin/sh\nexit 64\n");
    let answer = written(&exec, &lab.reach("few"), &server).await;
    if let Answer::Refused { why } = &answer {
        assert!(why.contains("util-linux"), "{why}");
    }
    let (server, host) = forced(&lab, "odd", "sh -c \"$SSH_ORIGINAL_COMMAND\"");
    server.replace_program("flock", "#!/bin/sh\nexit 64\n");
    let answer = written(&exec, &host, &server).await;
    let Answer::Refused { why } = &answer else {
        panic!("{answer:?}");
    };
    assert!(
        why.contains("`flock`") && why.contains("util-linux"),
        "{why}"
    );
    // A plan asks for the same before.
    let could = async || exec.could_run(&host, &["true"], LONG).await.unwrap();
    let why = could().await.unwrap();
    assert!(why.contains("util-linux"), "{why}");
    server.replace_program("flock", "#!/bin/sh\nexec /usr/bin/flock \"$@\"\n");
    assert_eq!(could().await, None);
    // Without `timeout` nothing is run, and that is no answer of the program.
    let path = "mkdir -p ~/none; for p in sh env id date dd od tr cat nice true; do \
        ln -sf \"$(command -v $p)\" ~/none; done; PATH=~/none; sh -c \"$SSH_ORIGINAL_COMMAND\"";
    let (_server, host) = forced(&lab, "none", path);
    for inquiry in [Inquiry::looks_only(["true"]), sh("true").niced()] {
        let why = exec.ask(&host, &inquiry, LONG).await.unwrap_err();
        assert!(why.detail.contains("`timeout` is not there"), "{why:?}");
    }
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_has_nothing_but_busybox_is_a_host() {
    let Some(lab) = ssh_lab() else { return };
    if !have(&["busybox"]) {
        return;
    }
    let exec = Exec::new();
    let path = format!(
        "mkdir -p ~/box; for p in $({0} --list); do ln -sf {0} ~/box/$p; done; \
         [ -e ~/box/flock ] || ln -s \"$(command -v flock)\" ~/box; PATH=~/box; \
         sh -c \"$SSH_ORIGINAL_COMMAND\"",
        program("busybox").display()
    );
    let (server, host) = forced(&lab, "box", &path);
    for times in [1, 3] {
        let output = ask_at_once(&exec, &host, &sh("printf 'a\\0b\\n '; exit 3"), times).await;
        assert_eq!((output.status, &*output.stdout), (Some(3), &b"a\0b\n "[..]));
    }
    let could = exec.could_run(&host, &["true"], LONG).await.unwrap();
    assert_eq!(could, None);
    let answer = written(&exec, &host, &server).await;
    assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
    // A long look ends where it is given up, and a deadline is told.
    let late = exec
        .ask(&host, &sh("sleep 30").niced(), Duration::from_secs(2))
        .await;
    assert!(late.is_err(), "{late:?}");
    exec.close().await;
}
