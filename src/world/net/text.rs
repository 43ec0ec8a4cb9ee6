//! The text of a body: what is compressed is unpacked, and its characters are read in their own coding.

use std::io::{self, ErrorKind, Write};

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use flate2::write::{DeflateDecoder, GzDecoder, ZlibDecoder};

use super::answer::Head;
use super::http::Unread;
use super::tcp::contains;
use crate::world::exec::printable;

/// How much of a compressed body is unpacked at once: a thousandfold of it is the most that comes out.
const PIECE: usize = 256;

/// The beginning of a body, as it comes in.
pub(super) struct Body {
    packed: Packed,
    limit: usize,
    /// How many bytes came in.
    pub(super) came: usize,
    /// What it says to be and is not.
    damaged: bool,
    /// What is looked for, and whether it has come byte for byte.
    wanted: Option<Vec<u8>>,
    found: bool,
    /// The coding of its characters, where the server names it.
    charset: Option<&'static Encoding>,
}

enum Packed {
    Plain(Vec<u8>),
    Gzip(Gunzip),
    Zlib(ZlibDecoder<Vec<u8>>),
    Deflate(DeflateDecoder<Vec<u8>>),
    /// Its first byte tells which of the two.
    DeflateOrZlib,
    /// It is not known here.
    Unknown(String, Vec<u8>),
}

/// Unpacks gzip, which may have several members (RFC 1952, 2.2).
struct Gunzip {
    /// The one that comes, with all that was unpacked.
    member: GzDecoder<Vec<u8>>,
    /// Whether the head of one has come.
    begun: bool,
    /// What comes now is no part of it.
    over: bool,
}

/// The byte that begins a member.
const FIRST: u8 = 0x1f;

impl Default for Gunzip {
    fn default() -> Gunzip {
        Gunzip {
            member: GzDecoder::new(Vec::new()),
            begun: false,
            over: false,
        }
    }
}

impl Gunzip {
    fn write(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while let Some(first) = piece.first().filter(|_| !self.over) {
            let taken = self.member.write(piece)?;
            piece = &piece[taken..];
            if taken > 0 {
                continue;
            }
            // It has ended; another one may follow.
            self.over = *first != FIRST;
            if !self.over {
                let before = std::mem::replace(&mut self.member, GzDecoder::new(Vec::new()));
                self.member = GzDecoder::new(before.finish()?);
            }
        }
        self.begun |= self.member.header().is_some();
        match self.over {
            true => Ok(()),
            false => self.member.flush(),
        }
    }

    /// Whether its last member ended, and not with the checksum and the length of what was unpacked. One that is cut off
    /// says neither; no client complains of that.
    fn ends_wrong(&mut self) -> bool {
        let kept = self.member.get_ref().len();
        // Only one that has ended takes no more.
        match self.member.write(&[FIRST]) {
            Ok(0) => self.member.try_finish().is_err(),
            _ => {
                self.member.get_mut().truncate(kept);
                false
            }
        }
    }
}

impl Body {
    /// A body with this head, of which no more than `limit` bytes are kept, and in which a text is looked for.
    pub(super) fn new(head: &Head, limit: usize, wanted: Option<&str>) -> Body {
        let mut codings = head.list("content-encoding");
        codings.extend(head.list("transfer-encoding"));
        codings.retain(|coding| coding != "identity" && coding != "chunked");
        let codings: Vec<&str> = codings.iter().map(String::as_str).collect();
        let packed = match codings.as_slice() {
            [] => Packed::Plain(Vec::new()),
            ["gzip" | "x-gzip"] => Packed::Gzip(Gunzip::default()),
            ["deflate"] => Packed::DeflateOrZlib,
            some => Packed::Unknown(some.join(", "), Vec::new()),
        };
        let named = head.all("content-type").find_map(|kind| {
            let kind = kind.to_ascii_lowercase();
            let (_, label) = kind.split_once("charset=")?;
            let label = label.split(';').next()?.trim().trim_matches(['"', '\'']);
            Encoding::for_label(label.as_bytes())
        });
        Body {
            packed,
            limit,
            came: 0,
            damaged: false,
            wanted: wanted.map(|text| text.as_bytes().to_vec()),
            found: false,
            charset: named,
        }
    }

