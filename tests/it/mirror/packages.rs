//! The packages of two hosts.

use cutover::plan::Outcome;

use super::look;
use crate::lab::have;
use crate::lab::ssh::SshLab;

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
        finding.mended_by().is_some_and(
            |mend| mend.starts_with("ssh ") && mend.contains(" standby apt-get install sed=")
        ),
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

/// What a chroot holds is told by itself, whatever machine it lies on.
#[tokio::test(flavor = "multi_thread")]
async fn a_chroot_has_its_own_architecture_and_release() {
    if !have(&["dpkg-query", "sshd", "ssh-keygen"]) {
        return;
    }
    let lab = SshLab::new();
    let (_primary, _standby) = (lab.host("primary"), lab.host("standby"));
    let config = lab.config();
    let folder = tempfile::tempdir().unwrap();
    let record = |name: &str, arch: &str| {
        format!(
            "Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: x\n\
             Maintainer: n <n@example.org>\nArchitecture: {arch}\nVersion: 1\nDescription: t\n\n"
        )
    };
    let root = |name: &str, arch: &str, link: bool| {
        let root = folder.path().join(name);
        for at in [
            "etc",
            "usr/lib",
            "var/lib/dpkg/info",
            "var/lib/dpkg/updates",
        ] {
            std::fs::create_dir_all(root.join(at)).unwrap();
        }
        let text = record("base-files", arch) + &record("nginx", arch);
        std::fs::write(root.join("var/lib/dpkg/status"), text).unwrap();
        std::fs::write(root.join("var/lib/dpkg/available"), "").unwrap();
        let release = "ID=debian\nVERSION_ID=\"7\"\n";
        if link {
            std::fs::write(root.join("usr/lib/os-release"), release).unwrap();
            std::os::unix::fs::symlink("/usr/lib/os-release", root.join("etc/os-release")).unwrap();
        } else {
            std::fs::write(root.join("etc/os-release"), release).unwrap();
        }
        root
    };
    let old = root("old", "armhf", false);
    let new = root("new", "s390x", true);
    let host = |name: &str, site: &str, ip: &str| {
        format!(
            "[hosts.{name}]\nsite = \"{site}\"\nssh = {name:?}\nssh-config = {config:?}\naddresses = [\"{ip}\"]\n"
        )
    };
    let text = format!(
        "[playbook]\nname = \"test\"\n{}{}[[step]]\nid = \"packages\"\nkind = \"packages\"\n\
         roots = {{ primary = {old:?}, standby = {new:?} }}\n",
        host("primary", "dedicated", "127.0.0.1"),
        host("standby", "cloud", "127.0.0.2")
    );
    let finding = look(&text).await;
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    assert!(
        finding.headline.contains("none differ of 2 packages"),
        "{finding:#?}"
    );
}
