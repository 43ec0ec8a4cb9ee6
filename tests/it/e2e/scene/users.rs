//! The users of a scene.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_resolver::proto::rr::RecordType;

use super::{Scene, WWW};
use crate::lab::dns::ask;
use crate::lab::{V4, V6};

/// People who look the name up and make requests where it leads, at a steady pace.
pub struct Users {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How often they look the name up, and how many requests they make then.
const BEAT: Duration = Duration::from_millis(100);
const REQUESTS: usize = 4;

impl Users {
    pub fn start(scene: &Scene) -> Users {
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let at = scene.primary();
        let ways: BTreeMap<String, SocketAddr> = [&scene.old, &scene.new]
            .into_iter()
            .map(|place| {
                let address = place.addresses[0];
                let here = if address.contains(':') { V6 } else { V4 };
                (address.to_owned(), SocketAddr::new(here, place.http))
            })
            .collect();
        let six = scene.plot.only_v6;
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::SeqCst) {
                let rtype = if six { RecordType::AAAA } else { RecordType::A };
                // Who gets no answer tries again, as people do.
                let answer = ask(at, WWW, rtype, false);
                for record in answer.iter().flat_map(|answer| &answer.answers) {
                    if let Some(to) = ways.get(&record.data.to_string()) {
                        (0..REQUESTS).for_each(|_| request(*to));
                    }
                }
                std::thread::sleep(BEAT);
            }
        });
        Users {
            over,
            thread: Some(thread),
        }
    }
}

fn request(to: SocketAddr) {
    let Ok(mut stream) = TcpStream::connect_timeout(&to, Duration::from_millis(500)) else {
        return;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let asked = write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {WWW}\r\nUser-Agent: Mozilla/5.0\r\nConnection: close\r\n\r\n"
    );
    let mut answer = Vec::new();
    let _ = asked.and_then(|()| stream.read_to_end(&mut answer));
}

impl Drop for Users {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
