//! `mirror` and `packages` against the real rsync, find, sha256sum and dpkg-query, on folders of a test.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use cutover::clock::Clock;
use cutover::event::{Finding, Pulse};
use cutover::plan::{Direction, Outcome};
use cutover::playbook::Playbook;
use cutover::site::Aim;
use cutover::step::{Evidence, Known, Pulses, Work};
use cutover::world::exec::Exec;
use tempfile::TempDir;

use crate::lab::rsync::RsyncDaemon;
use crate::lab::ssh::SshLab;
use crate::lab::{V6, have, program};

const PROGRAMS: &[&str] = &["rsync", "find", "sha256sum"];

/// Two folders that hold the same.
struct Trees {
    folder: TempDir,
}

impl Trees {
    fn new() -> Trees {
        let trees = Trees {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in [
            "dists/stable/Release",
            "pool/a b/ü.deb",
            "pool/x\ny",
            "pool/main/z",
            "index.txt",
        ] {
            trees.both(name, "some content");
        }
        trees.both(
            "project/trace/master",
            "Sun Nov 22 10:33:00 UTC 2026\nArchive serial: 2026112202\n",
        );
        for side in [trees.source(), trees.target()] {
            symlink("z", side.join("pool/main/link")).unwrap();
        }
        trees
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("target")
    }

    fn both(&self, name: &str, text: &str) {
        put(&self.source(), name, text);
        put(&self.target(), name, text);
    }

    /// What the step finds, with these further fields.
    async fn look(&self, fields: &str) -> Finding {
        look(&playbook(
            "local = true",
            "local = true",
            &self.source(),
            &self.target(),
            fields,
        ))
        .await
    }
}

/// Writes a file that is an hour old to the second.
fn put(side: &Path, name: &str, text: &str) {
    let path = side.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    age(&path, 3600);
}

fn age(path: &Path, seconds: u64) {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    // Times of one test are the same to the second, however long the test takes.
    let then = (now / 10_000 * 10_000).saturating_sub(seconds);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(then);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

fn playbook(primary: &str, standby: &str, source: &Path, target: &Path, fields: &str) -> String {
    format!(
        "[playbook]\nname = \"test\"\n\
         [hosts.primary]\nsite = \"dedicated\"\naddresses = [\"127.0.0.1\"]\n{primary}\n\
         [hosts.standby]\nsite = \"cloud\"\naddresses = [\"127.0.0.2\"]\n{standby}\n\
         [[step]]\nid = \"mirror\"\nkind = \"mirror\"\n\
         paths = {{ primary = {source:?}, standby = {target:?} }}\n{fields}\n"
    )
}

async fn look(text: &str) -> Finding {
    look_with(text, &Pulses::none()).await
}

/// Takes every look of the only step, and judges.
async fn look_with(text: &str, pulses: &Pulses) -> Finding {
    let playbook = Playbook::parse(text, "test.toml", &[])
        .unwrap_or_else(|problems| panic!("{}", problems.render(false, None)));
    let site = playbook.live(Clock::real(), Exec::new());
    let Work::Check(check) = &playbook.steps()[0].work else {
        panic!("it is a check")
    };
    let direction = Direction {
        source: "dedicated".into(),
        target: "cloud".into(),
    };
    let aim = Aim::there(&direction, false);
    let mut items = Vec::new();
    for look in check.looks(&site, &aim, pulses) {
        let seen = tokio::time::timeout(Duration::from_secs(120), look.ask)
            .await
            .unwrap();
        items.push((look.key, seen.map_or_else(Known::Unseen, Known::Live)));
    }
    site.exec.close().await;
    check.judge(
        &aim,
        &Evidence {
            items,
            baseline: Vec::new(),
        },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_trees_pass_and_each_difference_is_found() {
    if !have(PROGRAMS) {
        return;
    }
    type Spoil = fn(&Trees);
    let cases: &[(&str, Spoil, &str, Outcome, &str)] = &[
        (
            "the same",
            |_| {},
            "max-lag = \"6h\"",
            Outcome::Pass,
            "holds all 5 files",
        ),
        (
            "missing",
            |t| fs::remove_file(t.target().join("pool/x\ny")).unwrap(),
            "",
            Outcome::Fail,
            "lacks 1",
        ),
        (
            "missing, allowed",
            |t| fs::remove_file(t.target().join("pool/x\ny")).unwrap(),
            "max-files = 1",
            Outcome::Pass,
            "lacks 1",
        ),
        (
            "another size",
            |t| put(&t.target(), "pool/main/z", "other"),
            "",
            Outcome::Fail,
            "holds 1 other",
        ),
        (
            "another time",
            |t| age(&t.target().join("pool/main/z"), 9000),
            "",
            Outcome::Fail,
            "holds 1 other",
        ),
        (
            "newer at the target",
            |t| age(&t.target().join("pool/main/z"), 60),
            "",
            Outcome::Fail,
            "holds 1 other",
        ),
        (
            "another content only",
            |t| put(&t.target(), "pool/main/z", "SOME content"),
            "",
            Outcome::Fail,
            "another content: pool/main/z",
        ),
        (
            "another content without a sample",
            |t| put(&t.target(), "pool/main/z", "SOME content"),
            "sample = 0",
            Outcome::Pass,
            "holds all",
        ),
        (
            "another mode",
            |t| {
                fs::set_permissions(t.target().join("index.txt"), Permissions::from_mode(0o600))
                    .unwrap()
            },
            "",
            Outcome::Warn,
            "another mode: index.txt",
        ),
        (
            "another link",
            |t| {
                fs::remove_file(t.target().join("pool/main/link")).unwrap();
                symlink("y", t.target().join("pool/main/link")).unwrap();
            },
            "",
            Outcome::Fail,
            "holds 1 other",
        ),
        (
            "a folder where a file should be",
            |t| {
                fs::remove_file(t.target().join("pool/main/z")).unwrap();
                put(&t.target(), "pool/main/z/in/f", "x");
            },
            "",
            Outcome::Fail,
            "holds 1 other",
        ),
        (
            "extra",
            |t| put(&t.target(), "pool/more", "x"),
            "",
            Outcome::Pass,
            "holds all",
        ),
        (
            "extra, refused",
            |t| put(&t.target(), "pool/more", "x"),
            "extra = \"fail\"",
            Outcome::Fail,
            "1 only on the target: pool/more",
        ),
        (
            "no target",
            |t| fs::remove_dir_all(t.target()).unwrap(),
            "",
            Outcome::Fail,
            "not there on `standby`",
        ),
        (
            "an unmounted source",
            |t| {
                fs::remove_dir_all(t.source()).unwrap();
                fs::create_dir(t.source()).unwrap();
            },
            "",
            Outcome::Fail,
            "only 0 files",
        ),
        (
            "no source",
            |t| fs::remove_dir_all(t.source()).unwrap(),
            "",
            Outcome::Fail,
            "only 0 files",
        ),
        (
            "a source that lost a disk",
            |t| {
                fs::remove_dir_all(t.source().join("pool")).unwrap();
                fs::remove_dir_all(t.source().join("dists")).unwrap();
            },
            "shrink-limit = \"40%\"",
            Outcome::Fail,
            "fewer files than",
        ),
        (
            "too few files",
            |_| {},
            "min-files = 6",
            Outcome::Fail,
            "only 5 files",
        ),
        (
            "behind",
            |t| {
                put(
                    &t.target(),
                    "project/trace/master",
                    "Sun Nov 22 01:33:00 UTC 2026\nArchive serial: 2026112201\n",
                )
            },
            "max-lag = \"6h\"",
            Outcome::Fail,
            "9h 00m behind",
        ),
        (
            "a stamp of its own",
            |_| {},
            "stamp = \"index.txt\"",
            Outcome::Pass,
            "in step",
        ),
        (
            "no such stamp",
            |_| {},
            "stamp = \"never\"",
            Outcome::Unknown,
            "has no stamp",
        ),
        (
            "a sync is running",
            |t| fs::write(t.target().join("Archive-Update-in-Progress-x"), "1").unwrap(),
            "",
            Outcome::Late,
            "has been running",
        ),
        (
            "left out",
            |t| put(&t.source(), "pool/tmp/a.new", "x"),
            "exclude = [\"*.new\", \"/pool/tmp/\"]",
            Outcome::Pass,
            "holds all",
        ),
        (
            "an index that is the same",
            |t| put(&t.source(), "pool/new", "x"),
            "index-only = true",
            Outcome::Pass,
            "holds all",
        ),
        (
            "an index that is not",
            |t| put(&t.source(), "dists/new", "x"),
            "index-only = true",
            Outcome::Fail,
            "lacks 1",
        ),
    ];
    for (name, spoil, fields, outcome, words) in cases {
        let trees = Trees::new();
        spoil(&trees);
        let finding = trees.look(fields).await;
        assert_eq!(finding.outcome, *outcome, "{name}: {finding:#?}");
        assert!(finding.headline.contains(words), "{name}: {finding:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_no_file_and_is_said() {
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    let _socket = std::os::unix::net::UnixListener::bind(trees.source().join("socket")).unwrap();
    let finding = trees.look("").await;
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
}

/// Root reads everything, so as root this test runs itself again without that privilege.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_cannot_read_is_never_the_same() {
    const MARK: &str = "CUTOVER_TEST_WITHOUT_PRIVILEGE";
    if !have(PROGRAMS) {
        return;
    }
    if rustix::process::geteuid().is_root() && std::env::var_os(MARK).is_none() {
        if !have(&["setpriv"]) {
            return;
        }
        let output = Command::new(program("setpriv"))
            .arg("--bounding-set=-dac_override,-dac_read_search")
            .arg(std::env::current_exe().unwrap())
            .args([
                "mirror::what_the_source_cannot_read_is_never_the_same",
                "--exact",
            ])
            .env(MARK, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    }
    let lock = |path: PathBuf| fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();

    let trees = Trees::new();
    lock(trees.source().join("pool/main/z"));
    fs::remove_file(trees.target().join("pool/main/z")).unwrap();
    put(&trees.target(), "pool/main/z", "some content");
    lock(trees.target().join("pool/main/z"));
    let finding = trees.look("sample = 0").await;
    assert_eq!(finding.outcome, Outcome::Unknown, "a file: {finding:#?}");
    assert!(
        finding.headline.contains("cannot be read") && finding.headline.contains("pool/main/z")
    );
    assert_eq!(
        trees.look("").await.outcome,
        Outcome::Unknown,
        "a file of the sample"
    );
    let finding = trees.look("exclude = [\"/pool/main/z\"]").await;
    assert_eq!(
        finding.outcome,
        Outcome::Pass,
        "a file that is left out: {finding:#?}"
    );

    let trees = Trees::new();
    lock(trees.source().join("pool/main"));
    put(&trees.target(), "pool/extra", "x");
    let finding = trees.look("extra = \"fail\"").await;
    fs::set_permissions(
        trees.source().join("pool/main"),
        Permissions::from_mode(0o755),
    )
    .unwrap();
    assert!(
        finding.outcome >= Outcome::Unknown,
        "a folder: {finding:#?}"
    );
    assert!(
        finding
            .facts
            .iter()
            .any(|fact| fact.actual.contains("stopped looking for files")),
        "{finding:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_rsync_daemon() {
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    let daemon = RsyncDaemon::start(V6, &["archive"], &["locked"]);
    let copied = Command::new("cp")
        .arg("-a")
        .arg(format!("{}/.", trees.target().display()))
        .arg(daemon.module("archive"))
        .status()
        .unwrap();
    assert!(copied.success());
    let text = |module: &str, fields: &str| {
        let from = format!(
            "from = {{ primary = \"rsync://[::1]:{}/{module}\" }}\n{fields}",
            daemon.at.port()
        );
        playbook(
            "",
            "local = true",
            Path::new("/unused"),
            &trees.target(),
            &from,
        )
    };
    let finding = look(&text("archive", "")).await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_differences_leave_a_short_finding() {
    const FILES: usize = 20_000;
    if !have(PROGRAMS) {
        return;
    }
    let trees = Trees::new();
    for n in 0..FILES {
        let folder = trees.source().join(format!("d{}", n / 100));
        if n % 100 == 0 {
            fs::create_dir(&folder).unwrap();
        }
        fs::write(folder.join(format!("f{n}")), "").unwrap();
    }
    let notes = Arc::new(Mutex::new(Vec::new()));
    let pulses = Pulses::new({
        let notes = Arc::clone(&notes);
        move |pulse: Pulse| notes.lock().unwrap().push(pulse.note)
    });
    let text = playbook(
        "local = true",
        "local = true",
        &trees.source(),
        &trees.target(),
        "",
    );
    let finding = look_with(&text, &pulses).await;
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(finding.headline.contains("lacks 20,200"), "{finding:#?}");
    assert!(
        serde_json::to_string(&finding).unwrap().len() < 10_000,
        "{finding:#?}"
    );
    assert!(
        notes
            .lock()
            .unwrap()
            .iter()
            .all(|note| note.starts_with("comparing: "))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_of_two_hosts() {
    if !have(&["dpkg-query", "sshd", "ssh-keygen"]) {
        return;
    }
    let lab = SshLab::new();
    let (_primary, standby) = (lab.host("primary"), lab.host("standby"));
    let config = lab.config();
    let host = |name: &str, site: &str| {
        format!(
            "[hosts.{name}]\nsite = \"{site}\"\nssh = {name:?}\nssh-config = {config:?}\naddresses = [\"127.0.0.1\"]\n"
        )
    };
    let text = format!(
        "[playbook]\nname = \"test\"\n{}{}[[step]]\nid = \"packages\"\nkind = \"packages\"\n",
        host("primary", "dedicated"),
        host("standby", "cloud").replace("127.0.0.1", "127.0.0.2")
    );
    let finding = look(&text).await;
    assert_eq!(
        finding.outcome,
        Outcome::Pass,
        "one machine, asked twice: {finding:#?}"
    );
    assert!(finding.headline.contains("none differ"), "{finding:#?}");

    let spoil = |sed: &str| {
        let script = format!("#!/bin/sh\n/usr/bin/dpkg-query \"$@\" | sed '{sed}'\n");
        standby.replace_program("dpkg-query", &script);
    };
    spoil(r"/\tsed\t/d");
    let finding = look(&text).await;
    assert_eq!(finding.outcome, Outcome::Fail, "{finding:#?}");
    assert!(
        finding
            .mend
            .as_deref()
            .is_some_and(|mend| mend.starts_with("ssh standby sudo apt-get install sed=")),
        "{finding:#?}"
    );
    spoil(r"s/^ii \tsed\t\([^\t]*\)\t[^\t]*/ii \tsed\t\1\t0~old/");
    let finding = look(&text).await;
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:#?}");
    assert!(finding.headline.contains("1 older"), "{finding:#?}");
    spoil(r"s/^ii \tsed\t/iF \tsed\t/");
    assert!(look(&text).await.headline.contains("1 half-installed"));
    spoil(r"s/\t/ /");
    assert_eq!(look(&text).await.outcome, Outcome::Unknown);
    standby.replace_program("dpkg-query", "#!/bin/sh\nexit 127\n");
    assert_eq!(look(&text).await.outcome, Outcome::Unknown);
}
