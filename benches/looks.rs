//! What looks cost: probes of many names, and the comparison of two trees beside rsync alone.
//!
//! Run it with `cargo bench --bench looks`. Each figure is the wall time of the whole process, started anew, the median
//! of some runs, and the most memory of the process. It asserts nothing about time.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark starts programs, reads clocks and prints"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

const RUNS: usize = 5;

/// How many files each of the two trees has.
const FILES: u32 = 20_000;

fn main() {
    println!("probes over IPv4 and IPv6, all at once ({RUNS} runs: median)");
    let ports = [
        answering(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        answering(SocketAddr::from((Ipv6Addr::LOCALHOST, 0))),
    ];
    for probes in [2, 100, 1_000, 2_000] {
        let dir = tempfile::tempdir().unwrap();
        let (wall, memory) = median(|| check(dir.path(), &services(probes / 2, ports)));
        let rate = f64::from(probes) / wall.as_secs_f64();
        let ms = millis(wall);
        println!("  {probes:>6} probes: {ms:>8.1} ms, {memory:>6.1} MiB, {rate:>6.0} a second");
    }

    println!("\n`mirror` of {FILES} files that are the same ({RUNS} runs: median)");
    let dir = tempfile::tempdir().unwrap();
    for side in ["a", "b"] {
        tree(&dir.path().join(side));
    }
    let (alone, _) = median(|| (rsync(dir.path()), 0.0));
    println!("  rsync alone       {:>8.1} ms", millis(alone));
    for (what, sample) in [("without a sample", 0), ("with the default", 200)] {
        let (wall, memory) = median(|| check(dir.path(), &mirror(dir.path(), sample)));
        println!("  {what}  {:>8.1} ms, {memory:>6.1} MiB", millis(wall));
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn median(mut run: impl FnMut() -> (Duration, f64)) -> (Duration, f64) {
    let mut all: Vec<_> = (0..RUNS).map(|_| run()).collect();
    all.sort_by_key(|(wall, _)| *wall);
    all[RUNS / 2]
}

/// A server of one page, which takes 1,024 connections at once as web servers do; returns its port.
fn answering(at: SocketAddr) -> u16 {
    let (told, port) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build();
        runtime.unwrap().block_on(async move {
            let listener = tokio::net::TcpListener::bind(at).await.unwrap();
            told.send(listener.local_addr().unwrap().port()).unwrap();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut asked = [0; 1024];
                    let _ = stream.read(&mut asked).await;
                    let _ = stream.write_all(PAGE).await;
                });
            }
        });
    });
    port.recv().unwrap()
}

const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

fn services(names: u32, ports: [u16; 2]) -> String {
    let names: Vec<String> = (0..names)
        .map(|n| format!("\"n{n}.bench.example\""))
        .collect();
    let mut text = head();
    let [four, six] = ports;
    write!(
        text,
        "[hosts.new]\nsite = \"new\"\nlocal = true\naddresses = [\"192.0.2.2\", \"2001:db8::2\"]\n\
         reach = {{ \"192.0.2.2:80\" = \"127.0.0.1:{four}\", \"[2001:db8::2]:80\" = \"[::1]:{six}\" }}\n\
         [services.web]\nnames = [{}]\n\
         probes = [{{ http = \"/\", tls = false, contains = \"hello\" }}]\n\
         [[step]]\nid = \"works\"\nkind = \"services\"\nat = \"target\"\n",
        names.join(", ")
    )
    .unwrap();
    text
}

fn mirror(dir: &Path, sample: u32) -> String {
    let dir = dir.display();
    head()
        + &format!(
            "[hosts.new]\nsite = \"new\"\nlocal = true\naddresses = [\"192.0.2.2\"]\n\
             [[step]]\nid = \"mirror\"\nkind = \"mirror\"\nsample = {sample}\n\
             paths = {{ old = \"{dir}/a\", new = \"{dir}/b\" }}\n"
        )
}

fn head() -> String {
    "[playbook]\nname = \"bench\"\n\
     [hosts.old]\nsite = \"old\"\nlocal = true\naddresses = [\"192.0.2.1\", \"2001:db8::1\"]\n"
        .to_owned()
}

/// Small files in folders of 500.
fn tree(dir: &Path) {
    for n in 0..FILES {
        let folder = dir.join(format!("{}", n / 500));
        fs::create_dir_all(&folder).unwrap();
        let mut file = fs::File::create(folder.join(format!("package_{n}.deb"))).unwrap();
        write!(file, "{n}").unwrap();
        let then = UNIX_EPOCH + Duration::from_secs(1_700_000_000 + u64::from(n));
        file.set_modified(then).unwrap();
    }
}

fn rsync(dir: &Path) -> Duration {
    let began = Instant::now();
    let done = Command::new("rsync")
        .args(["-rlptn", "-O", "--delete", "--stats", "a/", "b/"])
        .current_dir(dir)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(done.success());
    began.elapsed()
}

/// Runs `check` once; how long it took, and the most memory that it held, in MiB.
fn check(dir: &Path, playbook: &str) -> (Duration, f64) {
    fs::write(dir.join("bench.toml"), playbook).unwrap();
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_cutover"))
        .args(["check", "bench.toml", "--to", "new", "--state", "state"])
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut kib: u64 = 0;
    let ended = loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let word = line.and_then(|line| line.split_whitespace().next());
        kib = kib.max(word.and_then(|word| word.parse().ok()).unwrap_or(0));
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let wall = began.elapsed();
    assert!(ended.success(), "{ended}");
    (wall, kib as f64 / 1024.0)
}
