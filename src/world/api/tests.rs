//! The HTTP client against servers that answer well, badly or not at all.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

use super::*;
use crate::event::Answer;

/// A server that answers every connection with `head`, and then `body` for ever where it is not empty.
async fn serve(head: &'static str, body: &'static [u8]) -> Api {
    let listener = TcpListener::bind("[::1]:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(head.as_bytes()).await;
            while !body.is_empty() && stream.write_all(body).await.is_ok() {}
        }
    });
    Api::new(&format!("http://{at}/api/"), Duration::from_secs(20)).unwrap()
}

async fn ask(api: &Api) -> Result<Reply, Unseen> {
    let secret = Secret::new("planted");
    let url = api.url(["zones", "a/b?c"], Some("verify"));
    api.ask(&url, &Auth::Header("x-api-key", &secret)).await
}

#[tokio::test]
async fn parts_of_a_path_are_encoded() {
    let api = Api::new("https://api.example/dns/v2/", TIMEOUT).unwrap();
    assert_eq!(
        api.url(["zones", "a/b?c", "@"], Some("verify")),
        "https://api.example/dns/v2/zones/a%2Fb%3Fc/@?verify"
    );
    for bad in ["ftp://a", "http://u:p@a", "http://a/?x", "no url"] {
        let error = Api::new(bad, TIMEOUT).unwrap_err();
        assert!(!error.contains("u:p"), "{error}");
    }
}

const TIMEOUT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn ways_of_failing_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let api = Api::new(&format!("http://{at}"), TIMEOUT).unwrap();
    assert_eq!(ask(&api).await.err().unwrap().cause, Cause::Frozen);
    // Nobody listens at this socket, and nobody else can take its port.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let at = closed.local_addr().unwrap();
    let patient = Api::new(&format!("http://{at}"), Duration::from_secs(20)).unwrap();
    assert_eq!(ask(&patient).await.err().unwrap().cause, Cause::Refused);

    let cut_off = serve("HTTP/1.1 200 yes\r\ncontent-length: 99\r\n\r\n{}", b"").await;
    assert_eq!(ask(&cut_off).await.err().unwrap().cause, Cause::Garbled);
    let no_http = serve("SSH-2.0-OpenSSH_9.2\r\n", b"").await;
    assert_eq!(ask(&no_http).await.err().unwrap().cause, Cause::Garbled);
    let no_tls = no_http.base.as_str().replace("http://", "https://");
    let no_tls = Api::new(&no_tls, Duration::from_secs(20)).unwrap();
    assert_eq!(ask(&no_tls).await.err().unwrap().cause, Cause::Garbled);
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    static ZEROS: [u8; 1 << 20] = [0; 1 << 20];
    let api = serve("HTTP/1.1 200 yes\r\n\r\n", &ZEROS).await;
    let unseen = ask(&api).await.err().unwrap();
    assert_eq!(unseen.cause, Cause::Garbled);
    assert!(unseen.detail.contains("longer than"), "{unseen:?}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_secrets_are_taken_out() {
    let api = serve(
        "HTTP/1.1 302 there\r\nlocation: http://[::1]:1/\r\ncontent-length: 51\r\n\r\n\
         {\"error\":\"your key planted is wrong\",\"x\":\"planted\"} ",
        b"",
    )
    .await;
    let reply = ask(&api).await.unwrap();
    assert!(!reply.is_success());
    assert_eq!(reply.told(), "status 302: your key [secret] is wrong");
    assert!(matches!(reply.refusal("x"), Answer::Unclear { .. }));
    assert!(reply.json::<Vec<u8>>().is_err());
}

#[tokio::test]
async fn a_secret_is_taken_out_as_json_quotes_it_and_with_its_spaces() {
    let api = serve(
        "HTTP/1.1 400 no\r\ncontent-length: 46\r\n\r\n\
         {\"detail\":\"the key a\\\\b  \\\"c\\\" is none of us\"}",
        b"",
    )
    .await;
    let secret = Secret::new("a\\b  \"c\"");
    let url = api.url(["zones"], None);
    let reply = api.ask(&url, &Auth::Header("x-api-key", &secret)).await;
    assert_eq!(
        reply.unwrap().told(),
        "status 400: {\"detail\":\"the key [secret] is none of us\"}"
    );
}
