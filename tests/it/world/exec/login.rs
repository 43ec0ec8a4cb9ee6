//! What a login prints or does of its own accord is not the program's; and what did not run is not believed.

use std::time::{Duration, Instant};

use cutover::event::{Answer, Cause, Unseen};
use cutover::world::exec::{Command, Exec, Inquiry, Reach};

use super::{LONG, ask_at_once, sh, ssh_lab, text};
use crate::lab::permit::{journal, permit};
use crate::lab::ssh::{SshLab, Sshd};
use crate::lab::{have, read};

/// A host whose login does this with what it is asked for.
pub(super) fn forced(lab: &SshLab, name: &str, command: &str) -> (Sshd, Reach) {
    let host = lab.host_with(name, &format!("ForceCommand {command}"));
    (host, lab.reach(name))
}

pub(super) async fn write(exec: &Exec, host: &Reach, script: &str, stdin: &[u8]) -> Answer {
    let mut live = journal().await;
    let command = Command {
        argv: ["sh", "-c", script].map(String::from).into(),
        stdin: stdin.to_vec(),
    };
    // A name that no other test uses, so that no two tests share a lock.
    let mut host = host.clone();
    host.name = format!("{}-login-{}", host.name, std::process::id());
    let permit = permit(&mut live, "file", Duration::from_secs(60)).await;
    exec.run(&host, &command, permit).await
}

