//! Requests to the HTTP API of a provider.
//!
//! Redirects are not followed, no proxy is used, bodies are bounded, and what comes back for people to read
//! has the secrets of the request taken out. A request that changes something needs a permit, and ends when
//! the permit does.
#![expect(
    clippy::disallowed_methods,
    reason = "this module holds the one HTTP client of the providers"
)]

mod reply;

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Url};
use tokio::time::Instant;

pub use self::reply::{Lost, Reply};
use self::reply::{lost, read};
use super::net::USER_AGENT;
use super::net::tls::of_this_machine;
use crate::clock::Clock;
use crate::event::{Cause, Unseen};
use crate::journal::Permit;
use crate::secret::Secret;
use crate::world::patience::at_most;

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
        self.send(reqwest::Method::GET, url, auth, None, at_most(self.timeout))
            .await
            .map_err(Lost::unseen)
    }

    /// Changes something, on the word of a permit, and is over when the permit is. `body` is JSON.
    pub async fn write(
        &self,
        permit: &Permit<'_>,
        method: Method,
        url: &str,
        auth: &Auth<'_>,
        body: Option<&str>,
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
                    "https" => {
                        client.tls_backend_preconfigured(of_this_machine(&["h2", "http/1.1"])?)
                    }
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
                    format!("the API cannot be asked: {error}"),
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
        body: Option<&str>,
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
                request = request
                    .header(CONTENT_TYPE, "application/json")
                    .body(json.to_owned());
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
        // As JSON quotes it, too: an answer of another form than ours is shown as it came.
        let quoted: Vec<String> = (hidden.iter())
            .filter_map(|text| serde_json::to_string(text).ok())
            .map(|text| text[1..text.len() - 1].to_owned())
            .collect();
        hidden.extend(quoted);
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

#[cfg(test)]
mod tests;
