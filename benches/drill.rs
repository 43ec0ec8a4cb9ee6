//! What a whole drill costs, on real servers on loopback: BIND with a secondary, nginx, sshd, rsync.
//!
//! Run it with `cargo bench --bench drill`, or one part: `-- powerdns`. It needs what the tests need (`tests/run` installs it). Each
//! figure is of the whole process, started anew: wall time, CPU time with its children (ssh, rsync,
//! dpkg-query), and the most memory of the process itself. It prints the median and the extremes of some
//! runs, and asserts nothing about time.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    unused_imports,
    reason = "a benchmark starts servers, reads clocks and prints, and uses a part of the lab"
)]

#[path = "../tests/it/lab/mod.rs"]
mod lab;

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cutover::event::{Event, Record, Round};
use cutover::plan::Way;
use lab::dns::{Bind, PowerDns, Tsig};
use lab::ssh::SshLab;
use lab::web::Nginx;

const RUNS: usize = 7;

/// What one run cost.
struct Cost {
    wall: Duration,
    cpu: Duration,
    memory_kib: u64,
    records: Vec<Record>,
}

/// The parts, by the word that asks for one: `cargo bench --bench drill -- powerdns`. Without a word, all.
const PARTS: &[(&str, fn())] = &[
    ("local", || {
        let here = drill(Hosts::Local);
        report(
            "a whole drill, both sites on this machine, 4 record sets",
            &here,
        );
    }),
    ("ssh", || {
        let far = drill(Hosts::Ssh);
        report("a whole drill, two hosts over ssh, 4 record sets", &far);
    }),
    ("published", || {
        let many = thousand_records();
        report(
            "a failover of 1,000 record sets in one zone, until all name servers are seen new",
            &many,
        );
    }),
    ("powerdns", || {
        rows("PowerDNS, beside `curl -X PATCH`", on_powerdns);
    }),
    ("rfc2136", || rows("BIND, beside `nsupdate`", on_bind)),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    for (name, part) in PARTS {
        if words.is_empty() || words.iter().any(|word| *word == name) {
            part();
        }
    }
}

/// One zone of so many record sets, each moved by one write where it fits: what each program costs.
fn rows(what: &str, measure: fn(usize) -> Row) {
    println!("\n{what} (median of {RUNS} runs: time, CPU time, peak memory)");
    for sets in [1, 100, 1_000, 10_000] {
        let Row {
            raw,
            plan,
            failover,
        } = measure(sets);
        print!("  {sets:>6} record sets: alone {:>7.1} ms", ms(raw));
        for (name, cost) in [("plan", &plan), ("failover", &failover)] {
            print!(
                "; {name} {:>7.1} ms, {:>7.1} ms, {:>5.1} MiB",
                ms(cost.wall),
                ms(cost.cpu),
                cost.memory_kib as f64 / 1024.0
            );
        }
        println!("; failover / alone {:.2}", ms(failover.wall) / ms(raw));
    }
}

struct Row {
    /// What a person would type, once all is prepared.
    raw: Duration,
    plan: Cost,
    failover: Cost,
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Runs there and back by turns: the other program, and then ours.
fn row(dir: &Path, key: &Tsig, playbook: &str, raw: impl Fn(&str) -> Command) -> Row {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|n| {
            let mut command = raw(turn(n));
            let began = Instant::now();
            let done = command.stdout(Stdio::null()).status().unwrap();
            assert!(done.success(), "{command:?}");
            began.elapsed()
        })
        .collect();
    // An odd number of them has left the zone at the new side.
    let done = raw("old").stdout(Stdio::null()).status().unwrap();
    assert!(done.success());
    let costs = |verb: &[&str], back: bool| {
        let mut costs: Vec<Cost> = (0..RUNS)
            .map(|n| {
                let to = if back { turn(n) } else { "new" };
                run(dir, key, &[verb, &[playbook, "--to", to]].concat())
            })
            .collect();
        costs.sort_by_key(|cost| cost.wall);
        costs.swap_remove(RUNS / 2)
    };
    times.sort();
    Row {
        raw: times[RUNS / 2],
        plan: costs(&["plan"], false),
        failover: costs(&["failover", "--yes"], true),
    }
}

fn turn(n: usize) -> &'static str {
    match n % 2 {
        0 => "new",
        _ => "old",
    }
}

