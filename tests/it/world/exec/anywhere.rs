//! What holds for a program wherever it runs.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cutover::event::Cause;
use cutover::world::exec::{Exec, Inquiry, KEEP, LINE, Reach, Via};

use super::{BEGINS, LONG, alive, ask_at_once, local, sh, ssh_lab, text};
use crate::lab::{READY, read, wait_until};

/// What holds for a program wherever it runs, and however many are asked at once.
async fn behaves(exec: &Exec, host: &Reach, times: usize) {
    let ask = async |inquiry: &Inquiry| ask_at_once(exec, host, inquiry, times).await;
    let awkward = [
        "a b",
        "$HOME",
        "it's",
        "\"",
        "*",
        "",
        "\\",
        "ü",
        "line\nbreak",
    ];
    let words = ["printf", "%s|"].iter().chain(&awkward).copied();
    let output = ask(&Inquiry::looks_only(words)).await;
    assert_eq!(text(&output), awkward.join("|") + "|");
    assert_eq!(output.status, Some(0));

    let output = ask(&sh("echo out; echo err >&2; exit 3")).await;
    assert_eq!((output.status, text(&output).as_str()), (Some(3), "out\n"));
    assert_eq!(output.stderr, b"err\n");

    let output = ask(&sh("echo $LC_ALL $TZ")).await;
    assert_eq!(text(&output), "C UTC\n");

    let output = ask(&Inquiry::looks_only(["cat"]).stdin(vec![b'x'; 300_000])).await;
    assert_eq!(output.stdout.len(), 300_000);

    let output = ask(&Inquiry::script_that_looks_only("a='1 2'\necho \"$a\"")).await;
    assert_eq!(text(&output), "1 2\n");

    let output = ask(&Inquiry::looks_only(["no-such-program-here"])).await;
    assert_eq!((output.status, output.missing), (Some(127), true));

    // A helper that is not there is not the program; and what a program ends with is no signal.
    let output = ask(&sh("true; no-such-program-here")).await;
    assert_eq!((output.status, output.missing), (Some(127), false));
    for status in [124, 126, 130, 137, 143, 192] {
        let output = ask(&sh(&format!("exit {status}"))).await;
        assert_eq!((output.status, output.missing), (Some(status), false));
    }

    let output = ask(&sh("echo last words; kill -9 $$")).await;
    assert_eq!(
        (output.status, text(&output).as_str()),
        (None, "last words\n")
    );

    let output = ask(&sh("printf 'a\\0b\\n\\n '; exit 128")).await;
    assert_eq!(
        (output.status, &output.stdout[..]),
        (Some(128), &b"a\0b\n\n "[..])
    );

    let output = ask(&Inquiry::looks_only(["nice"]).niced()).await;
    assert_eq!(text(&output), "19\n");

    let output = ask(&sh(&format!("head -c {} /dev/zero", KEEP + 1))).await;
    assert_eq!((output.status, output.stdout.len()), (Some(0), KEEP));
    assert!(output.truncated);

    let mut lines = Vec::new();
    let script = format!("echo a; head -c {} /dev/zero; echo; echo; echo z", LINE + 9);
    let mut keep = |line: &[u8]| lines.push(line.to_vec());
    let output = exec
        .stream(host, &sh(&script), LONG, &mut keep)
        .await
        .unwrap();
    assert_eq!(output.stdout, b"");
    assert!(output.truncated);
    let lengths: Vec<usize> = lines.iter().map(Vec::len).collect();
    assert_eq!(lengths, [1, LINE, 0, 1]);

    // A program that leaves a child behind on its streams has ended all the same.
    if host.via == Via::Local {
        let begun = Instant::now();
        let output = ask(&sh("sleep 300 & echo $!")).await;
        assert!(begun.elapsed() < LONG);
        let pid = text(&output);
        Command::new("kill").arg(pid.trim()).status().unwrap();
    }
}

