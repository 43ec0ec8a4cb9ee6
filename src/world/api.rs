//! Requests to the HTTP API of a provider.
//!
//! Redirects are not followed, no proxy is used, bodies are bounded, and what comes back for people to read
//! has the secrets of the request taken out. A request that changes something needs a permit, and ends when
//! the permit does.
#![expect(
    clippy::disallowed_methods,
    reason = "this module holds the one HTTP client of the providers"
)]

use std::error::Error;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Url};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::time::Instant;

use super::net::USER_AGENT;
use super::wire::cause_of;
use crate::clock::Clock;
use crate::event::{Answer, Cause, Unseen};
use crate::journal::Permit;
use crate::secret::Secret;

/// The most of an answer that is read: a whole zone of some hundred thousand records fits.
const BODY_LIMIT: usize = 64 << 20;
/// How much of an error text is shown.
const TOLD: usize = 400;
/// How often a request is sent at most where the far side says "too many requests".
const TRIES: u32 = 4;
/// The longest pause that the far side may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How a request shows who it is from.
pub enum Auth<'a> {
    Header(&'static str, &'a Secret),
    Basic {
        user: &'a Secret,
        secret: &'a Secret,
    },
}

/// What a request does at the far side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Put,
    Patch,
    Delete,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Lost {
    /// The request surely did not reach the far side.
    Unsent(Unseen),
    /// It may have.
    Sent(Unseen),
}

impl Lost {
    pub fn unseen(self) -> Unseen {
        match self {
            Lost::Unsent(unseen) | Lost::Sent(unseen) => unseen,
        }
    }

    /// What it means for a write.
    pub fn answer(self) -> Answer {
        match self {
            Lost::Unsent(unseen) => Answer::Refused { why: unseen.detail },
            Lost::Sent(unseen) => Answer::Unclear { why: unseen.detail },
        }
    }
}

/// An answer, whatever its status.
pub struct Reply {
    pub status: u16,
    body: Vec<u8>,
    /// What must not be shown of it.
    hidden: Vec<String>,
}

impl Reply {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON of a known form.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Unseen> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Unseen::new(
                Cause::Garbled,
                format!(
                    "the answer (status {}) is not the JSON that was expected, at {line}:{column}",
                    self.status
                ),
            )
        })
    }

    /// The status and what the far side says about it, in one line, without secrets.
    pub fn told(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text = serde_json::from_str::<Json>(&text)
            .ok()
            .and_then(|json| said(&json))
            .unwrap_or_else(|| text.into_owned());
        let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for hidden in &self.hidden {
            line = line.replace(hidden, "[secret]");
        }
        let line: String = line
            .chars()
            .filter(|c| !c.is_control())
            .take(TOLD)
            .collect();
        match line.is_empty() {
            true => format!("status {}", self.status),
            false => format!("status {}: {line}", self.status),
        }
    }

    /// Why it is no answer to a question.
    pub fn unseen(&self, what: &str) -> Unseen {
        let cause = match self.status {
            401 | 403 => Cause::Denied,
            404 => Cause::Missing,
            _ => Cause::Error,
        };
        Unseen::new(cause, format!("{what}: {}", self.told()))
    }

    /// What a status other than success means for a write: a client error did nothing, all else may have.
    pub fn refusal(&self, what: &str) -> Answer {
        let why = format!("{what}: {}", self.told());
        match self.status {
            408 => Answer::Unclear { why },
            400..=499 => Answer::Refused { why },
            _ => Answer::Unclear { why },
        }
    }
}

