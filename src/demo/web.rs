//! The web server of one site: a shop, a mirror out of the site's folder, and an access log.
#![expect(
    clippy::disallowed_methods,
    reason = "the sites of the lab serve files of its folder and write logs into it"
)]

use std::fs::File;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Body;
use hyper::header::USER_AGENT;
use hyper::{Method, StatusCode};

use super::DemoError;
use super::http::{Answer, Asked, text, typed};
use super::playbook::{MIRROR, SHOP_TEXT, SHOPS};
use super::zone::Zone;
use crate::clock::Clock;

/// At this size a log is rotated, so that a lab can run for a long time.
const LOG: u64 = 4 << 20;

/// The web server of one site.
#[derive(Clone)]
pub(super) struct Web {
    pub(super) site: String,
    /// The root of what `MIRROR` serves.
    pub(super) mirror: PathBuf,
    pub(super) log: Arc<Log>,
    /// Where it fails once names lead there: the zone that tells, and the site's addresses.
    pub(super) fails_under_load: Option<(Arc<Zone>, Vec<IpAddr>)>,
}

impl Web {
    pub(super) async fn answer(self, asked: Asked) -> Answer {
        let answer = self.page(&asked).await;
        self.log.write(&asked, &answer);
        answer
    }

    async fn page(&self, asked: &Asked) -> Answer {
        if let Some((zone, addresses)) = &self.fails_under_load
            && zone.leads_to(addresses).await
        {
            let why = "the database does not take so many connections\n";
            return text(StatusCode::INTERNAL_SERVER_ERROR, why);
        }
        if !matches!(asked.head.method, Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        }
        let host = asked.header("host");
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let path = asked.head.uri.path();
        match path {
            "/" if SHOPS.contains(&host) => typed(
                StatusCode::OK,
                "text/html; charset=utf-8",
                format!(
                    "<!doctype html><title>{SHOP_TEXT}</title><p>Served by {}.\n",
                    self.site
                ),
            ),
            _ if host == MIRROR => match below(&self.mirror, path).map(std::fs::read) {
                Some(Ok(bytes)) => text(StatusCode::OK, bytes),
                _ => text(StatusCode::NOT_FOUND, "not found\n"),
            },
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }
}

/// A file below a folder; none where the path leads elsewhere.
fn below(root: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path.trim_start_matches('/'));
    let plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    Some(root.join(path)).filter(|file| plain && file.is_file())
}

/// An access log in the combined form.
pub(super) struct Log {
    path: PathBuf,
    clock: Clock,
    open: Mutex<(File, u64)>,
}

impl Log {
    /// Begins a new log.
    pub(super) fn begin(path: PathBuf) -> Result<Log, DemoError> {
        let file =
            File::create(&path).map_err(DemoError::io(format!("write `{}`", path.display())))?;
        Ok(Log {
            path,
            clock: Clock::real(),
            open: Mutex::new((file, 0)),
        })
    }

    fn write(&self, asked: &Asked, answer: &Answer) {
        let agent = match asked.header(USER_AGENT.as_str()) {
            "" => "-",
            agent => agent,
        };
        let line = format!(
            "{} - - [{}] \"{} {} HTTP/1.1\" {} {} \"-\" \"{}\"\n",
            asked.from.ip(),
            self.clock.now().wall.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            asked.head.method,
            escaped(asked.head.uri.path()),
            answer.status().as_u16(),
            answer.body().size_hint().lower(),
            escaped(agent),
        );
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk must not stop the site; the missing lines are seen as missing traffic.
        if open.0.write_all(line.as_bytes()).is_ok() {
            open.1 += line.len() as u64;
        }
        if open.1 > LOG
            && std::fs::rename(&self.path, self.path.with_extension("log.1")).is_ok()
            && let Ok(file) = File::create(&self.path)
        {
            *open = (file, 0);
        }
    }
}

/// As a web server writes what a client said: nothing in it can end the field or the line.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes().take(500) {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f.. => out.push_str(&format!("\\x{byte:02X}")),
            plain => out.push(char::from(plain)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("dists")).unwrap();
        std::fs::write(root.join("dists/Release"), "x").unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        assert!(below(&root, "/dists/Release").is_some());
        for path in ["/", "/dists", "/../secret", "/dists/../../secret", "/none"] {
            assert_eq!(below(&root, path), None, "{path}");
        }
    }

    #[test]
    fn a_client_cannot_forge_a_line() {
        assert_eq!(escaped("a\" 200\n\\"), "a\\x22 200\\x0A\\x5C");
    }
}
