//! Connections to far hosts: shared by many questions, lost, opened again, closed.

use std::process::Command;
use std::time::{Duration, Instant};

use cutover::event::Cause;
use cutover::world::exec::{Exec, Reach};

use super::{BEGINS, LONG, alive, ask_at_once, sh, ssh_lab, text};
use crate::lab::ssh::SshLab;
use crate::lab::{FrozenPort, READY, V4, free_port, have, in_time, read, wait_until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_questions_share_one_connection() {
    let Some(lab) = ssh_lab() else { return };
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
    let Some(lab) = ssh_lab() else { return };
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
    let late = exec.ask(&host, &late_one, BEGINS);
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
    assert!(!pid.trim().is_empty(), "the late one began");
    wait_until("the late one ends", READY, || (!alive(&pid)).then_some(()));
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_shared_round_trip_cannot_tell_is_asked_alone() {
    let Some(lab) = ssh_lab() else { return };
    let alpha = lab.host("alpha");
    let (exec, host) = (Exec::new(), lab.reach("alpha"));
    // Something that it leaves behind holds its streams; the program itself has ended.
    let leaves = sh("echo here; sleep 300 & echo $! >> ~/left");
    let time = Duration::from_secs(20);
    let asks = (0..2).map(|_| exec.ask(&host, &leaves, time));
    for output in futures::future::try_join_all(asks).await.unwrap() {
        assert_eq!((output.status, text(&output).as_str()), (Some(0), "here\n"));
    }
    for pid in read(&alpha.home().join("left")).split_whitespace() {
        let _ = Command::new("kill").arg(pid).status();
    }
    // The far side has no program that codes the answers.
    alpha.replace_program("base64", "#!/bin/sh\nexit 127\n");
    let output = ask_at_once(&exec, &host, &sh("echo here; exit 4"), 3).await;
    assert_eq!((output.status, text(&output).as_str()), (Some(4), "here\n"));
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_with_one_destination_share_its_connection_and_keep_their_names() {
    let Some(lab) = ssh_lab() else { return };
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
    in_time("a close", Duration::from_secs(2), async || {
        let exec = Exec::new();
        exec.connect_ahead([&lab.reach("frozen")]);
        exec.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_look_that_is_given_up_ends_on_the_far_host() {
    let Some(lab) = ssh_lab() else { return };
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_behind_another_is_reached_through_it() {
    let Some(lab) = ssh_lab() else { return };
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
    let Some(lab) = ssh_lab() else { return };
    let _alpha = lab.host("alpha");
    let (exec, host) = (Exec::new(), lab.reach("alpha"));
    // The program ends the server process of its own connection.
    let cut = "p=$$; while c=$(cat /proc/$p/comm) && [ \"$c\" != sshd ]; do \
               p=$(cut -d' ' -f4 /proc/$p/stat); done; kill -9 $p; sleep 60";
    let unseen = exec.ask(&host, &sh(cut), LONG).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Unreachable, "{unseen:?}");
    let output = exec.ask(&host, &sh("echo again"), LONG).await.unwrap();
    assert_eq!(text(&output), "again\n");
    exec.close().await;
}