    /// Whether nothing more is kept of it.
    pub(super) fn is_full(&self) -> bool {
        self.came >= self.limit || self.bytes().len() >= self.limit
    }

    pub(super) fn add(&mut self, came: &[u8]) {
        let size = match self.packed {
            Packed::Plain(_) | Packed::Unknown(..) => came.len().max(1),
            _ => PIECE,
        };
        for piece in came.chunks(size) {
            if self.is_full() || self.damaged {
                return;
            }
            let piece = &piece[..piece.len().min(self.limit - self.came)];
            self.came += piece.len();
            let before = self.bytes().len();
            if let (Packed::DeflateOrZlib, Some(first)) = (&self.packed, piece.first()) {
                // RFC 1950, 2.2: a method of 8. Many servers leave this head out.
                self.packed = match first & 0x0f {
                    8 => Packed::Zlib(ZlibDecoder::new(Vec::new())),
                    _ => Packed::Deflate(DeflateDecoder::new(Vec::new())),
                };
            }
            let done = match &mut self.packed {
                Packed::Plain(bytes) | Packed::Unknown(_, bytes) => {
                    bytes.extend_from_slice(piece);
                    Ok(())
                }
                Packed::Gzip(to) => to.write(piece),
                Packed::Zlib(to) => to.write_all(piece).and_then(|()| to.flush()),
                Packed::Deflate(to) => to.write_all(piece).and_then(|()| to.flush()),
                Packed::DeflateOrZlib => Ok(()),
            };
            // What follows its own end is no part of it.
            self.damaged = done.is_err_and(|error| error.kind() != ErrorKind::WriteZero);
            // Only what is new is looked through, and what may be the beginning of the text.
            let found = self.wanted.as_ref().is_some_and(|text| {
                contains(&self.bytes()[before.saturating_sub(text.len())..], text)
            });
            self.found |= found;
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.packed {
            Packed::Plain(bytes) | Packed::Unknown(_, bytes) => bytes,
            Packed::Gzip(from) => from.member.get_ref(),
            Packed::Zlib(from) => from.get_ref(),
            Packed::Deflate(from) => from.get_ref(),
            Packed::DeflateOrZlib => &[],
        }
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) {
        if let Packed::Gzip(from) = &mut self.packed
            && from.begun
            && !self.damaged
        {
            self.damaged = from.ends_wrong();
        }
    }

    /// What was kept, as text.
    pub(super) fn text(&self) -> String {
        let bytes = self.bytes();
        let bytes = &bytes[..bytes.len().min(self.limit)];
        let (text, _, broken) = self.charset.unwrap_or(UTF_8).decode(bytes);
        match broken && self.charset.is_none() {
            // As browsers read what does not say what it is.
            true => WINDOWS_1252.decode(bytes).0.into_owned(),
            false => text.into_owned(),
        }
    }

    /// Whether the text has come, so that no more need come: the end of what is compressed says whether it is sound.
    pub(super) fn is_found(&self) -> bool {
        self.found && matches!(self.packed, Packed::Plain(_))
    }

    /// Whether the text that is looked for is in what was kept.
    pub(super) fn holds(&self) -> Option<bool> {
        let text = String::from_utf8_lossy(self.wanted.as_ref()?);
        Some(self.found || self.text().contains(&*text))
    }

    /// Why a text cannot be looked for in it.
    pub(super) fn unread(&self) -> Option<Unread> {
        match &self.packed {
            Packed::Unknown(coding, _) => Some(Unread::Coding(printable(coding))),
            Packed::Gzip(from) if self.damaged || self.came > 0 && !from.begun => {
                Some(Unread::Damaged("gzip".into()))
            }
            _ if self.damaged => Some(Unread::Damaged("deflate".into())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    fn head(headers: &[(&str, &str)]) -> Head {
        let owned = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        Head {
            status: 200,
            headers: headers.iter().map(owned).collect(),
        }
    }

    fn body(headers: &[(&str, &str)], bytes: &[u8], limit: usize, text: &str) -> Body {
        let mut body = Body::new(&head(headers), limit, Some(text));
        for piece in bytes.chunks(1000) {
            body.add(piece);
        }
        body
    }

    fn packed(text: &[u8]) -> [(&'static str, Vec<u8>); 4] {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(text).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(text).unwrap();
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
        deflate.write_all(text).unwrap();
        [
            ("gzip", gzip.clone()),
            ("X-Gzip", [gzip, b"what follows".to_vec()].concat()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", deflate.finish().unwrap()),
        ]
    }

    #[test]
    fn what_is_compressed_is_unpacked_within_the_limit() {
        for (coding, bytes) in packed(b"hello world") {
            for (text, holds) in [("o w", true), ("hello world", true), ("welt", false)] {
                let body = body(&[("content-encoding", coding)], &bytes, 10_000, text);
                assert_eq!(body.text(), "hello world", "{coding}");
                assert_eq!(body.holds(), Some(holds), "{coding} {text}");
                assert_eq!(body.unread(), None);
            }
        }
        let bomb = vec![b'x'; 20 << 20];
        for (coding, bytes) in packed(&bomb) {
            let body = body(&[("content-encoding", coding)], &bytes, 10_000, "y");
            assert!(body.is_full() && body.bytes().len() < 1 << 20, "{coding}");
            assert_eq!(body.text().len(), 10_000);
        }
        let [(_, gzip), ..] = packed(b"hello ");
        let [(_, more), ..] = packed(b"world");
        for behind in [&b""[..], b"what follows, \x1f too", &[0; 700]] {
            let members = [&gzip[..], &more, behind].concat();
            let body = body(&[("content-encoding", "gzip")], &members, 10_000, "o w");
            assert_eq!((body.text().as_str(), body.unread()), ("hello world", None));
        }
        let chunked = [("transfer-encoding", "gzip, chunked")];
        let [(_, gzip), ..] = packed(b"hello");
        assert_eq!(body(&chunked, &gzip, 100, "x").text(), "hello");
    }

    #[test]
    fn what_cannot_be_unpacked_is_told() {
        let cases = [
            ("br", Unread::Coding("br".into())),
            ("gzip, gzip", Unread::Coding("gzip, gzip".into())),
            ("gzip", Unread::Damaged("gzip".into())),
            ("deflate", Unread::Damaged("deflate".into())),
        ];
        for short in [&b"hello"[..], b"<"] {
            let body = body(&[("content-encoding", "gzip")], short, 100, "x");
            assert_eq!(body.unread(), Some(Unread::Damaged("gzip".into())));
        }
        assert_eq!(
            body(&[("content-encoding", "gzip")], b"", 100, "x").unread(),
            None
        );
        for (coding, unread) in cases {
            let bytes = b"\x0fhello\xff\xff\xff\xff, this is no such thing";
            let body = body(&[("content-encoding", coding)], bytes, 100, "x");
            assert_eq!(body.unread(), Some(unread), "{coding}");
        }
    }

    #[test]
    fn a_text_is_found_wherever_the_pieces_of_a_body_end() {
        for size in 1..12 {
            let mut body = Body::new(&head(&[]), 100, Some("needle"));
            let mut found = Vec::new();
            for piece in b"hay, needle".chunks(size) {
                found.push(body.is_found());
                body.add(piece);
            }
            assert!(
                body.is_found() && found.iter().all(|found| !found),
                "{size}"
            );
        }
    }

    #[test]
    fn characters_are_read_in_their_coding() {
        let latin = b"Gr\xf6\xdfe";
        let utf16: Vec<u8> = ("Größe".encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        let bom = [&[0xff, 0xfe][..], &utf16].concat();
        let cases = [
            ("text/html; charset=ISO-8859-1", &latin[..]),
            ("text/html; Charset=\"latin1\"; x=y", latin),
            ("text/html", latin),
            ("text/html; charset=utf-16le", &utf16),
            ("text/html", &bom),
            ("text/html; charset=utf-8", "Größe".as_bytes()),
            ("text/html; charset=unheard-of", "Größe".as_bytes()),
            // The text stands there byte for byte, whatever is said of it.
            ("text/html; charset=ISO-8859-1", "Größe".as_bytes()),
        ];
        for (kind, bytes) in cases {
            let body = body(&[("content-type", kind)], bytes, 100, "Größe");
            assert_eq!(body.holds(), Some(true), "{kind}");
        }
    }
}
