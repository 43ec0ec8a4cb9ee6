//! Which folder holds the state.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::sqlite::FILE;

/// Where the state lives on a machine that was set up for it.
const SYSTEM: &str = "/var/lib/cutover";

/// What the choice depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// `--state`
    pub flag: Option<PathBuf>,
    /// `$CUTOVER_STATE`
    pub variable: Option<OsString>,
    /// `$XDG_STATE_HOME`
    pub xdg_state_home: Option<OsString>,
    /// `$HOME`
    pub home: Option<OsString>,
}

/// Why no folder is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoStateDir {
    #[error(
        "no folder for the state: there is no `{SYSTEM}`, and `$HOME` is not set; use `--state DIR`"
    )]
    NoHome,
    /// Whoever went on with a folder of his own would see none of the runs that are known there.
    #[error(
        "the runs of this machine are in `{SYSTEM}`, which is no folder that you may write; mount it, use sudo, join its \
         group, or name another one with `--state DIR`: runs there do not know of these"
    )]
    Closed,
}

/// What is at a path that may hold the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// A folder that this user may write.
    Usable,
    /// A folder that he may not, or what is none.
    Closed,
}

/// The state folder of this process; it need not exist yet.
pub fn state_dir(flag: Option<PathBuf>) -> Result<PathBuf, NoStateDir> {
    let hints = Hints {
        flag,
        variable: std::env::var_os("CUTOVER_STATE"),
        xdg_state_home: std::env::var_os("XDG_STATE_HOME"),
        home: std::env::var_os("HOME"),
    };
    choose(&hints, &found)
}

/// The state folder that follows from `hints`; `found` says what is at a path.
pub fn choose(hints: &Hints, found: &dyn Fn(&Path) -> Found) -> Result<PathBuf, NoStateDir> {
    let given = |value: &Option<OsString>| {
        (value.as_ref())
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    // A relative path in these two is an error by their own rules, and is passed over.
    let rooted = |value| given(value).filter(|path| path.is_absolute());
    if let Some(dir) = hints.flag.clone().or_else(|| given(&hints.variable)) {
        return Ok(dir);
    }
    match found(Path::new(SYSTEM)) {
        Found::Usable => return Ok(SYSTEM.into()),
        Found::Closed => return Err(NoStateDir::Closed),
        Found::Nothing => {}
    }
    rooted(&hints.xdg_state_home)
        .or_else(|| rooted(&hints.home).map(|home| home.join(".local/state")))
        .map(|dir| dir.join("cutover"))
        .ok_or(NoStateDir::NoHome)
}

/// Whether somebody names the state folder, and no other is taken.
pub fn is_named(flag: Option<&Path>) -> bool {
    let set = std::env::var_os("CUTOVER_STATE").is_some_and(|value| !value.is_empty());
    flag.is_some() || set
}

/// Why nobody can say that a folder without a store never held a run: it is `named` and not there, or something else
/// is in it. One that was made for the first run is empty, but for what its disk or its owner keeps there.
#[expect(clippy::disallowed_methods, reason = "the store is an edge")]
pub fn no_state(dir: &Path, named: bool) -> Option<String> {
    let shown = dir.display();
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return named.then(|| {
                format!(
                    "there is no state folder `{shown}`: the first run makes it; or name the one that is meant with \
                     `--state DIR` or `$CUTOVER_STATE`"
                )
            });
        }
        Err(error) => {
            return Some(format!(
                "failed to read the state folder `{shown}`: {error}"
            ));
        }
    };
    let found = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let other = found
        .into_iter()
        .find(|name| !name.starts_with('.') && name != "lost+found")?;
    Some(format!(
        "`{shown}` is no state folder, or its runs are gone: it holds `{other}` and no `{FILE}`; name the one that is \
         meant with `--state DIR` or `$CUTOVER_STATE`"
    ))
}

/// Whether no folder is there; one that cannot be looked at may be.
#[expect(clippy::disallowed_methods, reason = "the store is an edge")]
pub fn is_missing(dir: &Path) -> bool {
    matches!(dir.try_exists(), Ok(false))
}

#[expect(clippy::disallowed_methods, reason = "the store is an edge")]
fn is_absent(path: &Path) -> bool {
    (path.symlink_metadata()).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

#[expect(clippy::disallowed_methods, reason = "the store is an edge")]
fn found(path: &Path) -> Found {
    use rustix::fs::{Access, access};
    // A link that leads nowhere is there: its disk may not be mounted.
    if is_absent(path) {
        return Found::Nothing;
    }
    match access(path, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) if path.is_dir() => Found::Usable,
        _ => Found::Closed,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the probe is tried on files")]
mod tests {
    use super::*;

    fn hints(flag: &str, variable: &str, xdg: &str, home: &str) -> Hints {
        let text = |value: &str| (!value.is_empty()).then(|| OsString::from(value));
        Hints {
            flag: text(flag).map(PathBuf::from),
            variable: text(variable),
            xdg_state_home: text(xdg),
            home: text(home),
        }
    }

    #[test]
    fn the_nearest_wish_wins() {
        use Found::{Nothing, Usable};
        let cases = [
            (hints("f", "v", "/x", "/h"), Usable, "f"),
            (hints("", "v", "/x", "/h"), Usable, "v"),
            (hints("", "", "/x", "/h"), Usable, SYSTEM),
            (hints("", "", "/x", "/h"), Nothing, "/x/cutover"),
            (hints("", "", "", "/h"), Nothing, "/h/.local/state/cutover"),
            (hints("", "", "x", "/h"), Nothing, "/h/.local/state/cutover"),
        ];
        for (hints, found, expected) in cases {
            assert_eq!(
                choose(&hints, &|_| found),
                Ok(PathBuf::from(expected)),
                "{hints:?}"
            );
        }
        let none = choose(&hints("", "", "", ""), &|_| Nothing);
        assert_eq!(none, Err(NoStateDir::NoHome));
        let empty = Hints {
            variable: Some(OsString::new()),
            ..hints("", "", "", "/h")
        };
        assert_eq!(choose(&empty, &|_| Usable), Ok(PathBuf::from(SYSTEM)));
    }

    /// The runs of the machine would not be seen, and a second one would go beside them.
    #[test]
    fn a_folder_of_the_machine_that_somebody_may_not_write_is_not_passed_over() {
        let closed = |hints| choose(&hints, &|_| Found::Closed);
        assert_eq!(closed(hints("", "", "/x", "/h")), Err(NoStateDir::Closed));
        for said in [hints("f", "", "/x", "/h"), hints("", "f", "/x", "/h")] {
            assert_eq!(closed(said), Ok(PathBuf::from("f")));
        }
    }

    #[test]
    fn a_file_is_no_folder() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(found(dir.path()), Found::Usable);
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(found(&file), Found::Closed);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("gone", &link).unwrap();
        assert_eq!(found(&link), Found::Closed);
        assert_eq!(found(&dir.path().join("nothing")), Found::Nothing);
    }
}
