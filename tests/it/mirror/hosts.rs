//! From host to host: over the rsync daemon, and over ssh.

use std::path::Path;
use std::process::Command;

use cutover::plan::Outcome;

use super::trees::{Trees, put};
use super::{PROGRAMS, look, playbook};
use crate::lab::relay::{Fate, Relay};
use crate::lab::rsync::RsyncDaemon;
use crate::lab::ssh::SshLab;
use crate::lab::{V6, have};

/// What the target holds lies in the module `archive` as well.
fn copy_into(daemon: &RsyncDaemon, trees: &Trees) {
    let copied = Command::new("cp")
        .arg("-a")
        .arg(format!("{}/.", trees.target().display()))
        .arg(daemon.module("archive"))
        .status()
        .unwrap();
    assert!(copied.success());
}

/// What listens on the loopback of the target is no rsync, and may lead to another machine.
fn tunnel(daemon: &RsyncDaemon) -> Relay {
    Relay::start(daemon.at, |_| false, Fate::Silence)
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_rsync_daemon() {
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    let daemon = RsyncDaemon::start(V6, &["archive"], &["locked"]);
    copy_into(&daemon, &trees);
    let tunnel = tunnel(&daemon);
    let over = |port: u16, module: &str, fields: &str| {
        let from = format!("from = {{ primary = \"rsync://[::1]:{port}/{module}\" }}\n{fields}");
        playbook(
            "",
            "local = true",
            Path::new("/unused"),
            &trees.target(),
            &from,
        )
    };
    let text = |module: &str, fields: &str| over(tunnel.at.port(), module, fields);
    let itself = look(&over(daemon.at.port(), "archive", "")).await;
    assert_eq!(itself.outcome, Outcome::Fail, "{itself:#?}");
    let told = itself.headline.contains("compared with itself");
    assert!(told, "the daemon of the target: {itself:#?}");
    let finding = look(&text("archive", "")).await;
    // All that differs from a pass is that the loopback leads nobody knows where.
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
    let other = |fact: &&cutover::event::Fact| fact.outcome != Outcome::Pass;
    assert_eq!(
        finding.facts.iter().filter(other).count(),
        1,
        "{finding:#?}"
    );
    assert!(
        finding.headline.contains("over the loopback"),
        "{finding:#?}"
    );
    assert!(
        finding
            .facts
            .iter()
            .any(|fact| fact.actual.contains("it hides or cannot read")),
        "{finding:#?}"
    );

    put(&daemon.module("archive"), "pool/new", "x");
    assert_eq!(look(&text("archive", "")).await.outcome, Outcome::Fail);
    assert_eq!(
        look(&text("archive", "max-files = 1\nmax-lag = \"6h\""))
            .await
            .outcome,
        Outcome::Unknown,
        "nobody tells the stamp"
    );
    for module in ["nothing", "locked"] {
        assert_eq!(
            look(&text(module, "")).await.outcome,
            Outcome::Unknown,
            "{module}"
        );
    }
    let text = text("archive", "");
    drop(daemon);
    let finding = look(&text).await;
    assert_eq!(finding.outcome, Outcome::Unknown, "{finding:#?}");
}

/// A module may lead to another folder of the source than the one that is meant, or to the target's own.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_module_shows_is_what_the_source_itself_shows() {
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    let daemon = RsyncDaemon::start(V6, &["archive"], &[]);
    copy_into(&daemon, &trees);
    let tunnel = tunnel(&daemon);
    let from = format!(
        "from = {{ primary = \"rsync://[::1]:{}/archive\" }}\n",
        tunnel.at.port()
    );
    let text = |source: &Path, fields: &str| {
        playbook(
            "local = true",
            "local = true",
            source,
            &trees.target(),
            &format!("{from}{fields}"),
        )
    };
    let finding = look(&text(&daemon.module("archive"), "")).await;
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
    assert!(
        finding.headline.contains("which a tunnel to it would show"),
        "{finding:#?}"
    );

    // One more file in the folder that is meant.
    put(&trees.source(), "pool/only-here", "x");
    let finding = look(&text(&trees.source(), "")).await;
    assert_eq!(finding.outcome, Outcome::Unknown, "{finding:#?}");
    assert!(
        finding.headline.contains("leads to another folder or host"),
        "{finding:#?}"
    );

    // What is left out is counted, and told beside what the target holds.
    put(&daemon.module("archive"), "up/1.new", "x");
    put(&daemon.module("archive"), "up/2.new", "x");
    let finding = look(&text(&daemon.module("archive"), "exclude = [\"/up/\"]\n")).await;
    let told = format!("{finding:?}");
    assert!(
        told.contains("left out: /up/ (3 files, folders and links)"),
        "{finding:#?}"
    );
    drop(daemon);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_host_to_host_over_ssh() {
    if !have(PROGRAMS) || !have(&["sshd", "ssh-keygen"]) {
        return;
    }
    let lab = SshLab::new();
    let (primary, standby) = (lab.host("primary"), lab.host("standby"));
    let trees = Trees::new();
    let config = lab.config();
    let host = |name: &str| format!("ssh = {name:?}\nssh-config = {config:?}");
    let text = |from: &str| {
        let fields = format!("ssh-options = [\"-F\", {config:?}]\nmax-lag = \"6h\"\n{from}");
        playbook(
            &host("primary"),
            &host("standby"),
            &trees.source(),
            &trees.target(),
            &fields,
        )
    };
    let finding = look(&text("")).await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    assert!(
        finding.headline.contains("serial 2026112202"),
        "{finding:#?}"
    );

    put(&trees.source(), "pool/new", "x");
    let finding = look(&text("from = { primary = \"primary6\" }")).await;
    assert_eq!(finding.outcome, Outcome::Fail, "over IPv6: {finding:#?}");
    assert!(finding.headline.contains("lacks 1"), "{finding:#?}");

    primary.replace_program(
        "rsync",
        "#!/bin/sh\necho Welcome to primary\nexec /usr/bin/rsync \"$@\"\n",
    );
    let finding = look(&text("")).await;
    assert_eq!(
        finding.outcome,
        Outcome::Unknown,
        "a host that greets: {finding:#?}"
    );
    assert!(
        finding.headline.contains("rsync compared nothing"),
        "{finding:#?}"
    );

    drop(primary);
    let finding = look(&text("")).await;
    assert_eq!(
        finding.outcome,
        Outcome::Unknown,
        "a dead source: {finding:#?}"
    );
    assert!(
        finding
            .facts
            .iter()
            .any(|fact| fact.actual.contains("ago by its own clock")),
        "{finding:#?}"
    );
    drop(standby);
}