/// A program that does not end is ended where it runs, with all that it started.
async fn ends_in_time(exec: &Exec, host: &Reach, folder: &Path) {
    let file = folder.join("pids");
    let script = format!(
        "sleep 300 & echo $$ $! > {0}.new; mv {0}.new {0}; wait",
        file.display()
    );
    let begun = Instant::now();
    let unseen = exec.ask(host, &sh(&script), BEGINS).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::TimedOut, "{unseen:?}");
    assert!(unseen.detail.contains("`sh`"), "{unseen:?}");
    assert!(begun.elapsed() < BEGINS + LONG);
    let pids = read(&file);
    assert_eq!(pids.split_whitespace().count(), 2);
    for pid in pids.split_whitespace() {
        wait_until("the program ends", READY, || (!alive(pid)).then_some(()));
    }
}

#[tokio::test]
async fn programs_here() {
    behaves(&Exec::new(), &local(), 1).await;
    let folder = tempfile::tempdir().unwrap();
    ends_in_time(&Exec::new(), &local(), folder.path()).await;
}

#[tokio::test]
async fn a_wait_that_is_given_up_ends_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("sleep 300 & echo $! > {}; wait", file.display());
    let (exec, host, inquiry) = (Exec::new(), local(), sh(&script));
    let task = tokio::spawn(async move { exec.ask(&host, &inquiry, LONG).await });
    let begun = Instant::now();
    while read(&file).trim().is_empty() {
        assert!(begun.elapsed() < LONG);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let pid = read(&file);
    wait_until("the program ends", READY, || (!alive(&pid)).then_some(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_on_far_hosts() {
    let Some(lab) = ssh_lab() else { return };
    let alpha = lab.host("alpha");
    let exec = Exec::new();
    behaves(&exec, &lab.reach("alpha"), 1).await;
    behaves(&exec, &lab.reach("alpha"), 3).await;
    ends_in_time(&exec, &lab.reach("alpha"), &alpha.home()).await;
    assert_eq!(alpha.logins(), 1, "{}", alpha.log());
    // The same over IPv6, where the host has a connection of its own.
    let output = exec
        .ask(
            &lab.reach("alpha6"),
            &sh("echo $HOME $SSH_CONNECTION"),
            LONG,
        )
        .await
        .unwrap();
    let said = text(&output);
    assert!(
        said.starts_with(&format!("{} ::1 ", alpha.home().display())),
        "{said}"
    );
    exec.close().await;
}

/// A sudo that lets everything pass, warns, and says that it was there.
const SUDO: &str = "#!/bin/sh\n[ \"$1\" = -n ] || exit 9\nshift\n\
    echo 'sudo: unable to resolve host alpha: Name or service not known' >&2\n\
    MARK=sudo exec env -u TZ \"$@\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sudo_is_used_where_the_playbook_says_so_and_its_words_are_its_own() {
    let Some(lab) = ssh_lab() else { return };
    let alpha = lab.host("alpha");
    let (exec, mut host) = (Exec::new(), lab.reach("alpha"));
    host.sudo = true;
    alpha.replace_program("sudo", SUDO);
    for inquiry in [sh("echo $MARK $TZ"), sh("echo $MARK $TZ").niced()] {
        for times in [1, 2] {
            let output = ask_at_once(&exec, &host, &inquiry, times).await;
            assert_eq!(text(&output), "sudo UTC\n");
            assert_eq!(output.stderr, b"", "a warning of sudo is not the program's");
        }
    }
    let refuses = "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n";
    alpha.replace_program("sudo", refuses);
    for times in [1, 2] {
        let inquiry = sh("echo here");
        let asks = (0..times).map(|_| exec.ask(&host, &inquiry, LONG));
        for answer in futures::future::join_all(asks).await {
            let unseen = answer.unwrap_err();
            assert_eq!(unseen.cause, Cause::Denied);
            let detail = "host `alpha` did not run `sh`: sudo refuses it (a password is required)";
            assert!(unseen.detail.starts_with(detail), "{unseen:?}");
        }
    }
    exec.close().await;
}
