//! Hosts that cannot be asked, and why.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cutover::event::Cause;
use cutover::world::exec::{Exec, Reach, Via};

use super::{LONG, sh, ssh_lab};
use crate::lab::{FrozenPort, V4, V6, free_port, have, read};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_cannot_be_asked_are_told_apart_and_hold_up_nobody() {
    let Some(lab) = ssh_lab() else { return };
    let alpha = lab.host("alpha");
    let frozen = [FrozenPort::open(V4), FrozenPort::open(V6)];
    lab.add("frozen", "127.0.0.1", frozen[0].at.port());
    lab.add("frozen6", "::1", frozen[1].at.port());
    lab.add("refused", "127.0.0.1", free_port());
    lab.add("refused6", "::1", free_port());
    lab.add("nameless", "no-such-host.invalid", 22);
    let locked = lab.host("locked");
    locked.lock_out();
    let cases = [
        ("frozen", Cause::Frozen),
        ("frozen6", Cause::Frozen),
        ("refused", Cause::Refused),
        ("refused6", Cause::Refused),
        ("nameless", Cause::NoName),
        ("locked", Cause::Denied),
    ];
    let mut times = 0;
    // Who asks of a host that says nothing waits for some seconds; nobody else does.
    let held_up = async |exec: &Exec| {
        let waiting = AtomicUsize::new(2);
        let dead = cases.map(|(name, cause)| {
            let (host, waiting) = (lab.reach(name), &waiting);
            async move {
                let unseen = exec.ask(&host, &sh("true"), LONG).await.unwrap_err();
                assert_eq!(unseen.cause, cause, "{unseen:?}");
                let whose = format!("host `{name}`");
                assert!(unseen.detail.contains(&whose), "{unseen:?}");
                assert!(!unseen.detail.contains('\n'));
                if cause == Cause::Frozen {
                    waiting.fetch_sub(1, Ordering::SeqCst);
                }
            }
        });
        let living = async {
            for _ in 0..5 {
                let host = lab.reach("alpha");
                exec.ask(&host, &sh("true"), LONG).await.unwrap();
            }
            waiting.load(Ordering::SeqCst) < 2
        };
        let (_, held_up) = tokio::join!(futures::future::join_all(dead), living);
        held_up
    };
    loop {
        times += 1;
        let exec = Exec::new();
        let begun = Instant::now();
        let held_up = held_up(&exec).await;
        assert!(begun.elapsed() < LONG, "they are asked side by side");
        let begun = Instant::now();
        exec.close().await;
        assert!(begun.elapsed() < LONG);
        if !held_up {
            break;
        }
        assert!(times < 5, "a dead host holds up a living one");
    }
    assert_eq!(alpha.logins(), times);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_to_connect_is_forgotten_after_a_moment() {
    let Some(lab) = ssh_lab() else { return };
    let _alpha = lab.host("alpha");
    let key = lab.config().with_file_name("alpha").join("authorized_keys");
    let keys = read(&key);
    let host = lab.reach("alpha");
    let ask = async |exec: &Exec| exec.ask(&host, &sh("true"), LONG).await;
    let mut times = 0;
    let exec = loop {
        times += 1;
        std::fs::write(&key, "").unwrap();
        let exec = Exec::new();
        let unseen = ask(&exec).await.unwrap_err();
        assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
        std::fs::write(&key, &keys).unwrap();
        // Who asks at once shares the answer; who asks later gets a new one.
        match ask(&exec).await {
            Err(unseen) => {
                assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
                break exec;
            }
            // On a busy machine, at once may be later.
            Ok(_) => assert!(times < 5, "a failure to connect is never shared"),
        }
        exec.close().await;
    };
    let begun = Instant::now();
    while exec.ask(&host, &sh("true"), LONG).await.is_err() {
        assert!(begun.elapsed() < LONG);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn host_keys_are_checked() {
    let Some(lab) = ssh_lab() else { return };
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
    // ssh would wait for whoever writes to a pipe, and read what is for somebody else.
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    host.via = Via::Ssh {
        destination: "odd".into(),
        config: Some(pipe),
    };
    let unseen = exec.ask(&host, &sh("true"), LONG).await.unwrap_err();
    let words = "it is a pipe, not a regular file";
    assert!(unseen.detail.contains(words), "{unseen:?}");
}