/// The error text in the forms that APIs use: `error`, `errors`, `message`.
fn said(json: &Json) -> Option<String> {
    let mut parts = Vec::new();
    for key in ["error", "error_description", "message", "errors"] {
        match json.get(key) {
            Some(Json::String(text)) => parts.push(text.clone()),
            Some(Json::Array(list)) => parts.extend(list.iter().map(|item| match item {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            })),
            _ => {}
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The API of one provider.
#[derive(Debug)]
pub struct Api {
    base: Url,
    timeout: Duration,
    /// Built at the first request, since it reads the system's certificates.
    client: OnceLock<Result<Client, String>>,
}

impl Api {
    /// An API whose paths begin with `base`. The error says what is wrong with it.
    pub fn new(base: &str, timeout: Duration) -> Result<Api, String> {
        let url: Url = base
            .trim_end_matches('/')
            .parse()
            .map_err(|error| format!("`{base}` is no URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!(
                "`{base}` begins with neither `http://` nor `https://`"
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a user name or password stands in the URL".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("`{base}` has a query or a fragment"));
        }
        Ok(Api {
            base: url,
            timeout,
            client: OnceLock::new(),
        })
    }

    /// The full URL of a path below the base; each part is encoded.
    pub fn url<S: AsRef<str>>(
        &self,
        parts: impl IntoIterator<Item = S>,
        query: Option<&str>,
    ) -> String {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            for part in parts {
                path.push(part.as_ref());
            }
        }
        url.set_query(query);
        url.into()
    }

    /// Asks; changes nothing.
    pub async fn ask(&self, url: &str, auth: &Auth<'_>) -> Result<Reply, Unseen> {
        self.send(reqwest::Method::GET, url, auth, None, self.timeout)
            .await
            .map_err(Lost::unseen)
    }

    /// Changes something, on the word of a permit, and is over when the permit is.
    pub async fn write(
        &self,
        permit: &Permit<'_>,
        method: Method,
        url: &str,
        auth: &Auth<'_>,
        body: Option<&Json>,
    ) -> Result<Reply, Lost> {
        let left = permit.until().left(&Clock::real().now());
        if left.is_zero() {
            return Err(Lost::Unsent(Unseen::new(
                Cause::TimedOut,
                "the time for this write was over before it was sent",
            )));
        }
        let method = match method {
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        self.send(method, url, auth, body, self.timeout.min(left))
            .await
    }

    fn client(&self) -> Result<&Client, Lost> {
        self.client
            .get_or_init(|| {
                let client = Client::builder()
                    .user_agent(USER_AGENT)
                    .redirect(reqwest::redirect::Policy::none())
                    .retry(reqwest::retry::never())
                    .no_proxy()
                    .connect_timeout(self.timeout);
                // A machine without any certificate authority can still speak plain HTTP.
                let client = match self.base.scheme() {
                    "https" => client,
                    _ => client.tls_certs_only(std::iter::empty()),
                };
                client.build().map_err(|error| {
                    let error = error.without_url();
                    let why = Error::source(&error);
                    why.map_or_else(|| error.to_string(), ToString::to_string)
                })
            })
            .as_ref()
            .map_err(|error| {
                Lost::Unsent(Unseen::new(
                    Cause::Error,
                    format!(
                        "failed to set up TLS: {error}; are certificate authorities installed \
                         (Debian: `ca-certificates`)?"
                    ),
                ))
            })
    }

    /// Sends a request, again where the far side says "too many requests" (which did nothing), until the
    /// time is up.
    async fn send(
        &self,
        method: reqwest::Method,
        url: &str,
        auth: &Auth<'_>,
        body: Option<&Json>,
        timeout: Duration,
    ) -> Result<Reply, Lost> {
        let client = self.client()?;
        let url: Url = url
            .parse()
            .map_err(|_| Lost::Unsent(Unseen::new(Cause::Error, format!("`{url}` is no URL"))))?;
        let (header, value, hidden) = auth.header()?;
        let deadline = Instant::now() + timeout;
        let mut tries = 1;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut request = client
                .request(method.clone(), url.clone())
                .header(header.clone(), value.clone())
                .timeout(left);
            if let Some(json) = body {
                request = request.json(json);
            }
            let response = request
                .send()
                .await
                .map_err(|error| lost(&url, timeout, error))?;
            let status = response.status().as_u16();
            if status == 429 && tries < TRIES {
                let pause = pause(response.headers().get(RETRY_AFTER), tries);
                if Instant::now() + pause < deadline {
                    tokio::time::sleep(pause).await;
                    tries += 1;
                    continue;
                }
            }
            let body = read(response, &url, timeout).await?;
            return Ok(Reply {
                status,
                body,
                hidden,
            });
        }
    }
}

impl Auth<'_> {
    /// The header, marked so that nothing below prints it, and the texts that no message may show.
    fn header(&self) -> Result<(HeaderName, HeaderValue, Vec<String>), Lost> {
        let (name, text, mut hidden) = match self {
            Auth::Header(name, secret) => (
                HeaderName::from_static(name),
                secret.expose().to_owned(),
                vec![secret.expose().to_owned()],
            ),
            Auth::Basic { user, secret } => {
                let pair = format!("{}:{}", user.expose(), secret.expose());
                let coded = data_encoding::BASE64.encode(pair.as_bytes());
                (
                    reqwest::header::AUTHORIZATION,
                    format!("Basic {coded}"),
                    vec![coded, secret.expose().to_owned(), user.expose().to_owned()],
                )
            }
        };
        hidden.retain(|text| !text.is_empty());
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            Lost::Unsent(Unseen::new(
                Cause::Denied,
                "the secret holds characters that no HTTP header may hold",
            ))
        })?;
        value.set_sensitive(true);
        Ok((name, value, hidden))
    }
}

