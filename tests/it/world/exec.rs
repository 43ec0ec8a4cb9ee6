//! Programs, here and over ssh.

use std::path::Path;
use std::time::{Duration, Instant};

use cutover::event::Cause;
use cutover::world::exec::{Exec, Inquiry, KEEP, LINE, Output, Reach, Via};

use crate::lab::ssh::SshLab;
use crate::lab::{FrozenPort, READY, V4, V6, free_port, have, read, wait_until};

const LONG: Duration = Duration::from_secs(20);

fn local() -> Reach {
    Reach {
        name: "here".into(),
        via: Via::Local,
        sudo: false,
    }
}

fn sh(script: &str) -> Inquiry {
    Inquiry::looks_only(["sh", "-c", script])
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether a process is there; a zombie is not.
fn alive(pid: &str) -> bool {
    let status = read(&Path::new("/proc").join(pid.trim()).join("stat"));
    !status.is_empty() && !status.contains(") Z ")
}

/// Asks the same so many times at once: all must see the same.
async fn ask_at_once(exec: &Exec, host: &Reach, inquiry: &Inquiry, times: usize) -> Output {
    let asks = (0..times).map(|_| exec.ask(host, inquiry, LONG));
    let mut outputs = futures::future::try_join_all(asks).await.unwrap();
    let last = outputs.pop().unwrap();
    for other in outputs {
        assert_eq!(other, last);
    }
    last
}

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
    assert_eq!(text(&output), "C.UTF-8 UTC\n");

    let output = ask(&Inquiry::looks_only(["cat"]).stdin(vec![b'x'; 300_000])).await;
    assert_eq!(output.stdout.len(), 300_000);

    let output = ask(&Inquiry::script_that_looks_only("a='1 2'\necho \"$a\"")).await;
    assert_eq!(text(&output), "1 2\n");

    let output = ask(&Inquiry::looks_only(["no-such-program-here"])).await;
    assert_eq!(output.status, Some(127));

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
    let begun = Instant::now();
    if host.via == Via::Local {
        let output = ask(&sh("sleep 60 & echo $!")).await;
        assert!(begun.elapsed() < Duration::from_secs(30));
        let pid = text(&output);
        std::process::Command::new("kill")
            .arg(pid.trim())
            .status()
            .unwrap();
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
    let unseen = exec
        .ask(host, &sh(&script), Duration::from_secs(2))
        .await
        .unwrap_err();
    assert_eq!(unseen.cause, Cause::TimedOut, "{unseen:?}");
    assert!(unseen.detail.contains("`sh`"), "{unseen:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
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
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_questions_share_one_connection() {
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let alpha = lab.host_with("alpha", "MaxSessions 6");
    alpha.replace_program("whoami", "#!/bin/sh\necho \"alpha's own\"\n");
    let (exec, host) = (Exec::new(), lab.reach("alpha"));
    let asks = (0..20).map(|n| {
        let (exec, host) = (exec.clone(), host.clone());
        async move {
            let output = exec
                .ask(&host, &sh(&format!("whoami; echo {n}")), LONG)
                .await
                .unwrap();
            assert_eq!(text(&output), format!("alpha's own\n{n}\n"));
        }
    });
    futures::future::join_all(asks).await;
    // A session of its own for each would be 20.
    assert_eq!(alpha.logins(), 1, "{}", alpha.log());
    assert!(alpha.sessions() <= 4, "{}", alpha.log());
    exec.close().await;
    wait_until("the connection is closed", READY, || {
        alpha.log().contains("Disconnected from user").then_some(())
    });
    // After a close, a question opens a new one.
    exec.ask(&host, &sh("true"), LONG).await.unwrap();
    assert_eq!(alpha.logins(), 2);
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_shared_round_trip_nobody_waits_for_another_and_each_has_its_own_deadline() {
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let alpha = lab.host("alpha");
    let (exec, host) = (Exec::new(), lab.reach("alpha"));
    exec.ask(&host, &sh("true"), LONG).await.unwrap();
    let before = alpha.sessions();
    let go_on = alpha.home().join("go-on");
    let script = format!(
        "until [ -e {} ]; do sleep 0.05; done; echo slow",
        go_on.display()
    );
    let (slow_one, late_one) = (sh(&script), sh("echo $$ > ~/late; sleep 300"));
    let slow = exec.ask(&host, &slow_one, LONG);
    let late = exec.ask(&host, &late_one, Duration::from_secs(2));
    let quick = async {
        let output = exec.ask(&host, &sh("echo quick"), LONG).await.unwrap();
        assert_eq!(text(&output), "quick\n");
        // Only now may the slow one end.
        std::fs::write(&go_on, "").unwrap();
    };
    let (slow, late, ()) = tokio::join!(slow, late, quick);
    assert_eq!(text(&slow.unwrap()), "slow\n");
    assert_eq!(late.unwrap_err().cause, Cause::TimedOut);
    assert_eq!(alpha.sessions() - before, 1, "{}", alpha.log());
    let pid = read(&alpha.home().join("late"));
    wait_until("the late one ends", READY, || (!alive(&pid)).then_some(()));
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_shared_round_trip_cannot_tell_is_asked_alone() {
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let alpha = lab.host("alpha");
    let (exec, host) = (Exec::new(), lab.reach("alpha"));
    // Something that it leaves behind holds its streams; the program itself has ended.
    let leaves = sh("echo here; sleep 60 & echo $! >> ~/left");
    let time = Duration::from_secs(8);
    let asks = (0..2).map(|_| exec.ask(&host, &leaves, time));
    for output in futures::future::try_join_all(asks).await.unwrap() {
        assert_eq!((output.status, text(&output).as_str()), (Some(0), "here\n"));
    }
    for pid in read(&alpha.home().join("left")).split_whitespace() {
        let _ = std::process::Command::new("kill").arg(pid).status();
    }
    // The far side has no program that codes the answers.
    alpha.replace_program("base64", "#!/bin/sh\nexit 127\n");
    let output = ask_at_once(&exec, &host, &sh("echo here; exit 4"), 3).await;
    assert_eq!((output.status, text(&output).as_str()), (Some(4), "here\n"));
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_with_one_destination_share_its_connection_and_keep_their_names() {
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let alpha = lab.host("alpha");
    lab.add("refused", "127.0.0.1", free_port());
    let named = |name: &str, destination: &str| Reach {
        name: name.to_owned(),
        ..lab.reach(destination)
    };
    let exec = Exec::new();
    let web = [named("web", "alpha"), named("mail", "alpha")];
    exec.connect_ahead(&web);
    for host in &web {
        exec.ask(host, &sh("true"), LONG).await.unwrap();
    }
    assert_eq!(alpha.logins(), 1, "{}", alpha.log());
    let dead = [named("old-web", "refused"), named("old-mail", "refused")];
    let asks = dead.iter().map(|host| async {
        let unseen = exec.ask(host, &sh("true"), LONG).await.unwrap_err();
        assert_eq!(unseen.cause, Cause::Refused, "{unseen:?}");
        let whose = format!("host `{}` (`refused`)", host.name);
        assert!(unseen.detail.starts_with(&whose), "{unseen:?}");
    });
    futures::future::join_all(asks).await;
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_in_the_end_for_a_connection_that_nobody_needs() {
    if !have(&["ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let frozen = FrozenPort::open(V4);
    lab.add("frozen", "127.0.0.1", frozen.at.port());
    let exec = Exec::new();
    exec.connect_ahead([&lab.reach("frozen")]);
    let begun = Instant::now();
    exec.close().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_look_that_is_given_up_ends_on_the_far_host() {
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let alpha = lab.host("alpha");
    let (exec, host) = (Exec::new(), lab.reach("alpha"));
    let file = alpha.home().join("pid");
    let script = format!("echo $$ > {}; exec sleep 300", file.display());
    let task = {
        let (exec, host, inquiry) = (exec.clone(), host.clone(), sh(&script).niced());
        tokio::spawn(async move { exec.ask(&host, &inquiry, Duration::from_secs(3600)).await })
    };
    let begun = Instant::now();
    while read(&file).trim().is_empty() {
        assert!(begun.elapsed() < LONG);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let pid = read(&file);
    wait_until("the look ends", READY, || (!alive(&pid)).then_some(()));
    let output = exec.ask(&host, &sh("exit 7").niced(), LONG).await.unwrap();
    assert_eq!(output.status, Some(7));
    exec.close().await;
}

/// A sudo that lets everything pass and says that it was there.
const SUDO: &str = "#!/bin/sh\n[ \"$1\" = -n ] || exit 9\nshift\nMARK=sudo exec env -u TZ \"$@\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sudo_is_used_where_the_playbook_says_so_and_its_refusal_is_an_answer() {
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let alpha = lab.host("alpha");
    let (exec, mut host) = (Exec::new(), lab.reach("alpha"));
    host.sudo = true;
    alpha.replace_program("sudo", SUDO);
    for inquiry in [sh("echo $MARK $TZ"), sh("echo $MARK $TZ").niced()] {
        for times in [1, 2] {
            let output = ask_at_once(&exec, &host, &inquiry, times).await;
            assert_eq!(text(&output), "sudo UTC\n");
        }
    }
    let refuses = "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n";
    alpha.replace_program("sudo", refuses);
    for times in [1, 2] {
        let output = ask_at_once(&exec, &host, &sh("echo here"), times).await;
        assert_eq!((output.status, text(&output).as_str()), (Some(1), ""));
        assert_eq!(output.stderr, b"sudo: a password is required\n");
    }
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_behind_another_is_reached_through_it() {
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let (gate, inner) = (lab.host("gate"), lab.host("inner"));
    lab.jump("behind", inner.port, "gate6");
    let exec = Exec::new();
    let output = exec
        .ask(&lab.reach("behind"), &sh("echo $HOME"), LONG)
        .await
        .unwrap();
    assert_eq!(text(&output).trim(), inner.home().display().to_string());
    assert_eq!((gate.logins(), inner.logins()), (1, 1));
    lab.jump("behind-refused", free_port(), "gate");
    let unseen = exec
        .ask(&lab.reach("behind-refused"), &sh("true"), LONG)
        .await
        .unwrap_err();
    assert_eq!(unseen.cause, Cause::Refused, "{unseen:?}");
    gate.lock_out();
    lab.jump("behind-closed", inner.port, "gate");
    let unseen = exec
        .ask(&lab.reach("behind-closed"), &sh("true"), LONG)
        .await
        .unwrap_err();
    assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_told_and_the_next_question_opens_another() {
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let _alpha = lab.host("alpha");
    let (exec, host) = (Exec::new(), lab.reach("alpha"));
    // The program ends the server process of its own connection.
    let cut = "p=$$; while c=$(cat /proc/$p/comm) && [ \"$c\" != sshd ]; do \
               p=$(cut -d' ' -f4 /proc/$p/stat); done; kill -9 $p; sleep 20";
    let unseen = exec.ask(&host, &sh(cut), LONG).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Unreachable, "{unseen:?}");
    let output = exec.ask(&host, &sh("echo again"), LONG).await.unwrap();
    assert_eq!(text(&output), "again\n");
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_cannot_be_asked_are_told_apart_and_hold_up_nobody() {
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let alpha = lab.host("alpha");
    let frozen = [FrozenPort::open(V4), FrozenPort::open(V6)];
    lab.add("frozen", "127.0.0.1", frozen[0].at.port());
    lab.add("frozen6", "::1", frozen[1].at.port());
    lab.add("refused", "127.0.0.1", free_port());
    lab.add("refused6", "::1", free_port());
    lab.add("nameless", "no-such-host.invalid", 22);
    let locked = lab.host("locked");
    locked.lock_out();
    let exec = Exec::new();
    let cases = [
        ("frozen", Cause::Frozen),
        ("frozen6", Cause::Frozen),
        ("refused", Cause::Refused),
        ("refused6", Cause::Refused),
        ("nameless", Cause::NoName),
        ("locked", Cause::Denied),
    ];
    let begun = Instant::now();
    let dead = cases.map(|(name, cause)| {
        let (exec, host) = (exec.clone(), lab.reach(name));
        async move {
            let unseen = exec
                .ask(&host, &sh("true"), Duration::from_secs(4))
                .await
                .unwrap_err();
            assert_eq!(unseen.cause, cause, "{unseen:?}");
            assert!(
                unseen.detail.contains(&format!("host `{name}`")),
                "{unseen:?}"
            );
            assert!(!unseen.detail.contains('\n'));
        }
    });
    let living = async {
        for _ in 0..5 {
            exec.ask(&lab.reach("alpha"), &sh("true"), LONG)
                .await
                .unwrap();
        }
        begun.elapsed()
    };
    let (_, time) = tokio::join!(futures::future::join_all(dead), living);
    assert!(time < Duration::from_secs(3), "{time:?}");
    assert!(begun.elapsed() < Duration::from_secs(7));
    assert_eq!(alpha.logins(), 1);
    let begun = Instant::now();
    exec.close().await;
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_to_connect_is_forgotten_after_a_moment() {
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let alpha = lab.host("alpha");
    let key = lab.config().with_file_name("alpha").join("authorized_keys");
    let keys = read(&key);
    alpha.lock_out();
    let (exec, host) = (Exec::new(), lab.reach("alpha"));
    let unseen = exec.ask(&host, &sh("true"), LONG).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
    std::fs::write(&key, keys).unwrap();
    // Who asks at once shares the answer; who asks later gets a new one.
    let unseen = exec.ask(&host, &sh("true"), LONG).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
    let begun = Instant::now();
    while exec.ask(&host, &sh("true"), LONG).await.is_err() {
        assert!(begun.elapsed() < LONG);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn host_keys_are_checked() {
    if !have(&["sshd", "ssh"]) {
        return;
    }
    let lab = SshLab::new();
    let alpha = lab.host("alpha");
    lab.expect_another_key(&alpha);
    let exec = Exec::new();
    let unseen = exec
        .ask(&lab.reach("alpha"), &sh("true"), LONG)
        .await
        .unwrap_err();
    assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
    assert!(unseen.detail.contains("another host key"), "{unseen:?}");
    lab.forget_all();
    let unseen = exec
        .ask(&lab.reach("alpha6"), &sh("true"), LONG)
        .await
        .unwrap_err();
    assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
    assert!(unseen.detail.contains("not in known_hosts"), "{unseen:?}");
    assert_eq!(alpha.logins(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_cannot_be_an_option_and_a_missing_configuration_is_told() {
    let exec = Exec::new();
    let mut host = Reach {
        name: "odd".into(),
        via: Via::Ssh {
            destination: "-oProxyCommand=touch /tmp/never".into(),
            config: None,
        },
        sudo: false,
    };
    let unseen = exec.ask(&host, &sh("true"), LONG).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::NoName, "{unseen:?}");
    if !have(&["ssh"]) {
        return;
    }
    host.via = Via::Ssh {
        destination: "odd".into(),
        config: Some("/no/such/config".into()),
    };
    let unseen = exec.ask(&host, &sh("true"), LONG).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Missing, "{unseen:?}");
}
