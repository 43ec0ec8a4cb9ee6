//! Answers as they are found in the wild. What curl 7.88 made of each is said where it differs.

use super::*;

/// What is read of an answer, or the words of its fault; the bytes come in pieces of this size.
async fn read(bytes: &[u8], size: usize) -> Result<(u16, Vec<u8>), String> {
    let pieces = bytes.chunks(size).map(|piece| Ok(piece.to_vec()));
    let mut built = reader_of(pieces.collect());
    let head = built.head().await.map_err(|fault| fault.words())?;
    let mut frame = head.frame("GET").map_err(|fault| fault.words())?;
    let mut body = Vec::new();
    while let Some(piece) = (built.piece(&mut frame).await).map_err(|fault| fault.words())? {
        body.extend(piece);
    }
    Ok((head.status, body))
}

/// A stream that gives these pieces one by one.
fn reader_of(pieces: Vec<Result<Vec<u8>, Error>>) -> Reader<Pieces> {
    Reader::new(Pieces(pieces.into()))
}

struct Pieces(std::collections::VecDeque<Result<Vec<u8>, Error>>);

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        room: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(match self.0.pop_front() {
            None => Ok(()),
            Some(Err(error)) => Err(error),
            Some(Ok(mut piece)) => {
                let rest = piece.split_off(piece.len().min(room.remaining()));
                room.put_slice(&piece);
                if !rest.is_empty() {
                    self.0.push_front(Ok(rest));
                }
                Ok(())
            }
        })
    }
}

