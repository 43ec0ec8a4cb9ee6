//! Files whose paths come from a playbook, the command line or the environment.
//!
//! Looking never consumes: what is read from a pipe is gone for its reader, and to open a device may already do
//! something. So what is no regular file is refused by name before it is opened, and no file is read without a bound.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is where files that others name are read"
)]

use std::fmt;
use std::fs::{FileType, OpenOptions};
use std::io::{Error, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

/// Why a file was not read. In words it is a clause that follows its name.
#[derive(Debug, PartialEq, Eq)]
pub enum NotRead {
    NotThere,
    Denied,
    /// What it is instead of a file.
    Kind(&'static str),
    /// It has more bytes than this.
    TooLarge(u64),
    /// It took longer than this.
    Slow(Duration),
    Failed(String),
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotRead::NotThere => f.write_str("No such file or directory"),
            NotRead::Denied => f.write_str("Permission denied"),
            NotRead::Kind(kind) => write!(f, "it is {kind}, not a regular file"),
            NotRead::TooLarge(most) => write!(f, "it is larger than {} KiB", most >> 10),
            NotRead::Slow(limit) => write!(f, "it could not be read within {limit:?}"),
            NotRead::Failed(why) => f.write_str(why),
        }
    }
}

impl From<Error> for NotRead {
    fn from(error: Error) -> NotRead {
        match error.kind() {
            ErrorKind::NotFound => NotRead::NotThere,
            ErrorKind::PermissionDenied => NotRead::Denied,
            ErrorKind::NotADirectory => {
                NotRead::Failed("a part of its path is not a folder".into())
            }
            // Without the system's number.
            _ => NotRead::Failed(
                error
                    .to_string()
                    .split(" (os error")
                    .next()
                    .unwrap_or("")
                    .into(),
            ),
        }
    }
}

/// Reads a file that has at most so many bytes.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, NotRead> {
    let bytes = beginning(path, most.saturating_add(1))?;
    match bytes.len() as u64 > most {
        true => Err(NotRead::TooLarge(most)),
        false => Ok(bytes),
    }
}

/// Reads at most so many bytes of the beginning of a file.
pub fn beginning(path: &Path, most: u64) -> Result<Vec<u8>, NotRead> {
    open(path, |kind| refuse(kind).map_or(Ok(()), Err), most)
}

/// The same for what somebody names on the command line, where a shell may have made the pipe for us alone:
/// `/dev/stdin`, and `/dev/fd/63` of `cutover check <(generate)`.
pub fn beginning_of_argument(path: &Path, most: u64) -> Result<Vec<u8>, NotRead> {
    let ours = path == Path::new("/dev/stdin")
        || (path.parent()).is_some_and(|folder| {
            folder == Path::new("/dev/fd") || folder == Path::new("/proc/self/fd")
        });
    match ours {
        false => beginning(path, most),
        true => open(
            path,
            |kind| match refuse(kind) {
                Some(what) if !kind.is_fifo() && !kind.is_socket() => Err(what),
                _ => Ok(()),
            },
            most,
        ),
    }
}

/// The same as [`read`], away from the threads that drive a run, and within a deadline: a file may lie on a far
/// machine that does not answer.
pub async fn read_within(path: &Path, most: u64, limit: Duration) -> Result<Vec<u8>, NotRead> {
    let owned = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || read(&owned, most));
    match timeout(limit, reading).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => Err(NotRead::Failed(error.to_string())),
        Err(_) => Err(NotRead::Slow(limit)),
    }
}

/// Whether it may be read by a program that is started here.
pub fn look(path: &Path) -> Result<(), NotRead> {
    let kind = std::fs::metadata(path)?.file_type();
    refuse(kind).map_or(Ok(()), Err)
}

/// What it is, where it is no regular file; a link counts as what it leads to.
fn refuse(kind: FileType) -> Option<NotRead> {
    if kind.is_file() {
        return None;
    }
    Some(NotRead::Kind(if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }))
}

fn open(
    path: &Path,
    may: impl Fn(FileType) -> Result<(), NotRead>,
    most: u64,
) -> Result<Vec<u8>, NotRead> {
    may(std::fs::metadata(path)?.file_type())?;
    // It may be another one by now: opening waits for nobody, and it is looked at again before a byte is read.
    let no_wait = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(no_wait.bits().cast_signed());
    let file = options.open(path)?;
    let kind = file.metadata()?.file_type();
    may(kind)?;
    if !kind.is_file() {
        // Whoever writes to our own pipe may take a moment.
        let flags = rustix::fs::fcntl_getfl(&file).map_err(Error::from)?;
        let wait = flags - rustix::fs::OFlags::NONBLOCK;
        rustix::fs::fcntl_setfl(&file, wait).map_err(Error::from)?;
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    fn fifo(folder: &Path) -> PathBuf {
        let path = folder.join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        path
    }

    #[test]
    fn what_is_no_regular_file_is_refused_by_name_and_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = fifo(folder.path());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let cases = [
            (pipe.as_path(), NotRead::Kind("a pipe")),
            (&link, NotRead::Kind("a pipe")),
            (&socket, NotRead::Kind("a socket")),
            (folder.path(), NotRead::Kind("a folder")),
            (Path::new("/dev/zero"), NotRead::Kind("a device")),
            (&folder.path().join("none"), NotRead::NotThere),
        ];
        for (path, why) in cases {
            assert_eq!(read(path, 10), Err(why), "{}", path.display());
        }
        let words = NotRead::Kind("a pipe").to_string();
        assert_eq!(words, "it is a pipe, not a regular file");
    }

    #[test]
    fn what_a_pipe_holds_stays_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = fifo(folder.path());
        let mut end = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&pipe)
            .unwrap();
        std::io::Write::write_all(&mut end, b"line\n").unwrap();
        assert!(read(&pipe, 10).is_err());
        assert!(beginning_of_argument(&pipe, 10).is_err());
        let mut line = [0; 5];
        end.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"line\n");
    }

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "0123456789").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read(&link, 10).unwrap(), b"0123456789");
        assert_eq!(read(&file, 9), Err(NotRead::TooLarge(9)));
        assert_eq!(beginning(&file, 4).unwrap(), b"0123");
    }

    #[test]
    fn a_pipe_that_a_shell_made_for_this_program_is_read() {
        use std::os::fd::AsRawFd;
        let (mut writer, reader) = std::os::unix::net::UnixStream::pair().unwrap();
        std::io::Write::write_all(&mut writer, b"[playbook]").unwrap();
        drop(writer);
        // A socket of the kind that cannot be opened again: it is told, and nothing waits.
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        assert!(beginning_of_argument(&path, 100).is_err());
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut writer, b"[playbook]").unwrap();
        drop(writer);
        for folder in ["/dev/fd", "/proc/self/fd"] {
            let path = PathBuf::from(format!("{folder}/{}", reader.as_raw_fd()));
            assert_eq!(read(&path, 100), Err(NotRead::Kind("a pipe")));
        }
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        assert_eq!(beginning_of_argument(&path, 100).unwrap(), b"[playbook]");
    }
}
