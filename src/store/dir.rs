//! Which folder holds the state.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no folder for the state: `{SYSTEM}` cannot be written and `$HOME` is not set; use `--state DIR`"
)]
pub struct NoStateDir;

/// The state folder of this process; it need not exist yet.
pub fn state_dir(flag: Option<PathBuf>) -> Result<PathBuf, NoStateDir> {
    let hints = Hints {
        flag,
        variable: std::env::var_os("CUTOVER_STATE"),
        xdg_state_home: std::env::var_os("XDG_STATE_HOME"),
        home: std::env::var_os("HOME"),
    };
    choose(&hints, &is_writable_folder)
}

/// The state folder that follows from `hints`; `writable` says whether a folder is there and can be written.
pub fn choose(hints: &Hints, writable: &dyn Fn(&Path) -> bool) -> Result<PathBuf, NoStateDir> {
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
    if writable(Path::new(SYSTEM)) {
        return Ok(SYSTEM.into());
    }
    rooted(&hints.xdg_state_home)
        .or_else(|| rooted(&hints.home).map(|home| home.join(".local/state")))
        .map(|dir| dir.join("cutover"))
        .ok_or(NoStateDir)
}

/// Whether no folder is there; one that cannot be looked at may be.
#[expect(clippy::disallowed_methods, reason = "the store is an edge")]
pub fn is_missing(dir: &Path) -> bool {
    matches!(dir.try_exists(), Ok(false))
}

#[expect(clippy::disallowed_methods, reason = "the store is an edge")]
fn is_writable_folder(path: &Path) -> bool {
    use rustix::fs::{Access, access};
    path.is_dir() && access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok()
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
        let cases = [
            (hints("f", "v", "/x", "/h"), true, "f"),
            (hints("", "v", "/x", "/h"), true, "v"),
            (hints("", "", "/x", "/h"), true, SYSTEM),
            (hints("", "", "/x", "/h"), false, "/x/cutover"),
            (hints("", "", "", "/h"), false, "/h/.local/state/cutover"),
            (hints("", "", "x", "/h"), false, "/h/.local/state/cutover"),
        ];
        for (hints, writable, expected) in cases {
            assert_eq!(
                choose(&hints, &|_| writable),
                Ok(PathBuf::from(expected)),
                "{hints:?}"
            );
        }
        assert_eq!(choose(&hints("", "", "", ""), &|_| false), Err(NoStateDir));
        let empty = Hints {
            variable: Some(OsString::new()),
            ..hints("", "", "", "/h")
        };
        assert_eq!(choose(&empty, &|_| true), Ok(PathBuf::from(SYSTEM)));
    }

    #[test]
    fn a_file_is_no_folder() {
        let dir = tempfile::tempdir().unwrap();
        assert!(is_writable_folder(dir.path()));
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(!is_writable_folder(&file));
        assert!(!is_writable_folder(&dir.path().join("nothing")));
    }
}
