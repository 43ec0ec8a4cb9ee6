//! A host that allows few sessions at a time is waited for, and its limit is told.

use std::time::Duration;

use cutover::event::Cause;
use cutover::world::exec::Exec;

use super::{LONG, ask_at_once, sh, ssh_lab, text};
use crate::lab::ssh::Sshd;

/// How many sessions the host refused.
fn refused(host: &Sshd) -> usize {
    host.log().matches("no more sessions").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_with_few_sessions_is_waited_for_and_its_limit_is_learnt() {
    let Some(lab) = ssh_lab() else { return };
    for most in [1, 2] {
        let name = format!("few{most}");
        let few = lab.host_with(&name, &format!("MaxSessions {most}"));
        let (exec, host) = (Exec::new(), lab.reach(&name));
        // Each has a session of its own, and together they take longer than a moment.
        let long = sh("sleep 0.7; echo here").niced();
        let output = ask_at_once(&exec, &host, &long, 5).await;
        assert_eq!(text(&output), "here\n");
        let before = refused(&few);
        assert!(before > 0, "{}", few.log());
        // From now on they queue here. One that has just ended may still be counted there.
        ask_at_once(&exec, &host, &long, 5).await;
        assert!(refused(&few) - before < 5, "{}", few.log());
        let (joined, alone) = (sh("echo short"), sh("sleep 0.5; echo long").niced());
        let (short, long) = tokio::join!(
            ask_at_once(&exec, &host, &joined, 5),
            ask_at_once(&exec, &host, &alone, 2),
        );
        assert_eq!(
            (text(&short), text(&long)),
            ("short\n".into(), "long\n".into())
        );
        exec.close().await;
    }
}

/// Nobody else asks where there is no session for anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_without_any_session_says_so() {
    let Some(lab) = ssh_lab() else { return };
    let _none = lab.host_with("none", "MaxSessions 0");
    let (exec, host) = (Exec::new(), lab.reach("none"));
    for one in [sh("echo here"), sh("echo here").niced()] {
        let asked = exec.ask(&host, &one, Duration::from_secs(2)).await;
        let words = "host `none` lets the account in and refuses it every session (`MaxSessions` in its sshd_config \
                     may be 0)";
        let unseen = asked.unwrap_err();
        assert!(unseen.detail.starts_with(words), "{unseen:?}");
    }
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_is_named_where_no_session_was_free_in_time() {
    let Some(lab) = ssh_lab() else { return };
    let _few = lab.host_with("few", "MaxSessions 1");
    let (exec, host) = (Exec::new(), lab.reach("few"));
    let go_on = lab.config().with_file_name("few").join("home/go-on");
    let slow = sh("until [ -e ~/go-on ]; do sleep 0.05; done; echo slow").niced();
    let short = sh("echo short").niced();
    let waits = async {
        let unseen = loop {
            // Whoever comes first has the session.
            match exec.ask(&host, &short, Duration::from_secs(2)).await {
                Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(unseen) => break unseen,
            }
        };
        std::fs::write(&go_on, "").unwrap();
        unseen
    };
    let (slow, unseen) = tokio::join!(exec.ask(&host, &slow, LONG), waits);
    assert_eq!(text(&slow.unwrap()), "slow\n");
    assert_eq!(unseen.cause, Cause::TimedOut, "{unseen:?}");
    assert!(unseen.detail.contains("`MaxSessions`"), "{unseen:?}");
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_allows_no_session_at_all_is_told_as_such() {
    let Some(lab) = ssh_lab() else { return };
    let _none = lab.host_with("none", "MaxSessions 0");
    let (exec, host) = (Exec::new(), lab.reach("none"));
    for inquiry in [sh("true"), sh("true").niced()] {
        let time = Duration::from_secs(3);
        let unseen = exec.ask(&host, &inquiry, time).await.unwrap_err();
        assert!(unseen.detail.contains("`MaxSessions`"), "{unseen:?}");
    }
    exec.close().await;
}