fn report(what: &str, costs: &[Cost]) {
    println!("\n{what} ({} runs: min / median / max)", costs.len());
    let line = |name: &str, figure: &dyn Fn(&Cost) -> f64, unit: &str| {
        let mut values: Vec<f64> = costs.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        let (min, median, max) = (
            values[0],
            values[values.len() / 2],
            values[values.len() - 1],
        );
        println!("  {name:<46} {min:>8.1} / {median:>8.1} / {max:>8.1} {unit}");
    };
    line("wall time", &|c| ms(c.wall), "ms");
    line(
        "  of it not waiting for name servers",
        &|c| ms(c.wall.saturating_sub(waited(&c.records))),
        "ms",
    );
    line(
        "CPU time, with ssh, rsync and dpkg-query",
        &|c| ms(c.cpu),
        "ms",
    );
    line(
        "peak memory of the process",
        &|c| c.memory_kib as f64 / 1024.0,
        "MiB",
    );
    line(
        "from the write to all name servers seen new",
        &|c| ms(write_to_seen(&c.records)),
        "ms",
    );
}

/// Whether a fact is the end of a `propagation` step.
fn published(event: &Event) -> bool {
    matches!(event, Event::Looked { finding, .. } if finding.headline.contains("server address"))
}

/// How long the run waited for name servers: between a settled write and the finding about them.
fn waited(records: &[Record]) -> Duration {
    let mut total = Duration::ZERO;
    let mut settled = None;
    for record in records {
        if matches!(record.event, Event::Settled { .. }) {
            settled = Some(record.at.clone());
        } else if published(&record.event)
            && let Some(settled) = settled.take()
        {
            total += record.at.since(&settled);
        }
    }
    total
}

/// From the first write to the finding that all name servers show it. They are looked at before the write as well.
fn write_to_seen(records: &[Record]) -> Duration {
    let wrote = |event: &Event| {
        matches!(
            event,
            Event::Intended {
                way: Way::There,
                ..
            }
        )
    };
    let there = |event: &Event| {
        let round = Round::There;
        published(event) && matches!(event, Event::Looked { round: of, .. } if *of == round)
    };
    let wrote = records.iter().position(|record| wrote(&record.event));
    let (before, since) = records.split_at(wrote.unwrap() + 1);
    let seen = since.iter().find(|record| there(&record.event)).unwrap();
    seen.at.since(&before[before.len() - 1].at)
}

/// Runs the program once, from its start to its end.
fn run(dir: &Path, key: &Tsig, args: &[&str]) -> Cost {
    let before = children_cpu();
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_cutover"))
        .args(args)
        .args(["--format", "json", "--state"])
        .arg(dir.join("state"))
        .env("BENCH_TSIG", &key.secret)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        text
    });
    let status_file = format!("/proc/{}/status", child.id());
    let mut memory_kib = 0;
    let status = loop {
        memory_kib = memory_kib.max(high_water(&status_file));
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let wall = began.elapsed();
    let text = reader.join().unwrap();
    assert!(status.success(), "{status}: {text}");
    let lines = text.lines();
    Cost {
        wall,
        cpu: children_cpu() - before,
        memory_kib,
        records: lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    }
}

