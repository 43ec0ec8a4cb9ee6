//! What people write into the files of a login: what a write will meet is met by the plan, and named.

use std::time::{Duration, Instant};

use cutover::event::Answer;
use cutover::world::exec::{Exec, Reach};

use super::login::write;
use super::{LONG, ask_at_once, sh, ssh_lab, text};
use crate::lab::have;
use crate::lab::ssh::{SshLab, Sshd};

/// A host whose login reads these lines first, as bash reads `.bashrc`.
fn profile(lab: &SshLab, name: &str, lines: &str, more: &str) -> (Sshd, Reach) {
    let bash = "ForceCommand SHLVL=3 BASH_ENV=~/profile exec bash -c \"$SSH_ORIGINAL_COMMAND\"";
    let host = lab.host_with(name, &format!("{bash}\n{more}"));
    let lines = format!("unset BASH_ENV\n{lines}\n");
    std::fs::write(host.home().join("profile"), lines).unwrap();
    (host, lab.reach(name))
}

/// The lab, where the far shell is there too.
fn bash_lab() -> Option<SshLab> {
    ssh_lab().filter(|_| have(&["bash"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_harms_nothing_lets_everything_pass() {
    let Some(lab) = bash_lab() else { return };
    let cases = [
        ("trap", "trap 'echo bye; echo bye >&2' EXIT"),
        ("folder", "cd /tmp; cd /nowhere"),
        ("strict", "set -euo pipefail; set -x; umask 077"),
        ("lines", "exec > >(sed -u 's/^/x /')"),
        ("mute", "exec 2>/dev/null"),
        ("terminal", "stty -echo; TMOUT=1; sleep 600 &"),
        ("fields", "export IFS=x POSIXLY_CORRECT=1 ENV=~/x"),
        ("slow", "sleep 4"),
    ];
    for (name, lines) in cases {
        let (_server, host) = profile(&lab, name, lines, "");
        let exec = Exec::new();
        for inquiry in [sh("echo here"), sh("echo here").niced()] {
            for times in [1, 3] {
                let output = ask_at_once(&exec, &host, &inquiry, times).await;
                assert_eq!(text(&output), "here\n", "{name}");
            }
        }
        let could = exec.could_run(&host, &["true"], LONG).await;
        assert_eq!(could, Ok(None), "{name}");
        let answer = write(&exec, &host, "echo done", b"").await;
        assert!(matches!(answer, Answer::Done { .. }), "{name}: {answer:?}");
        exec.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stops_a_write_stops_its_plan_with_the_reason_and_soon() {
    let Some(lab) = bash_lab() else { return };
    let (keeps, reads) = ("keeps it back until they end", "reads the standard input");
    let cases = [
        ("kept", "exec > >(sed 's/^/x /')", keeps),
        ("both", "exec > >(sed 's/^/x /') 2>&1", keeps),
        ("reckoned", "exec > >(awk '{ print \"x\", $0 }')", keeps),
        ("eats", "cat", reads),
        ("swallows", "cat >/dev/null", reads),
        ("asks", "read -r x", reads),
        ("closes", "exec <&-", reads),
        ("nothing", "exec </dev/null", reads),
        ("elsewhere", "exec >/dev/null", "sends that elsewhere"),
        ("pathless", "PATH=", "No such file"),
    ];
    for (name, lines, why) in cases {
        let (server, host) = profile(&lab, name, lines, "");
        let exec = Exec::new();
        let begun = Instant::now();
        let could = exec.could_run(&host, &["true"], LONG).await.unwrap_err();
        assert!(could.detail.contains(why), "{name}: {could:?}");
        assert!(begun.elapsed() < LONG / 4, "{name}: {:?}", begun.elapsed());
        if name == "kept" {
            let output = ask_at_once(&exec, &host, &sh("echo here"), 1).await;
            assert_eq!(text(&output), "here\n");
            let answer = write(&exec, &host, "touch ~/written", b"").await;
            let Answer::Refused { why: told } = &answer else {
                panic!("{name}: {answer:?}");
            };
            assert!(told.contains(why), "{name}: {told}");
            assert!(!server.home().join("written").exists());
        }
        exec.close().await;
    }
}

/// What begins as a write does is not asked beside others before it is asked alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_as_slow_as_a_write_may_wait_for_is_waited_for_by_the_plan() {
    let Some(lab) = bash_lab() else { return };
    let (_server, host) = profile(&lab, "slower", "sleep 7", "");
    let exec = Exec::new();
    let time = Duration::from_secs(20);
    let could = async || exec.could_run(&host, &["true"], time).await;
    let (one, other) = (could(), could());
    let here = sh("echo here");
    let both = tokio::join!(one, other, exec.ask(&host, &here, time));
    assert_eq!((both.0, both.1), (Ok(None), Ok(None)));
    exec.close().await;
}

/// A long look ends where its input does, so it needs its own; where there is one session, it holds up the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_look_tells_soon_that_its_input_is_read() {
    let Some(lab) = bash_lab() else { return };
    let cases = [
        ("eats", "cat >/dev/null"),
        ("asks", "read -r x"),
        ("closes", "exec <&-"),
        ("nothing", "exec </dev/null"),
    ];
    for (name, lines) in cases {
        let (_server, host) = profile(&lab, name, lines, "MaxSessions 1");
        let exec = Exec::new();
        let (long, short) = (sh("echo long").niced(), sh("echo short"));
        let begun = Instant::now();
        let (long, short) = tokio::join!(
            exec.ask(&host, &long, 10 * LONG),
            ask_at_once(&exec, &host, &short, 3)
        );
        let why = long.unwrap_err().detail;
        assert!(why.contains("reads the standard input"), "{name}: {why}");
        assert_eq!(text(&short), "short\n", "{name}");
        assert!(begun.elapsed() < LONG / 2, "{name}: {:?}", begun.elapsed());
        exec.close().await;
    }
}

/// Whether a look is answered does not depend on whether it rides with a neighbour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_shell_of_the_login_does_not_run_what_we_ask() {
    let Some(lab) = bash_lab() else { return };
    let (_server, host) = profile(&lab, "other", "exec sh", "");
    let exec = Exec::new();
    let inquiry = sh("echo here");
    let alone = exec.ask(&host, &inquiry, LONG).await.unwrap_err();
    let three = [0, 1, 2].map(|_| exec.ask(&host, &inquiry, LONG));
    for one in futures::future::join_all(three).await {
        assert_eq!(one.unwrap_err(), alone);
    }
    exec.close().await;
}

/// Where the one session of a host never gets past its login, that is the reason, and not that it is busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_never_ends_is_told_from_a_busy_host() {
    let Some(lab) = bash_lab() else { return };
    let (_server, host) = profile(&lab, "hangs", "sleep 30", "MaxSessions 1");
    let exec = Exec::new();
    let inquiry = sh("echo here");
    let time = Duration::from_secs(8);
    let three = [0, 1, 2].map(|_| exec.ask(&host, &inquiry, time));
    for one in futures::future::join_all(three).await {
        let why = one.unwrap_err().detail;
        assert!(why.contains("its login takes that long"), "{why}");
    }
    exec.close().await;
}
