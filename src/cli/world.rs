//! The document of what a dry run saw, as a file.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Exit;
use super::common::{Desk, Failure};
use crate::engine::Actual;
use crate::event::Ending;
use crate::seen::{LARGEST, NoWorld, SeenWorld, SeenZone};

/// What the playbook knows of its zones.
pub(super) fn zones(actual: &Actual) -> Vec<SeenZone> {
    let of = |zone: &crate::site::Zone| {
        let spec = actual.book.providers().get(&zone.provider_name)?;
        Some(SeenZone {
            name: zone.name.clone(),
            provider: zone.provider_name.clone(),
            kind: spec.kind.name.to_owned(),
            promise: zone.provider.limits().honesty,
            smallest_ttl: zone.provider.limits().smallest_ttl,
        })
    };
    actual.site.zones.values().filter_map(of).collect()
}

/// Saves it whole or not at all: what was there before may be what the next dry run is compared with.
pub(super) fn save(desk: &Desk, path: &Path, seen: &SeenWorld) -> Result<(), Failure> {
    if matches!(seen.ending, None | Some(Ending::Stopped)) {
        desk.say(&format!(
            "cutover: not saved to `{}`: the dry run was stopped before its end",
            path.display()
        ));
        return Ok(());
    }
    let failed = |why: &dyn std::fmt::Display| {
        let path = path.display();
        let message = format!("failed to save what was seen to `{path}`: {why}");
        Failure::new(Exit::Usage, message)
    };
    let mut text = serde_json::to_vec_pretty(seen).map_err(|e| failed(&e))?;
    text.push(b'\n');
    write(path, &text).map_err(|e| failed(&e))
}

/// Writes a file whole or not at all. One that is there keeps its mode: it may be for one person alone.
#[expect(clippy::disallowed_methods, reason = "the command line is an edge")]
pub(super) fn write(path: &Path, text: &[u8]) -> std::io::Result<()> {
    // A link is followed, so that the file stays where it is; a pipe or a device is written to.
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let there = std::fs::metadata(&real).ok();
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        return std::fs::write(&real, text);
    }
    let folder = real.parent().filter(|folder| *folder != Path::new(""));
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    if let Some(there) = there {
        file.as_file().set_permissions(there.permissions())?;
    }
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(&real).map_err(|error| error.error)?;
    Ok(())
}

/// Whether something is there to be read.
#[expect(clippy::disallowed_methods, reason = "the command line is an edge")]
pub(super) fn exists(path: &Path) -> bool {
    std::fs::exists(path).unwrap_or(true)
}

/// Reads what an earlier dry run saw: a file of `--out-world`, or the output of `--format json`.
pub(super) fn read(path: &Path) -> Result<SeenWorld, Failure> {
    SeenWorld::read(&bytes(path)?).map_err(|why: NoWorld| {
        let message = format!("`{}` tells of no dry run: {why}", path.display());
        Failure::new(Exit::Usage, message)
    })
}

/// Reads such a file, and no more of it than shows that it is too large.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    super::common::read(path, LARGEST)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "files are looked at")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_anew_keeps_its_place_and_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seen.json");
        let link = folder.path().join("link.json");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        write(&link, b"new").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