/// The most memory that a process ever held, in KiB; 0 once it is gone.
fn high_water(status_file: &str) -> u64 {
    let text = fs::read_to_string(status_file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// User and system time of all children that were waited for, in ticks of 10 ms.
fn children_cpu() -> Duration {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |n: usize| fields[n].parse::<u64>().unwrap();
    Duration::from_millis((ticks(13) + ticks(14)) * 10)
}

fn zone(records: &str) -> String {
    format!(
        "$ORIGIN bench.example.\n$TTL 300\n\
         @ IN SOA ns.bench.example. hostmaster.bench.example. 1 3600 600 86400 60\n\
         @ IN NS ns.bench.example.\nns IN A 127.0.0.1\n{records}"
    )
}

fn provider(primary: &Bind, secondary: &Bind, key: &Tsig) -> String {
    format!(
        "[providers.dyn]\nkind = \"rfc2136\"\nserver = \"{}\"\n\
         key = {{ name = \"{}\", algorithm = \"hmac-sha256\", secret = {{ env = \"BENCH_TSIG\" }} }}\n\n\
         [zones.\"bench.example\"]\nprovider = \"dyn\"\n\
         servers = [\"{}\", \"{}\", \"{}\", \"{}\"]\nresolvers = [\"{}\"]\n\n",
        primary.v4, key.name, primary.v4, primary.v6, secondary.v4, secondary.v6, primary.v4
    )
}

fn written(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("bench.toml");
    fs::write(&path, text).unwrap();
    path
}

/// The folder of one site's mirror: 1,000 small files in 20 folders.
fn mirror(dir: &Path) {
    for n in 0..1000 {
        let folder = dir.join(format!("{}", n % 20));
        fs::create_dir_all(&folder).unwrap();
        let file = fs::File::create(folder.join(format!("{n}"))).unwrap();
        let then = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        file.set_modified(then).unwrap();
    }
}

/// How the two hosts are reached.
#[derive(Clone, Copy, PartialEq)]
enum Hosts {
    Local,
    /// Each behind an sshd of its own; the mirror goes from host to host over ssh, too.
    Ssh,
}

/// Two hosts, each with nginx on IPv4 and IPv6, a mirror of 1,000 files, packages; there and back.
fn drill(hosts: Hosts) -> Vec<Cost> {
    let dir = tempfile::tempdir().unwrap();
    let key = Tsig::new("bench");
    let records = "www IN A 192.0.2.10\nwww IN AAAA 2001:db8::10\n\
                   static IN A 192.0.2.10\nstatic IN AAAA 2001:db8::10\n";
    let (primary, secondary) = Bind::pair(&[("bench.example", &zone(records))], &key);
    let ssh = SshLab::new();
    let _hosts = [ssh.host("old"), ssh.host("new")];
    let names = [("www.bench.example", None), ("static.bench.example", None)];
    let web = [Nginx::start(&names), Nginx::start(&names)];
    for nginx in &web {
        for (name, _) in &names {
            fs::write(nginx.root(name).join("index.html"), "<h1>bench</h1>").unwrap();
        }
    }
    mirror(&dir.path().join("old"));
    mirror(&dir.path().join("new"));
    let mut text = String::from("[playbook]\nname = \"bench\"\nhold = \"0s\"\n\n");
    let public = [
        ("old", "192.0.2.10", "2001:db8::10"),
        ("new", "198.51.100.20", "2001:db8:1::20"),
    ];
    for ((host, v4, v6), nginx) in public.iter().zip(&web) {
        let reached = match hosts {
            Hosts::Local => "local = true".to_owned(),
            Hosts::Ssh => format!(
                "ssh = \"{host}\"\nssh-config = \"{}\"",
                ssh.config().display()
            ),
        };
        write!(
            text,
            "[hosts.{host}]\n{reached}\naddresses = [\"{v4}\", \"{v6}\"]\n\
             reach = {{ \"{v4}:80\" = \"{}\", \"[{v6}]:80\" = \"{}\" }}\n\n",
            nginx.http_at(lab::V4),
            nginx.http_at(lab::V6),
        )
        .unwrap();
    }
    text += &provider(&primary, &secondary, &key);
    let between = match hosts {
        Hosts::Local => String::new(),
        Hosts::Ssh => format!(
            "from = {{ old = \"old\", new = \"new\" }}\nssh-options = [\"-F\", \"{}\"]\n",
            ssh.config().display()
        ),
    };
    write!(
        text,
        "[services.web]\nnames = [\"www.bench.example\", \"static.bench.example\"]\n\
         probes = [{{ http = \"/\", tls = false, contains = \"bench\" }}]\n\n\
         [[step]]\nid = \"mirror\"\nkind = \"mirror\"\nsample = 20\n\
         paths = {{ old = \"{0}/old/\", new = \"{0}/new/\" }}\n{between}\n\
         [[step]]\nid = \"works\"\nkind = \"services\"\nat = \"target\"\n\n\
         [[step]]\nid = \"packages\"\nkind = \"packages\"\n\n\
         [[step]]\nid = \"flip\"\nkind = \"dns\"\nservices = \"all\"\nttl = \"1s\"\n\n\
         [[step]]\nid = \"published\"\nkind = \"propagation\"\nevery = \"20ms\"\n\n\
         [[step]]\nid = \"public\"\nkind = \"services\"\nat = \"public\"\nevery = \"50ms\"\n",
        dir.path().display(),
    )
    .unwrap();
    let playbook = written(dir.path(), &text);
    let playbook = playbook.to_str().unwrap();
    (0..RUNS)
        .map(|_| run(dir.path(), &key, &["drill", playbook, "--yes"]))
        .collect()
}

/// 500 names with an A and an AAAA set each, in one write; every other run goes back.
fn thousand_records() -> Vec<Cost> {
    let dir = tempfile::tempdir().unwrap();
    let key = Tsig::new("bench");
    let mut records = String::new();
    let mut names = Vec::new();
    for n in 0..500 {
        writeln!(records, "h{n} IN A 192.0.2.10\nh{n} IN AAAA 2001:db8::10").unwrap();
        names.push(format!("\"h{n}.bench.example\""));
    }
    let (primary, secondary) = Bind::pair(&[("bench.example", &zone(&records))], &key);
    let names = names.join(", ");
    let text = format!(
        "[playbook]\nname = \"bench\"\n\n\
         [hosts.old]\nlocal = true\naddresses = [\"192.0.2.10\", \"2001:db8::10\"]\n\n\
         [hosts.new]\nlocal = true\naddresses = [\"198.51.100.20\", \"2001:db8:1::20\"]\n\n\
         {}\
         [[step]]\nid = \"flip\"\nkind = \"dns\"\nnames = [{names}]\n\n\
         [[step]]\nid = \"published\"\nkind = \"propagation\"\nnames = [{names}]\nevery = \"20ms\"\n",
        provider(&primary, &secondary, &key),
    );
    let playbook = written(dir.path(), &text);
    let playbook = playbook.to_str().unwrap();
    (0..RUNS)
        .map(|n| {
            let to = if n % 2 == 0 { "new" } else { "old" };
            run(
                dir.path(),
                &key,
                &["failover", playbook, "--yes", "--to", to],
            )
        })
        .collect()
}

/// The records of a zone that leads to the old side, and a playbook that moves all of it.
fn one_zone(sets: usize, provider: &str, server: std::net::SocketAddr) -> (String, String) {
    let mut records = String::new();
    for n in 0..sets {
        writeln!(records, "h{n} IN A {}", OLD).unwrap();
    }
    let text = format!(
        "[playbook]\nname = \"bench\"\n\n\
         [hosts.old]\nlocal = true\naddresses = [\"{OLD}\"]\n\n\
         [hosts.new]\nlocal = true\naddresses = [\"{NEW}\"]\n\n\
         [providers.one]\n{provider}\n\n\
         [zones.\"bench.example\"]\nprovider = \"one\"\nservers = [\"{server}\"]\n\n\
         [[step]]\nid = \"flip\"\nkind = \"dns\"\nrecords = \"all\"\n"
    );
    (records, text)
}

const OLD: &str = "192.0.2.10";
const NEW: &str = "198.51.100.20";

fn address(to: &str) -> &'static str {
    match to {
        "new" => NEW,
        _ => OLD,
    }
}

fn on_powerdns(sets: usize) -> Row {
    let dir = tempfile::tempdir().unwrap();
    let key = Tsig::new("bench");
    let (records, _) = one_zone(sets, "", lab::v4(53));
    let server = PowerDns::primary(&[("bench.example", &zone(&records))], &key);
    fs::write(dir.path().join("key"), &server.api_key).unwrap();
    let provider = format!(
        "kind = \"powerdns\"\nurl = \"http://{}\"\napi-key = {{ file = \"{}/key\" }}",
        server.api,
        dir.path().display(),
    );
    let (_, text) = one_zone(sets, &provider, server.v4);
    let playbook = written(dir.path(), &text);
    for to in ["new", "old"] {
        let rrset = |n: usize| {
            serde_json::json!({ "name": format!("h{n}.bench.example."), "type": "A", "ttl": 300,
                "changetype": "REPLACE", "records": [{ "content": address(to), "disabled": false }] })
        };
        let body = serde_json::json!({ "rrsets": (0..sets).map(rrset).collect::<Vec<_>>() });
        fs::write(dir.path().join(to), body.to_string()).unwrap();
    }
    row(dir.path(), &key, playbook.to_str().unwrap(), |to| {
        let mut curl = Command::new("curl");
        curl.args([
            "-fsS",
            "-X",
            "PATCH",
            "-H",
            "Content-Type: application/json",
            "-H",
        ])
        .arg(format!("X-API-Key: {}", server.api_key))
        .arg("--data")
        .arg(format!("@{}", dir.path().join(to).display()))
        .arg(format!(
            "http://{}/api/v1/servers/localhost/zones/bench.example.",
            server.api
        ));
        curl
    })
}

fn on_bind(sets: usize) -> Row {
    let dir = tempfile::tempdir().unwrap();
    let key = Tsig::new("bench");
    let (records, _) = one_zone(sets, "", lab::v4(53));
    let server = Bind::primary(&[("bench.example", &zone(&records))], &key);
    let provider = format!(
        "kind = \"rfc2136\"\nserver = \"{}\"\n\
         key = {{ name = \"{}\", algorithm = \"hmac-sha256\", secret = {{ env = \"BENCH_TSIG\" }} }}",
        server.v4, key.name
    );
    let (_, text) = one_zone(sets, &provider, server.v4);
    let playbook = written(dir.path(), &text);
    for (to, from) in [("new", OLD), ("old", NEW)] {
        let mut script = format!(
            "server {} {}\nkey hmac-sha256:{} {}\nzone bench.example.\n",
            server.v4.ip(),
            server.v4.port(),
            key.name,
            key.secret
        );
        // As many as fit into one message.
        for part in (0..sets).collect::<Vec<_>>().chunks(400) {
            for n in part {
                writeln!(script, "prereq yxrrset h{n}.bench.example. IN A {from}").unwrap();
            }
            for n in part {
                writeln!(script, "update delete h{n}.bench.example. IN A").unwrap();
                let to = address(to);
                writeln!(script, "update add h{n}.bench.example. 300 IN A {to}").unwrap();
            }
            script.push_str("send\n");
        }
        fs::write(dir.path().join(to), script).unwrap();
    }
    row(dir.path(), &key, playbook.to_str().unwrap(), |to| {
        let mut nsupdate = Command::new("nsupdate");
        nsupdate.arg("-v").arg(dir.path().join(to));
        nsupdate
    })
}
