//! Certificates: checked for the real name, against the system's authorities and those of a playbook.
#![expect(
    clippy::disallowed_methods,
    reason = "it reads the file of a private authority and opens the encrypted connection"
)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, Error};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tcp::reason;
use crate::event::{Cause, Unseen};
use crate::world::exec::printable;

/// Reading the system's authorities takes long; one configuration serves all requests that trust the same
/// private authority (its file's bytes are the key; none are the empty key).
static CONFIGS: LazyLock<Mutex<HashMap<Vec<u8>, Arc<ClientConfig>>>> =
    LazyLock::new(Mutex::default);

/// The most of a file of certificates that is read.
const CA_LIMIT: u64 = 1 << 20;

/// Speaks TLS over `stream`, and accepts a certificate for `name` only.
pub(super) async fn handshake(
    stream: TcpStream,
    at: SocketAddr,
    name: &str,
    ca: Option<&Path>,
) -> Result<TlsStream<TcpStream>, Unseen> {
    let config = config(ca).await?;
    // A literal IPv6 address has brackets in a URL and none in a certificate.
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let server = ServerName::try_from(bare.to_owned()).map_err(|_| {
        Unseen::new(
            Cause::NoName,
            format!("`{name}` is not a name that a certificate can hold"),
        )
    })?;
    TlsConnector::from(config)
        .connect(server, stream)
        .await
        .map_err(|error| explain(at, bare, &error))
}

async fn config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, Unseen> {
    let pem = match ca {
        Some(path) => read(path).await?,
        None => Vec::new(),
    };
    let known = |pem: &Vec<u8>| {
        let configs = CONFIGS.lock().unwrap_or_else(PoisonError::into_inner);
        configs.get(pem).cloned()
    };
    if let Some(config) = known(&pem) {
        return Ok(config);
    }
    let build = {
        let (pem, ca) = (pem.clone(), ca.map(Path::to_owned));
        tokio::task::spawn_blocking(move || build(&pem, ca.as_deref()))
    };
    let config = build.await.map_err(|error| {
        Unseen::new(
            Cause::Error,
            format!("failed to read the certificate authorities: {error}"),
        )
    })??;
    let mut configs = CONFIGS.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Arc::clone(configs.entry(pem).or_insert(config)))
}

async fn read(path: &Path) -> Result<Vec<u8>, Unseen> {
    use tokio::io::AsyncReadExt;
    let failed = |error: std::io::Error| {
        Unseen::new(
            Cause::Missing,
            format!(
                "failed to read the certificate authority `{}`: {}",
                path.display(),
                reason(&error)
            ),
        )
    };
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut pem = Vec::new();
    let mut bounded = file.take(CA_LIMIT);
    bounded.read_to_end(&mut pem).await.map_err(failed)?;
    Ok(pem)
}

fn build(pem: &[u8], ca: Option<&Path>) -> Result<Arc<ClientConfig>, Unseen> {
    let wrong = |what: String| Unseen::new(Cause::Error, what);
    let mut extra = Vec::new();
    if let Some(path) = ca {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            extra.push(certificate.map_err(|error| {
                wrong(format!("`{}` is not a PEM file: {error}", path.display()))
            })?);
        }
        if extra.is_empty() {
            return Err(wrong(format!("`{}` holds no certificate", path.display())));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(|error| {
        wrong(format!(
            "this machine has no certificate authorities to check with ({error}): install `ca-certificates`"
        ))
    })?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(format!("failed to set up TLS: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Only a full handshake proves that this address holds the private key.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The reason of a failed handshake, in words.
fn explain(at: SocketAddr, name: &str, error: &std::io::Error) -> Unseen {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref()) else {
        return Unseen::new(
            Cause::Garbled,
            format!(
                "`{at}` broke off while a secure connection was set up: {}",
                reason(error)
            ),
        );
    };
    let (cause, what) = match tls {
        Error::InvalidCertificate(certificate) => {
            (Cause::Denied, wrong_certificate(certificate, name))
        }
        Error::AlertReceived(alert) => (
            Cause::Error,
            format!("refuses a secure connection for `{name}`: it sent the alert `{alert:?}`"),
        ),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            (Cause::Garbled, "does not speak TLS on this port".to_owned())
        }
        other => (
            Cause::Error,
            format!("failed to set up a secure connection: {other}"),
        ),
    };
    Unseen::new(cause, format!("`{at}` {what}"))
}

fn wrong_certificate(error: &CertificateError, name: &str) -> String {
    match error {
        CertificateError::Expired => "shows a certificate that has expired".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!(
                "shows a certificate that expired on {}",
                day(not_after.as_secs())
            )
        }
        CertificateError::NotValidYet => "shows a certificate that is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            let day = day(not_before.as_secs());
            format!("shows a certificate that is not valid before {day}")
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let mut names: Vec<String> = presented.iter().take(5).map(|n| plain_name(n)).collect();
            if presented.len() > names.len() {
                names.push("others".into());
            }
            if names.is_empty() {
                names.push("no name".into());
            }
            let names = names.join(", ");
            format!("shows a certificate for {names}, not for `{name}`")
        }
        CertificateError::NotValidForName => {
            format!("shows a certificate that is not for `{name}`")
        }
        CertificateError::UnknownIssuer => {
            "shows a certificate of an unknown authority, or without its intermediate certificate"
                .to_owned()
        }
        CertificateError::Revoked => "shows a certificate that was revoked".to_owned(),
        other => format!("shows a certificate that is not valid: {other}"),
    }
}

/// `DnsName("www.example.org")`, as the library has it, in our own form.
fn plain_name(name: &str) -> String {
    let inner = name.split('"').nth(1).unwrap_or(name);
    format!("`{}`", printable(inner))
}

fn day(secs: u64) -> String {
    i64::try_from(secs)
        .ok()
        .and_then(|secs| jiff::Timestamp::from_second(secs).ok())
        .map_or_else(
            || "an impossible day".into(),
            |at| at.strftime("%Y-%m-%d").to_string(),
        )
}
