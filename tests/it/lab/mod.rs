//! Real servers on loopback for tests: started on free ports, in a directory of their own, and ended by Drop.

#![allow(dead_code, reason = "each test uses a part of the lab")]

pub mod dns;
pub mod mythic;
pub mod odd;
pub mod permit;
pub mod relay;
pub mod rsync;
pub mod ssh;
pub mod web;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How long a server may take to become ready on a busy machine.
pub const READY: Duration = Duration::from_secs(60);

pub const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// The ports of tests: below those that a kernel usually gives to connections and to whoever asks for any port,
/// so that nobody takes one between the moment when it is chosen and the moment when a server opens it; and
/// beside those of the demo.
const PORTS: Range<u16> = 10_000..20_000;

/// How many ports a process of tests takes for itself at a time. The first of them is held open as long as the
/// process lives: it tells others that the rest is taken, and nobody has to clean it up.
const BLOCK: u16 = 50;

/// The ports that this process has left, and the marks of the blocks that it took.
static OURS: Mutex<(Range<u16>, Vec<TcpListener>)> = Mutex::new((0..0, Vec::new()));

/// A port that is free on 127.0.0.1 and [::1], for TCP and UDP, and that no other test gets, in whatever process.
pub fn free_port() -> u16 {
    // One test that fails here is enough.
    let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    let (left, marks) = &mut *ours;
    loop {
        if let Some(port) = left.find(|port| is_free(*port)) {
            return port;
        }
        let blocks = PORTS.len() / usize::from(BLOCK);
        let first = std::process::id() as usize % blocks;
        let begins = (first..first + blocks).map(|n| PORTS.start + (n % blocks) as u16 * BLOCK);
        let mark = |begin: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, begin)).ok();
        let taken = begins
            .into_iter()
            .find_map(|begin| Some((begin, mark(begin)?)));
        let (begin, mark) = taken.expect("no port is free");
        marks.push(mark);
        *left = begin + 1..begin + BLOCK;
    }
}

fn is_free(port: u16) -> bool {
    let ips = [V4, V6].into_iter();
    ips.map(|ip| SocketAddr::new(ip, port))
        .all(|at| TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok())
}

/// 127.0.0.1 and a port.
pub fn v4(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// [::1] and a port.
pub fn v6(port: u16) -> SocketAddr {
    (Ipv6Addr::LOCALHOST, port).into()
}

/// Asks again and again until there is an answer, and panics with `what` at the deadline.
pub fn wait_until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Does something that must not be held up, until it took less than `limit` once. A busy machine makes it slow now
/// and then; a wait that does not belong there makes it slow each time.
pub async fn in_time(what: &str, limit: Duration, mut attempt: impl AsyncFnMut()) {
    for _ in 0..5 {
        let begun = Instant::now();
        attempt().await;
        if begun.elapsed() < limit {
            return;
        }
    }
    panic!("{what}: never within {limit:?}");
}

/// When the tests began, in whole seconds: a time for files that must have the same one, however long it takes
/// to write them.
pub fn beginning() -> SystemTime {
    static BEGAN: OnceLock<SystemTime> = OnceLock::new();
    *BEGAN.get_or_init(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        SystemTime::UNIX_EPOCH + Duration::from_secs(since.unwrap().as_secs())
    })
}

/// Where a program is: in PATH, or among the system's daemons.
pub fn program(name: &str) -> PathBuf {
    find(name).unwrap_or_else(|| panic!("`{name}` is not installed"))
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into(), "/usr/local/sbin".into()])
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// Whether all these programs are here. Where one is missing, the test that asks is left out and says so;
/// with `CI=true` nothing may be left out.
pub fn have(programs: &[&str]) -> bool {
    let missing: Vec<&str> = (programs.iter().copied())
        .filter(|name| find(name).is_none())
        .collect();
    if missing.is_empty() {
        return true;
    }
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!ci, "{test} needs {missing:?}, and nothing may be left out");
    leave_out(&format!("{test}: `{}` is missing", missing.join("`, `")));
    false
}

/// Says which test is left out and why: on the real standard error, which is shown for a test that passes,
/// too; and for the summary of `tests/run`.
fn leave_out(what: &str) {
    let _ = writeln!(std::io::stderr(), "left out: {what}");
    if let Some(list) = std::env::var_os("CUTOVER_TEST_LEFT_OUT") {
        let mut list = OpenOptions::new().append(true).open(list).unwrap();
        writeln!(list, "{what}").unwrap();
    }
}

/// A child process that ends with its guard.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    log: PathBuf,
}

impl Guard {
    /// Starts a program; what it prints goes to a file beside its configuration.
    pub fn start(mut command: Command, log: PathBuf) -> Guard {
        let file = File::create(&log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("failed to start {command:?}: {error}"));
        Guard { child, log }
    }

    /// Waits until the server is ready, and shows its log where it ends or stays silent.
    pub fn ready<T>(&mut self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + READY;
        loop {
            if let Some(found) = look() {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "{what} did not become ready ({ended:?}); it said:\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has printed so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, within reason.
    pub fn ended(&mut self) {
        let deadline = Instant::now() + READY;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it now.
    pub fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// Writes a file of a lab directory and returns its path.
pub fn put(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Waits until something listens there.
pub fn wait_for_port(server: &mut Guard, at: SocketAddr) {
    server.ready(&at.to_string(), || {
        TcpStream::connect_timeout(&at, Duration::from_secs(5)).ok()
    });
}

/// The text of a file, empty where there is none.
pub fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Writes a program that a test puts before the real one.
pub fn put_program(path: &Path, text: &str) {
    let (text_of_it, beside) = (path.with_extension("text"), path.with_extension("new"));
    fs::write(&text_of_it, text).unwrap();
    // A file that any process has open for writing cannot be run. What this process opens, a program that another
    // test starts at that moment holds open too, until it has begun: so another process writes it.
    let mut install = Command::new("install");
    install.args(["-m", "755"]).args([&text_of_it, &beside]);
    assert!(install.status().unwrap().success(), "{install:?}");
    fs::rename(&beside, path).unwrap();
}

/// A port that accepts TCP and never says a word.
pub struct FrozenPort {
    pub at: SocketAddr,
    _listener: TcpListener,
}

impl FrozenPort {
    pub fn open(ip: IpAddr) -> FrozenPort {
        // The kernel accepts connections up to the backlog; nobody takes them.
        let listener = TcpListener::bind((ip, 0)).unwrap();
        FrozenPort {
            at: listener.local_addr().unwrap(),
            _listener: listener,
        }
    }
}
