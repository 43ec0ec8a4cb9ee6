//! What is compressed and damaged is refused where curl refuses it.

use std::io::Write as _;
use std::time::Duration;

use cutover::world::net::{HttpAsk, Unread, http};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::odd::curl;
use crate::lab::have;
use crate::lab::odd::{Then, odd};

const LONG: Duration = Duration::from_secs(60);
/// curl: the content of an answer cannot be unpacked.
const BAD_CONTENT: i32 = 61;

/// Another byte so far from the end.
fn flipped(bytes: &[u8], from_end: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = bytes.len() - from_end;
    bytes[at] ^= 0xff;
    bytes
}

#[tokio::test]
async fn a_body_that_curl_cannot_unpack_is_no_good_answer() {
    if !have(&["curl"]) {
        return;
    }
    let text = b"hello world ".repeat(50);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&text).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(&text).unwrap();
    let zlib = zlib.finish().unwrap();
    let cut = |bytes: &[u8], by: usize| bytes[..bytes.len() - by].to_vec();
    let cases = [
        ("whole", "gzip", gzip.clone()),
        ("another checksum", "gzip", flipped(&gzip, 6)),
        ("another length", "gzip", flipped(&gzip, 2)),
        ("cut within its end", "gzip", cut(&gzip, 4)),
        ("cut before its end", "gzip", cut(&gzip, 8)),
        ("no gzip", "gzip", b"hello".to_vec()),
        ("whole", "deflate", zlib.clone()),
        ("another checksum", "deflate", flipped(&zlib, 2)),
        ("cut", "deflate", cut(&zlib, 2)),
        ("without its frame", "deflate", cut(&zlib[2..], 4)),
    ];
    for (what, coding, bytes) in cases {
        for (framed, then) in [
            (format!("Content-Length: {}\r\n", bytes.len()), Then::Stay),
            ("Connection: close\r\n".into(), Then::Close),
        ] {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n{framed}\r\n");
            // In pieces, as a network brings them.
            let half = bytes.len() / 2;
            let pieces = [head.as_bytes(), &bytes[..half], &bytes[half..]];
            let at = odd(None, &pieces, Duration::from_millis(20), then).await;
            let url = format!("http://{at}/");
            let curl = curl(&["--compressed", &url]).await;
            let refuses = match curl.status.code() {
                Some(0) => false,
                Some(BAD_CONTENT) => true,
                _ => panic!("{what}, {coding}: {curl:?}"),
            };
            for wanted in [Some("hello"), None] {
                let ask = HttpAsk {
                    url: url.clone(),
                    method: "GET".into(),
                    at,
                    headers: Vec::new(),
                    text: wanted.map(str::to_owned),
                    body_limit: 10_000,
                    ca: None,
                };
                let seen = http(&ask, LONG).await.unwrap();
                let damaged = matches!(seen.unread, Some(Unread::Damaged(_)));
                assert_eq!(damaged, refuses, "{what}, {coding}, {framed:?}: {seen:?}");
            }
        }
    }
}
