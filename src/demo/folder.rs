//! The folder of a lab: what the two sites hold, and what is kept from one start to the next.
//!
//! Everything is written anew at each start, but for the playbook, which is the user's, and the zone.
#![expect(
    clippy::disallowed_methods,
    reason = "the lab lives in a folder, which this module writes"
)]

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use data_encoding::HEXLOWER;

use super::playbook::{MIRROR_FILE, Place};
use super::ports::Ports;
use super::{Break, DemoError};
use crate::clock::{Clock, Stamp};
use crate::world::files;

/// When the packages of the mirror were made: 2026-01-01.
const PACKAGED: Duration = Duration::from_secs(1_767_225_600);

/// The folder of one lab.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// The same, as a playbook writes it.
    pub(super) text: String,
}

impl Folder {
    /// The folder that is given, or a new one; only its owner can look into it.
    pub(super) fn open(given: Option<&Path>) -> Result<Folder, DemoError> {
        let path = match given {
            Some(path) => {
                let failed = || DemoError::io(format!("make the folder `{}`", path.display()));
                if !path.is_dir() {
                    fs::create_dir_all(path).map_err(failed())?;
                    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed())?;
                }
                path.to_owned()
            }
            None => {
                let folder = tempfile::Builder::new().prefix("cutover-demo-").tempdir();
                folder
                    .map_err(DemoError::io("make a temporary folder"))?
                    .keep()
            }
        };
        let failed = DemoError::io(format!("find `{}`", path.display()));
        let path = fs::canonicalize(&path).map_err(failed)?;
        let text = path
            .to_str()
            .filter(|text| !text.chars().any(char::is_control));
        let Some(text) = text.map(str::to_owned) else {
            return Err(DemoError::BadPath { folder: path });
        };
        let folder = Folder { path, text };
        let list = DemoError::io(format!("look into `{}`", folder.path.display()));
        let empty = fs::read_dir(&folder.path).map_err(list)?.next().is_none();
        if !empty && !folder.file("lab.json").is_file() {
            let folder = folder.path;
            return Err(DemoError::NotALab { folder });
        }
        Ok(folder)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn site(&self, place: &Place) -> PathBuf {
        self.path.join(place.site)
    }

    /// The ports of an earlier start.
    pub(super) fn ports(&self) -> Result<Option<Ports>, DemoError> {
        let file = self.file("lab.json");
        let Ok(bytes) = files::read(&file, 64 << 10) else {
            return Ok(None);
        };
        let ports = serde_json::from_slice(&bytes);
        ports.map(Some).map_err(|_| DemoError::BadFile { file })
    }

    pub(super) fn keep_ports(&self, ports: &Ports) -> Result<(), DemoError> {
        let file = self.file("lab.json");
        let text = serde_json::to_vec(ports).unwrap_or_default();
        write(&file, &text)
    }

    /// Writes the playbook, unless there is one.
    pub(super) fn playbook(&self, text: &str) -> Result<PathBuf, DemoError> {
        let file = self.file("playbook.toml");
        if !file.is_file() {
            write(&file, text.as_bytes())?;
        }
        Ok(file)
    }

