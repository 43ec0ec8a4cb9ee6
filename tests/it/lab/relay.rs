//! A TCP relay that loses answers: what goes wrong between a write and its answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// What becomes of a connection on which a write was seen.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// The write reaches the server, which answers it; the connection is cut instead of handing the answer on.
    CutAfter,
    /// The write reaches the server; the answer never comes, and the connection stays open.
    Silence,
    /// The server never sees the write; these bytes are the answer.
    Forged(fn(&[u8]) -> Vec<u8>),
    /// The server gets another write than was sent; its answer is handed on.
    Changed(fn(&[u8]) -> Vec<u8>),
}

type IsWrite = dyn Fn(&[u8]) -> bool + Send + Sync;

/// Relays connections to `to`, until a piece that the client sends looks like a write.
pub struct Relay {
    pub at: SocketAddr,
    over: Arc<AtomicBool>,
    /// What clients were handed of the answers, in bytes.
    handed: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    pub fn start(
        to: SocketAddr,
        is_write: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
        fate: Fate,
    ) -> Relay {
        let is_write: Arc<IsWrite> = Arc::new(is_write);
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let at = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let handed = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&handed);
        let thread = std::thread::spawn(move || {
            let mut open = Vec::new();
            for client in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(to)) else {
                    continue;
                };
                open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                let (counted, is_write) = (Arc::clone(&counted), Arc::clone(&is_write));
                std::thread::spawn(move || relay(client, server, &*is_write, fate, &counted));
            }
            for stream in open {
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }
        });
        Relay {
            at,
            over,
            handed,
            thread: Some(thread),
        }
    }

    /// How many bytes of answers were handed on until now.
    pub fn handed(&self) -> usize {
        self.handed.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.at);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn relay(
    mut client: TcpStream,
    mut server: TcpStream,
    is_write: &IsWrite,
    fate: Fate,
    handed: &Arc<AtomicUsize>,
) {
    let (mut back, mut from) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let mute = Arc::new(AtomicBool::new(false));
    let muted = Arc::clone(&mute);
    let handed = Arc::clone(handed);
    std::thread::spawn(move || {
        let mut piece = [0; 65536];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            if muted.load(Ordering::SeqCst) {
                if matches!(fate, Fate::CutAfter) {
                    // The server has the write, since it answers.
                    let _ = back.shutdown(std::net::Shutdown::Both);
                }
            } else {
                handed.fetch_add(length, Ordering::SeqCst);
                if back.write_all(&piece[..length]).is_err() {
                    break;
                }
            }
        }
        if !muted.load(Ordering::SeqCst) {
            let _ = back.shutdown(std::net::Shutdown::Both);
        }
    });
    let mut piece = [0; 65536];
    while let Ok(length @ 1..) = client.read(&mut piece) {
        let piece = &piece[..length];
        if !is_write(piece) {
            if server.write_all(piece).is_err() {
                break;
            }
            continue;
        }
        mute.store(!matches!(fate, Fate::Changed(_)), Ordering::SeqCst);
        match fate {
            Fate::Changed(change) => {
                let _ = server.write_all(&change(piece));
            }
            Fate::CutAfter | Fate::Silence => {
                let _ = server.write_all(piece);
            }
            Fate::Forged(answer) => {
                let _ = client.write_all(&answer(piece));
            }
        }
    }
    let _ = server.shutdown(std::net::Shutdown::Both);
}