/// Why a look that goes alone, and two that go together, tell nothing.
async fn unseen(exec: &Exec, host: &Reach) -> Unseen {
    let inquiry = sh("echo passive");
    let alone = exec.ask(host, &inquiry, LONG).await.unwrap_err();
    let both = [0, 1].map(|_| exec.ask(host, &inquiry, LONG));
    for one in futures::future::join_all(both).await {
        assert_eq!(one.unwrap_err(), alone);
    }
    let mut nobody = |line: &[u8]| panic!("not its own: {}", String::from_utf8_lossy(line));
    let streamed = exec.stream(host, &inquiry, LONG, &mut nobody).await;
    assert_eq!(streamed.unwrap_err(), alone);
    alone
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_login_prints_is_not_the_programs() {
    let Some(lab) = ssh_lab() else { return };
    let noise = "echo '*** passive ***'; printf 'no newline'; echo noise >&2; \
        sh -c \"$SSH_ORIGINAL_COMMAND\"; status=$?; echo bye; echo bye >&2; exit $status";
    let (noisy, host) = forced(&lab, "noisy", noise);
    let exec = Exec::new();
    for times in [1, 3] {
        let output = ask_at_once(&exec, &host, &sh("printf active"), times).await;
        assert_eq!((output.status, &*output.stdout), (Some(0), &b"active"[..]));
        assert_eq!(output.stderr, b"");
        let output = ask_at_once(&exec, &host, &sh("echo out; echo err >&2; exit 3"), times).await;
        assert_eq!((output.status, text(&output).as_str()), (Some(3), "out\n"));
        assert_eq!(output.stderr, b"err\n");
    }
    let mut lines = Vec::new();
    let mut line = |line: &[u8]| lines.push(String::from_utf8_lossy(line).into_owned());
    let inquiry = sh("echo a; printf b").niced();
    exec.stream(&host, &inquiry, LONG, &mut line).await.unwrap();
    assert_eq!(lines, ["a", "b"]);
    let script = "cat > ~/written; echo done";
    let answer = write(&exec, &host, script, b"passive").await;
    let note = "done".to_owned();
    assert_eq!(answer, Answer::Done { note });
    assert_eq!(read(&noisy.home().join("written")), "passive");
    // The envelope costs no round trip of its own: one session for what goes alone, one for what goes together.
    let before = noisy.sessions();
    ask_at_once(&exec, &host, &sh("true").niced(), 1).await;
    ask_at_once(&exec, &host, &sh("true"), 5).await;
    assert_eq!(noisy.sessions() - before, 2, "{}", noisy.log());
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_run_is_not_believed_and_the_reason_is_told() {
    let Some(lab) = ssh_lab() else { return };
    let expired = "echo 'WARNING: Your password has expired.' >&2; exit 1";
    let cases = [
        (
            "backup",
            "echo This account is for backups only",
            "for backups only",
        ),
        ("silent", "true", "said nothing"),
        (
            "closed",
            "echo This account is currently not available.; exit 1",
            "nologin",
        ),
        ("expired", expired, "log in once by hand"),
        // The very words come back, and nobody ran them.
        ("parrot", "echo \"$SSH_ORIGINAL_COMMAND\"", "forced command"),
        (
            "other",
            "sh -c 'echo passive' \"$SSH_ORIGINAL_COMMAND\"",
            "forced command",
        ),
    ];
    let exec = Exec::new();
    for (name, command, expected) in cases {
        let (server, host) = forced(&lab, name, command);
        let unseen = unseen(&exec, &host).await;
        assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
        let begin = format!("host `{name}` did not run `sh`: ");
        assert!(unseen.detail.starts_with(&begin), "{unseen:?}");
        assert!(unseen.detail.contains(expected), "{unseen:?}");
        let answer = write(&exec, &host, "touch ~/written", b"").await;
        let Answer::Refused { why } = &answer else {
            panic!("{name}: {answer:?}");
        };
        assert!(why.contains(expected), "{why}");
        assert!(!server.home().join("written").exists());
    }
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_off_is_no_answer() {
    let Some(lab) = ssh_lab() else { return };
    let exec = Exec::new();
    // Only the first piece of what comes is let through: that it is ready, or that it begins.
    let cut = "sh -c \"$SSH_ORIGINAL_COMMAND\" 2>/dev/null | sed -u '1!d'";
    let (server, host) = forced(&lab, "cut", cut);
    let slow = sh("sleep 1; echo passive").niced();
    let unseen = exec.ask(&host, &slow, LONG).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Garbled, "{unseen:?}");
    let answer = write(&exec, &host, "touch ~/written", b"").await;
    assert!(matches!(answer, Answer::Unclear { .. }), "{answer:?}");
    assert!(server.home().join("written").exists());
    let inquiry = sh("echo passive");
    // Without its errors the output is still the program's.
    let (_server, host) = forced(&lab, "mute", "sh -c \"$SSH_ORIGINAL_COMMAND\" 2>/dev/null");
    let output = exec.ask(&host, &inquiry, LONG).await.unwrap();
    assert_eq!(text(&output), "passive\n");
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_reads_the_input_of_a_write_stops_it() {
    let Some(lab) = ssh_lab() else { return };
    let exec = Exec::new();
    let eats = "read -r eaten; sh -c \"$SSH_ORIGINAL_COMMAND\"";
    let (server, host) = forced(&lab, "eats", eats);
    let answer = write(&exec, &host, "cat > ~/written", b"one\ntwo\n").await;
    let Answer::Refused { why } = &answer else {
        panic!("{answer:?}");
    };
    assert!(why.contains("standard input"), "{why}");
    assert!(!server.home().join("written").exists());
    let inquiry = Inquiry::script_that_looks_only("echo one\necho two\n");
    let unseen = exec.ask(&host, &inquiry, LONG).await.unwrap_err();
    assert!(unseen.detail.contains("standard input"), "{unseen:?}");
    // Looks that go together begin with a script on standard input; without it they go alone.
    let output = ask_at_once(&exec, &host, &sh("echo here"), 3).await;
    assert_eq!(text(&output), "here\n");
    exec.close().await;
}

/// What is read alone is read beside others too, and soon.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_go_alone_where_a_login_lets_them_go_together_no_further() {
    let Some(lab) = ssh_lab() else { return };
    let exec = Exec::new();
    let cases = [
        ("errors", "sh -c \"$SSH_ORIGINAL_COMMAND\" 1>&2"),
        ("swapped", "sh -c \"$SSH_ORIGINAL_COMMAND\" 3>&1 1>&2 2>&3"),
        ("eaten", "cat; sh -c \"$SSH_ORIGINAL_COMMAND\""),
        ("gnawed", "head -c 10; sh -c \"$SSH_ORIGINAL_COMMAND\""),
        (
            "filtered",
            "sh -c \"$SSH_ORIGINAL_COMMAND\" | sed 's/^/> /'",
        ),
    ];
    for (name, login) in cases {
        let (_server, host) = forced(&lab, name, login);
        let begun = Instant::now();
        for times in [1, 3] {
            let output = ask_at_once(&exec, &host, &sh("echo here"), times).await;
            assert_eq!(text(&output), "here\n", "{name}");
        }
        assert!(begun.elapsed() < LONG / 2, "{name}: {:?}", begun.elapsed());
    }
    let (_server, host) = forced(
        &lab,
        "nowhere",
        "sh -c \"$SSH_ORIGINAL_COMMAND\" >/dev/null",
    );
    let begun = Instant::now();
    let unseen = unseen(&exec, &host).await;
    let words = "host `nowhere` ran `sh`, and let nothing through of what it printed: something in its login \
                 (.bashrc, .zshenv) sends that elsewhere";
    assert_eq!(unseen.detail, words);
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    exec.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_goes_to_sh_whatever_the_login_shell_is() {
    let Some(lab) = ssh_lab() else { return };
    for shell in ["tcsh", "fish", "zsh"] {
        if !have(&[shell]) {
            continue;
        }
        let (server, host) = forced(
            &lab,
            shell,
            &format!("exec {shell} -c \"$SSH_ORIGINAL_COMMAND\""),
        );
        let exec = Exec::new();
        let words = [
            "printf",
            "%s|",
            "a b",
            "$HOME",
            "it's",
            "!x",
            "\\",
            "*",
            "ü",
            "line\nbreak",
            "",
        ];
        for times in [1, 2] {
            for inquiry in [
                Inquiry::looks_only(words),
                Inquiry::looks_only(words).niced(),
            ] {
                let output = ask_at_once(&exec, &host, &inquiry, times).await;
                assert_eq!(text(&output), words[2..].join("|") + "|", "{shell}");
            }
        }
        let answer = write(
            &exec,
            &host,
            "cat > ~/written; echo \"it's $LC_ALL!\"",
            b"x",
        )
        .await;
        let note = "it's C!".to_owned();
        assert_eq!(answer, Answer::Done { note }, "{shell}");
        assert_eq!(read(&server.home().join("written")), "x");
        exec.close().await;
    }
}
