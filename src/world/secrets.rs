//! Reads secrets from where a playbook says that they are.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is where files with secrets are read"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::event::{Cause, Unseen};
use crate::secret::{Secret, SecretRef};
use crate::world::exec::{Exec, Inquiry, Reach, Via};
use crate::world::files::{self, NotRead};

/// How long a program may take to print a secret: it may ask a far vault.
const COMMAND: Duration = Duration::from_secs(30);

/// How long a file may take: it may lie on a far machine.
const FILE: Duration = Duration::from_secs(5);

/// The most that a file may have, in bytes.
const LIMIT: u64 = 64 << 10;

/// Reads one secret, now. The error names the place and never the value.
pub async fn reveal(place: &SecretRef) -> Result<Secret, Unseen> {
    let text = match place {
        SecretRef::Env(name) => from_env(name),
        SecretRef::File(path) => from_file(path).await,
        SecretRef::Command(argv) => from_command(argv).await,
    };
    let (cause, what) = match text {
        Ok(text) => match first_line(&text) {
            Ok(secret) => return Ok(Secret::new(secret)),
            Err(what) => (Cause::Missing, what.to_owned()),
        },
        Err(failed) => failed,
    };
    Err(Unseen::new(cause, format!("no secret in {place}: {what}")))
}

/// Whether a file with a secret can be read by others than its owner. A file that is not there cannot.
pub fn readable_by_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

type Failed = (Cause, String);

fn from_env(name: &str) -> Result<Vec<u8>, Failed> {
    use std::os::unix::ffi::OsStringExt;
    match std::env::var_os(name) {
        Some(value) => Ok(value.into_vec()),
        None => Err((Cause::Missing, "it is not set".into())),
    }
}

async fn from_file(path: &str) -> Result<Vec<u8>, Failed> {
    let bytes = files::read_within(Path::new(path), LIMIT, FILE).await;
    bytes.map_err(|why| {
        let cause = match why {
            NotRead::NotThere => Cause::Missing,
            NotRead::Denied => Cause::Denied,
            NotRead::Slow(_) => Cause::TimedOut,
            NotRead::Kind(_) | NotRead::TooLarge(_) | NotRead::Failed(_) => Cause::Error,
        };
        (cause, why.to_string())
    })
}

async fn from_command(argv: &[String]) -> Result<Vec<u8>, Failed> {
    let here = Reach {
        name: "local".into(),
        via: Via::Local,
        sudo: false,
    };
    let inquiry = Inquiry::looks_only(argv.iter().cloned());
    match Exec::new().ask(&here, &inquiry, COMMAND).await {
        Ok(output) if output.status == Some(0) => Ok(output.stdout),
        Ok(output) if output.missing => Err((Cause::Missing, "it is not there".into())),
        // What it printed may be the secret, or a part of it: only its end is told.
        Ok(output) => Err((
            Cause::Error,
            match output.status {
                Some(status) => format!("it ended with status {status}"),
                None => "it was ended by a signal".into(),
            },
        )),
        Err(unseen) => Err((unseen.cause, unseen.detail)),
    }
}

fn first_line(bytes: &[u8]) -> Result<String, &'static str> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(b"");
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok("") => Err("its first line is empty"),
        Ok(line) => Ok(line.to_owned()),
        Err(_) => Err("it is not UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(argv: &[&str]) -> SecretRef {
        SecretRef::Command(argv.iter().map(|word| (*word).to_owned()).collect())
    }

    #[tokio::test]
    async fn the_first_line_is_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "s3cr3t \r\n# the old one\n").unwrap();
        let place = SecretRef::File(path.to_str().unwrap().into());
        assert_eq!(reveal(&place).await.unwrap().expose(), "s3cr3t ");
        let place = words(&["printf", "one\\ntwo\\n"]);
        assert_eq!(reveal(&place).await.unwrap().expose(), "one");
        let place = SecretRef::Env("PATH".into());
        assert_eq!(
            reveal(&place).await.unwrap().expose(),
            std::env::var("PATH").unwrap()
        );
    }

    #[tokio::test]
    async fn an_error_names_the_place_and_no_value() {
        let cases = [
            (SecretRef::Env("CUTOVER_NO_SUCH".into()), Cause::Missing),
            (SecretRef::File("/no/such/file".into()), Cause::Missing),
            (SecretRef::File("/".into()), Cause::Error),
            (words(&["/no/such/program", "hunter2"]), Cause::Missing),
            (
                words(&["sh", "-c", "echo hunter2; echo hunter2 >&2; exit 3"]),
                Cause::Error,
            ),
            (words(&["true"]), Cause::Missing),
        ];
        for (place, cause) in cases {
            let unseen = reveal(&place).await.unwrap_err();
            assert_eq!(unseen.cause, cause, "{unseen:?}");
            assert!(unseen.detail.contains(&place.to_string()), "{unseen:?}");
            assert!(!unseen.detail.contains("hunter2"), "{unseen:?}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "x").unwrap();
        for (mode, open) in [(0o600, false), (0o640, true), (0o604, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(readable_by_others(&path), open, "{mode:o}");
        }
        assert!(!readable_by_others(&folder.path().join("none")));
    }
}
