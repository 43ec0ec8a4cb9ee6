//! What the hosts of a scene hold: a mirror, and packages.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

/// A `dpkg-query` that knows these packages.
pub fn packages(list: &[&str]) -> String {
    let mut script = "#!/bin/sh\n".to_owned();
    for package in list {
        let (name, version) = package.split_once(' ').unwrap();
        writeln!(
            script,
            "printf 'ii \\t{name}\\tamd64\\t{version}\\t{name}\\t{version}\\tno\\n'"
        )
        .unwrap();
    }
    script
}

/// An `ls` that finds nothing where dpkg keeps a file for each package.
pub const NO_LISTS: &str =
    "#!/bin/sh\ncase \"$*\" in */dpkg/info) exit 0;; esac\nexec /bin/ls \"$@\"\n";

pub fn mirror_into(tree: &Path, written: SystemTime) {
    for (name, text) in [
        ("dists/stable/Release", "Suite: stable\n"),
        ("pool/main/z", "content\n"),
        ("lastsync", "the day\n"),
    ] {
        let path = tree.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(written).unwrap();
    }
}
