//! Two processes and one store: who holds a lock, and a writer that is killed in mid-append.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use cutover::clock::Clock;
use cutover::event::{Event, Record};
use cutover::journal::codec::read_lines;
use cutover::journal::{self, Journal, JournalError, Live, Meta, Publisher};
use cutover::plan::Plan;
use cutover::store::{Sqlite, Store};

const RUN: &str = "20261122-030500-drill-k3f";
const STATE: &str = "CUTOVER_TEST_WRITER";
const DEADLINE: Duration = Duration::from_secs(60);

fn golden() -> Vec<Record> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/journal-v1.jsonl");
    read_lines(&std::fs::read(path).unwrap()).unwrap().records
}

fn plan() -> Plan {
    match golden().swap_remove(0).event {
        Event::Started { plan, .. } => *plan,
        other => panic!("{other:?}"),
    }
}

fn open(dir: &Path) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(dir).unwrap())
}

async fn begin(store: Arc<dyn Store>, run: &str, show: Publisher) -> Result<Live, JournalError> {
    let plan = plan();
    let meta = Meta::of(&plan, "root@ops1", Clock::real().now());
    Live::begin(store, run, &meta, &plan.locks, Clock::real(), show).await
}

/// The other process: writes records as fast as it can, and prints the number of each once it is durable.
/// It does nothing where no test of this file started it.
#[tokio::test]
async fn writer() {
    let Some(dir) = std::env::var_os(STATE) else {
        return;
    };
    let show: Publisher = Arc::new(|record| {
        // Nobody reads any more once the test is over; then the deadline ends this.
        let _nobody = writeln!(std::io::stdout(), "\ndurable {}", record.seq);
    });
    let mut live = begin(open(Path::new(&dir)), RUN, show).await.unwrap();
    live.record(golden().swap_remove(0).event).await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        live.record(Event::Waited { entry: 4 }).await.unwrap();
    }
}

struct Writer {
    child: Child,
    durable: Receiver<u64>,
    /// The last number that was received.
    last: u64,
}

impl Writer {
    fn start(dir: &Path) -> Writer {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::writer", "--nocapture"])
            .env(STATE, dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (tell, durable) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(number) = line.strip_prefix("durable ") {
                    let _over = tell.send(number.parse().unwrap());
                }
            }
        });
        Writer {
            child,
            durable,
            last: 0,
        }
    }

    fn wait_for(&mut self, number: u64) {
        let begun = Instant::now();
        while self.last < number {
            assert!(begun.elapsed() < DEADLINE, "record {number} never came");
            self.last = self.durable.recv_timeout(DEADLINE).unwrap();
        }
    }

    /// Ends it at once, and returns the last number that it said was durable.
    fn kill(mut self) -> u64 {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        // On a busy machine it may have said none since the last one that was received.
        self.durable.iter().last().unwrap_or(self.last)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

#[tokio::test]
async fn a_living_process_keeps_its_locks_and_a_killed_one_loses_no_record() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::start(dir.path());
    writer.wait_for(20);
    let store = open(dir.path());
    let nobody = || -> Publisher { Arc::new(|_| {}) };

    let answer = begin(Arc::clone(&store), "other", nobody()).await;
    let Err(JournalError::Locked(held)) = answer else {
        panic!("the lock of a living process was given away");
    };
    assert_eq!(held.run, RUN);
    assert_eq!(held.holder.pid, i32::try_from(writer.child.id()).unwrap());
    let reopened = Live::reopen(Arc::clone(&store), RUN, Clock::real(), nobody()).await;
    assert!(matches!(reopened, Err(JournalError::Locked(_))));
    let runs = journal::runs(&*store).await.unwrap();
    assert_eq!(runs[0].writer.as_ref(), Some(&held.holder));

    // The records that another process is adding can be read meanwhile.
    let read = journal::read(&*store, RUN).await.unwrap();
    assert!(read.len() > 20);

    let pid = writer.child.id();
    let durable = writer.kill();
    let (mut live, records) = Live::reopen(Arc::clone(&store), RUN, Clock::real(), nobody())
        .await
        .unwrap();
    assert!(records.len() as u64 > durable, "a durable record was lost");
    assert_eq!(live.taken_over().len(), plan().locks.len() + 1);
    assert_eq!(live.taken_over()[0].holder.pid, i32::try_from(pid).unwrap());
    let next = live.record(Event::Waited { entry: 4 }).await.unwrap();
    assert_eq!(next.seq, records.len() as u64);
    live.close().await;
    assert!(store.locks().await.unwrap().is_empty());
}