#[tokio::test]
async fn what_curl_takes_is_taken() {
    let long = format!("X: {}\r\n", "y".repeat(80_000));
    let many: String = (0..150).map(|n| format!("X-{n}: y\r\n")).collect();
    let cases = [
        (
            "HTTP/1.1 200 OK",
            "X-Long: a\r\n  b\r\nContent-Length: 5\r\n\r\nhello",
        ),
        ("HTTP/1.1 200 OK", "Content-Length :5\r\n\r\nhello"),
        (
            "HTTP/1.1 200 OK",
            "X Bad Name: a\r\n: none\r\nContent-Length: 5\r\n\r\nhello",
        ),
        // curl says "weird server reply".
        (
            "HTTP/1.1 200 OK",
            "no colon\r\nContent-Length: 5\r\n\r\nhello",
        ),
        (
            "HTTP/1.1 200 OK",
            &format!("{long}{long}{long}Content-Length: 5\r\n\r\nhello"),
        ),
        (
            "HTTP/1.1 200 OK",
            &format!("{many}Content-Length: 5\r\n\r\nhello"),
        ),
        ("HTTP/1.1 200", "Content-Length: 5\r\n\r\nhello"),
        ("HTTP/1.1 200 Großartig", "Content-Length: 5\r\n\r\nhello"),
        ("HTTP/1.1 200 O\x01K", "Content-Length: 5\r\n\r\nhello"),
        ("HTTP/1.1 200OK", "Content-Length: 5\r\n\r\nhello"),
        ("HTTP/1.1  200 OK", "Content-Length: 5\r\n\r\nhello"),
        ("http/1.1 200 OK", "Content-Length: 5\r\n\r\nhello"),
        ("HTTP/2 200 OK", "Content-Length: 5\r\n\r\nhello"),
        // curl does not.
        ("\r\n\r\nHTTP/1.1 200 OK", "Content-Length: 5\r\n\r\nhello"),
        (
            "HTTP/1.1 200 OK\r",
            "X: a\r\r\nContent-Length: 5\r\r\n\r\r\nhello",
        ),
        ("HTTP/1.0 200 OK", "\r\nhello"),
        (
            "HTTP/1.1 200 OK",
            "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        ),
        (
            "HTTP/1.1 200 OK",
            "Content-Length: 5, 5\r\n\r\nhello and more",
        ),
        ("HTTP/1.1 200 OK", "Content-Length: +5\r\n\r\nhello"),
        (
            "HTTP/1.1 200 OK",
            "Content-Length: 6\r\nContent-Length: 5\r\n\r\nhello",
        ),
        (
            "HTTP/1.1 200 OK",
            "Content-Length: 5, 6\r\n\r\nhello and more",
        ),
        ("HTTP/1.1 200 OK", "Content-Length: 5abc\r\n\r\nhello"),
        (
            "HTTP/1.1 200 OK",
            "Content-Length: 99999999999999999999999\r\n\r\nhello",
        ),
        (
            "HTTP/1.1 200 OK",
            "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
        ),
        (
            "HTTP/1.1 200 OK",
            "Transfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nT: x\r\n\r\n",
        ),
        (
            "HTTP/1.0 200 OK",
            "Transfer-Encoding: chunked\r\n\r\n0005 \r\nhello\r\n0\r\n\r\n",
        ),
        (
            "HTTP/1.1 200 OK",
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
        // Nothing follows the last chunk.
        (
            "HTTP/1.1 200 OK",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        ),
        (
            "HTTP/1.1 100 Continue",
            "\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ),
    ];
    for (first, rest) in cases {
        let crlf = format!("{first}\r\n{rest}");
        for answer in [crlf.replace('\r', ""), crlf] {
            for size in [1, 7, 1 << 20] {
                let seen = read(answer.as_bytes(), size).await;
                assert_eq!(seen, Ok((200, b"hello".to_vec())), "{answer:.200}");
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_understood_is_told_in_words() {
    let endless = format!("HTTP/1.1 200 OK\r\n{}", "X: yyyyyy\r\n".repeat(40_000));
    let informs = "HTTP/1.1 100 Continue\r\n\r\n".repeat(20_000);
    let cases = [
        ("", "closed the connection without an answer"),
        (
            "\r\n",
            "closed the connection before its answer was complete",
        ),
        (
            "HTTP/1.1 200 OK\r\nX: y\r\n",
            "closed the connection before its answer was complete",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
            "closed the connection before its answer was complete",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "closed the connection before its answer was complete",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
            "sends a body whose chunks cannot be told apart",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            "closed the connection before its answer was complete",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
            "gives a length of its body that is no number: `-5`",
        ),
        (
            "HTTP/1.1 2000 OK\r\n\r\n",
            "sends a first line without a status: `HTTP/1.1 2000 OK`",
        ),
        (
            "HTTP/1.1 099 Hm\r\n\r\n",
            "sends a first line without a status: `HTTP/1.1 099 Hm`",
        ),
        (
            "HTTP/1.1\r\n\r\n",
            "sends a first line without a status: `HTTP/1.1`",
        ),
        (
            "220 mail.example ESMTP\r\n",
            "sends something that is not HTTP: `220 mail.example ESMTP`",
        ),
        (
            "<html>hello",
            "sends something that is not HTTP: `<html>hello`",
        ),
        (
            "\x15\x03\x01\0\x02\x02\x46",
            "speaks TLS on this port, and the URL begins with `http:`",
        ),
        (
            &endless,
            "sends a head of more than 300 KiB, and no more is read",
        ),
        (
            &informs,
            "sends a head of more than 300 KiB, and no more is read",
        ),
    ];
    for (answer, words) in cases {
        let seen = read(answer.as_bytes(), 1 << 20).await;
        assert_eq!(seen, Err(words.to_owned()), "{answer:.200}");
    }
}

#[tokio::test]
async fn tls_without_its_goodbye_ends_what_has_no_length_only() {
    let eof = || Err(Error::from(ErrorKind::UnexpectedEof));
    let close = b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec();
    let mut reader = reader_of(vec![Ok(close), eof()]);
    let mut frame = reader.head().await.unwrap().frame("GET").unwrap();
    assert_eq!(reader.piece(&mut frame).await.unwrap().unwrap(), b"hello");
    assert!(reader.piece(&mut frame).await.unwrap().is_none());
    let length = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello".to_vec();
    let mut reader = reader_of(vec![Ok(length), eof()]);
    let mut frame = reader.head().await.unwrap().frame("GET").unwrap();
    assert_eq!(reader.piece(&mut frame).await.unwrap().unwrap(), b"hello");
    let fault = reader.piece(&mut frame).await.unwrap_err();
    assert!(matches!(fault, Fault::CutOff), "{fault:?}");
}

#[tokio::test]
async fn a_folded_header_is_one_value() {
    let answer = b"HTTP/1.1 204 No\r\nX-Long: a\r\n\t b\r\n c\r\nY: z\r\nContent-Length: 5\r\n\r\n";
    let mut reader = reader_of(vec![Ok(answer.to_vec())]);
    let head = reader.head().await.unwrap();
    assert_eq!(head.all("x-long").collect::<Vec<_>>(), ["a b c"]);
    assert_eq!(head.all("y").collect::<Vec<_>>(), ["z"]);
    // This status has no body, whatever a length says.
    assert_eq!(head.frame("GET").unwrap(), Frame::Length(0));
}