    /// A new key for the provider, in a file that only its owner can read.
    pub(super) fn key(&self) -> Result<String, DemoError> {
        let file = self.file("api.key");
        let failed = || DemoError::io(format!("write `{}`", file.display()));
        let mut random = [0; 16];
        let source = File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut random));
        source.map_err(DemoError::io("read `/dev/urandom`"))?;
        let key = HEXLOWER.encode(&random);
        let mut options = fs::OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&file).map_err(failed())?;
        writeln!(file, "{key}").map_err(failed())?;
        Ok(key)
    }

    /// Writes what one site holds: its mirror, and its packages.
    pub(super) fn write_site(
        &self,
        place: &Place,
        flaw: Option<Break>,
        now: &Stamp,
    ) -> Result<(), DemoError> {
        let root = self.site(place);
        self.write_mirror(&root, flaw == Some(Break::Mirror), now)?;
        write(&root.join("etc/os-release"), OS_RELEASE.as_bytes())?;
        let status: String = (PACKAGES.iter())
            .filter(|(name, _)| flaw != Some(Break::Packages) || !LACKING.contains(name))
            .map(|(name, version)| package(name, version))
            .collect();
        write(&root.join("var/lib/dpkg/status"), status.as_bytes())?;
        let info = root.join("var/lib/dpkg/info");
        let failed = DemoError::io(format!("make the folder `{}`", info.display()));
        fs::create_dir_all(&info).map_err(failed)
    }

    fn write_mirror(&self, root: &Path, stale: bool, now: &Stamp) -> Result<(), DemoError> {
        const DAY: i64 = 24 * 3600;
        let root = root.join("mirror");
        // What an earlier start left there, such as files that only a stale mirror lacked.
        if root.is_dir() {
            let failed = DemoError::io(format!("clear `{}`", root.display()));
            fs::remove_dir_all(&root).map_err(failed)?;
        }
        let behind = if stale { 2 * DAY } else { 0 };
        let at = now.wall.as_second() - behind;
        let date = jiff::Timestamp::from_second(at).unwrap_or(now.wall);
        let date = date.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        let serial = now.wall.as_second() / DAY - behind / DAY;
        let mut files = vec![
            (
                "project/trace/master".to_owned(),
                format!("{date}\nDate: {date}\nArchive serial: {serial}\n"),
            ),
            (
                MIRROR_FILE.trim_start_matches('/').to_owned(),
                format!("Origin: demo\nSuite: stable\nDate: {date}\n"),
            ),
        ];
        let packages = if stale { 36 } else { 40 };
        for n in 1..=packages {
            let name = format!("pool/main/demo-{n:02}_1.{n}_all.deb");
            files.push((name, format!("package {n}\n").repeat(40 + n)));
        }
        for (name, text) in files {
            // A package never changes; an index has the time of its sync. Both sites agree on both.
            let time = match name.starts_with("pool/") {
                true => PACKAGED,
                false => Duration::from_secs(u64::try_from(at).unwrap_or(0)),
            };
            let path = root.join(name);
            write(&path, text.as_bytes())?;
            let file = File::options().write(true).open(&path);
            let dated = file.and_then(|file| file.set_modified(UNIX_EPOCH + time));
            dated.map_err(DemoError::io(format!("date `{}`", path.display())))?;
        }
        Ok(())
    }
}

/// Writes a file and the folders above it.
fn write(path: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    let made = match path.parent() {
        Some(parent) => fs::create_dir_all(parent),
        None => Ok(()),
    };
    made.and_then(|()| fs::write(path, bytes))
        .map_err(DemoError::io(format!("write `{}`", path.display())))
}

/// Whether a program is installed.
pub(super) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .any(|folder| folder.join(program).is_file())
}

/// Now, by the clock of the program.
pub(super) fn now() -> Stamp {
    Clock::real().now()
}

const OS_RELEASE: &str = "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\nVERSION_ID=\"13\"\nVERSION_CODENAME=trixie\n";

/// What both sites have installed.
const PACKAGES: &[(&str, &str)] = &[
    ("adduser", "3.152"),
    ("apt", "3.0.3"),
    ("base-files", "13.8"),
    ("bash", "5.2.37-2"),
    ("ca-certificates", "20250419"),
    ("coreutils", "9.7-3"),
    ("libc6", "2.41-12"),
    ("nginx", "1.26.3-3"),
    ("openssh-server", "1:10.0p1-7"),
    ("php8.4-fpm", "8.4.11-1"),
    ("postgresql-17", "17.6-0+deb13u1"),
    ("rsync", "3.4.1+ds1-5"),
];

/// What the target lacks where packages are broken.
const LACKING: &[&str] = &["php8.4-fpm", "postgresql-17"];

fn package(name: &str, version: &str) -> String {
    format!(
        "Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: misc\n\
         Maintainer: The demo <demo@{}>\nArchitecture: all\nVersion: {version}\nDescription: {name}\n\n",
        super::playbook::ZONE
    )
}