/// How long to wait after "too many requests".
fn pause(asked: Option<&HeaderValue>, tries: u32) -> Duration {
    asked
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok())
        .map_or(Duration::from_secs(1 << tries.min(4)), Duration::from_secs)
        .min(LONGEST_PAUSE)
}

async fn read(
    mut response: reqwest::Response,
    url: &Url,
    timeout: Duration,
) -> Result<Vec<u8>, Lost> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_LIMIT => {
                return Err(Lost::Sent(Unseen::new(
                    Cause::Garbled,
                    format!(
                        "the answer of `{}` is longer than {} MiB",
                        host(url),
                        BODY_LIMIT >> 20
                    ),
                )));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) if error.is_timeout() => {
                return Err(Lost::Sent(Unseen::new(
                    Cause::TimedOut,
                    format!("`{}` did not end its answer within {timeout:?}", host(url)),
                )));
            }
            Err(_) => {
                return Err(Lost::Sent(Unseen::new(
                    Cause::Garbled,
                    format!("the answer of `{}` was cut off", host(url)),
                )));
            }
        }
    }
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Tells the ways of failing apart. The client's own text is not used: it may quote the request.
fn lost(url: &Url, timeout: Duration, error: reqwest::Error) -> Lost {
    let host = host(url);
    let unsent = error.is_connect() || error.is_builder();
    let (cause, why) = if error.is_dns() {
        (
            Cause::NoName,
            format!("the name of `{host}` does not resolve"),
        )
    } else if let Some(io) = io_error(&error).filter(|_| error.is_connect()) {
        match io.kind() {
            io::ErrorKind::InvalidData => (
                Cause::Denied,
                format!("the TLS handshake with `{host}` failed: {io}"),
            ),
            _ => (cause_of(io), format!("failed to connect to `{host}`: {io}")),
        }
    } else if error.is_connect() && error.is_timeout() {
        (
            Cause::Unreachable,
            format!("`{host}` did not take a connection within {timeout:?}"),
        )
    } else if error.is_connect() {
        (Cause::Unreachable, format!("failed to connect to `{host}`"))
    } else if error.is_timeout() {
        (
            Cause::Frozen,
            format!("`{host}` did not answer within {timeout:?}"),
        )
    } else {
        (
            Cause::Garbled,
            format!("the connection to `{host}` was lost before an answer came"),
        )
    };
    let unseen = Unseen::new(cause, why);
    match unsent {
        true => Lost::Unsent(unseen),
        false => Lost::Sent(unseen),
    }
}

/// The innermost error of a socket or of TLS in the chain of sources.
fn io_error(error: &reqwest::Error) -> Option<&io::Error> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(mut io) = error.downcast_ref::<io::Error>() {
            while let Some(inner) = io.get_ref().and_then(|inner| inner.downcast_ref()) {
                io = inner;
            }
            return Some(io);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

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

    const TIMEOUT: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn ways_of_failing_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let api = Api::new(&format!("http://{at}"), TIMEOUT).unwrap();
        assert_eq!(ask(&api).await.err().unwrap().cause, Cause::Frozen);
        drop(listener);
        let patient = Api::new(&format!("http://{at}"), Duration::from_secs(20)).unwrap();
        assert_eq!(ask(&patient).await.err().unwrap().cause, Cause::Refused);

        let cut_off = serve("HTTP/1.1 200 yes\r\ncontent-length: 99\r\n\r\n{}", b"").await;
        assert_eq!(ask(&cut_off).await.err().unwrap().cause, Cause::Garbled);
        let no_http = serve("SSH-2.0-OpenSSH_9.2\r\n", b"").await;
        assert_eq!(ask(&no_http).await.err().unwrap().cause, Cause::Garbled);
        let no_tls = no_http.base.as_str().replace("http://", "https://");
        let no_tls = Api::new(&no_tls, Duration::from_secs(20)).unwrap();
        assert_eq!(ask(&no_tls).await.err().unwrap().cause, Cause::Denied);
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
}
