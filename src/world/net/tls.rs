//! Certificates: checked for the real name, against the system's authorities and those of a playbook.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, ClientConfig, Error, PeerIncompatible, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::{self, Odd};
use super::tcp::reason;
use super::trust::{self, Trust};
use crate::event::{Cause, Unseen};
use crate::world::files;

/// Reading the system's authorities takes long; one configuration serves all requests that trust the same
/// private authority: the bytes of its file are the key.
static CONFIGS: LazyLock<Mutex<Configs>> = LazyLock::new(Mutex::default);

type Configs = HashMap<Option<Vec<u8>>, Arc<ClientConfig>>;

/// The most that a file of certificates may have, in bytes.
const CA_LIMIT: u64 = 1 << 20;
/// How long reading it may take.
const CA_TIME: Duration = Duration::from_secs(5);

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

/// What a client of another library trusts, and how it speaks TLS: like a look without a file of certificates.
pub(in crate::world) fn of_this_machine(protocols: &[&str]) -> Result<ClientConfig, String> {
    let config = build(&[], None).map_err(|unseen| unseen.detail)?;
    let mut config = ClientConfig::clone(&config);
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Ok(config)
}

async fn config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, Unseen> {
    let pem = match ca {
        Some(path) => Some(read(path).await?),
        None => None,
    };
    let known = |pem: &Option<Vec<u8>>| {
        let configs = CONFIGS.lock().unwrap_or_else(PoisonError::into_inner);
        configs.get(pem).cloned()
    };
    if let Some(config) = known(&pem) {
        return Ok(config);
    }
    let build = {
        let (pem, ca) = (pem.clone(), ca.map(Path::to_owned));
        tokio::task::spawn_blocking(move || {
            build(pem.as_deref().unwrap_or_default(), ca.as_deref())
        })
    };
    let config = build.await.map_err(|error| {
        Unseen::new(
            Cause::Unable,
            format!("failed to read the certificate authorities: {error}"),
        )
    })??;
    let mut configs = CONFIGS.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Arc::clone(configs.entry(pem).or_insert(config)))
}

async fn read(path: &Path) -> Result<Vec<u8>, Unseen> {
    let read = files::read_within(path, CA_LIMIT, CA_TIME).await;
    read.map_err(|why| {
        Unseen::new(
            Cause::Unable,
            format!(
                "failed to read the certificate authority `{}`: {why}",
                path.display()
            ),
        )
    })
}

fn build(pem: &[u8], ca: Option<&Path>) -> Result<Arc<ClientConfig>, Unseen> {
    // A file that is not good says nothing of the server.
    let wrong = |what: String| Unseen::new(Cause::Unable, what);
    let mut extra = Vec::new();
    if let Some(path) = ca {
        let file = path.display();
        let text = String::from_utf8_lossy(pem);
        // OpenSSL has names of its own for them.
        let text = text.replace(" TRUSTED CERTIFICATE-----", " CERTIFICATE-----");
        let text = text.replace(" X509 CERTIFICATE-----", " CERTIFICATE-----");
        for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
            let number = extra.len() + 1;
            let damaged = || wrong(format!("certificate {number} of `{file}` is damaged"));
            let certificate = certificate.map_err(|_| damaged())?;
            let certificate = certificate::of_a_file(&certificate).map_err(|odd| match odd {
                Odd::Damaged => damaged(),
                Odd::Limited => wrong(format!(
                    "certificate {number} of `{file}` says for what OpenSSL trusts it: `openssl x509 -in` with its \
                     file writes it without"
                )),
            })?;
            let kept = RootCertStore::empty().add(certificate.clone());
            kept.map_err(|_| damaged())?;
            extra.push(certificate);
        }
        if extra.is_empty() {
            return Err(wrong(format!("`{file}` holds no certificate in PEM form")));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Trust::new(extra, &provider).ok_or_else(|| {
        wrong(
            "this machine has no certificate authorities to check with: install `ca-certificates`"
                .into(),
        )
    })?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| wrong("TLS cannot be set up here".into()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Only a full handshake proves that this address holds the private key.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The reason of a failed handshake, in words.
pub(super) fn explain(at: SocketAddr, name: &str, error: &std::io::Error) -> Unseen {
    let (cause, what) = match tls_error(error) {
        Some(tls) => fault(tls, name),
        None if error.kind() == ErrorKind::UnexpectedEof => (
            Cause::Garbled,
            "closed the connection while a secure one was set up".into(),
        ),
        None => (
            Cause::Garbled,
            format!(
                "broke off while a secure connection was set up: {}",
                reason(error)
            ),
        ),
    };
    Unseen::new(cause, format!("`{at}` {what}"))
}

/// The error of TLS within one of a stream.
pub(super) fn tls_error(error: &std::io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// What an error of TLS means, in words that follow who sent it.
pub(in crate::world) fn fault(error: &Error, name: &str) -> (Cause, String) {
    match error {
        Error::InvalidCertificate(error) => {
            let why = trust::words(error).unwrap_or_else(|| "that cannot be checked".into());
            (Cause::Denied, format!("shows a certificate {why}"))
        }
        // One without any certificate says the same as one that serves others well, with ways to encrypt that are not
        // known here.
        Error::AlertReceived(
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity,
        ) => {
            let what = format!(
                "refuses a secure connection for `{name}`: it has no certificate for that, or no way to encrypt in \
                 common with this program, which other clients may have"
            );
            (Cause::Unable, what)
        }
        Error::AlertReceived(alert) => {
            let why = match alert {
                AlertDescription::UnrecognisedName => "it serves no such name".to_owned(),
                AlertDescription::ProtocolVersion => "it knows only TLS older than 1.2".into(),
                AlertDescription::CertificateRequired
                | AlertDescription::NoCertificate
                | AlertDescription::BadCertificate
                | AlertDescription::AccessDenied => {
                    "it asks for the certificate of a client".into()
                }
                AlertDescription::NoApplicationProtocol => "it does not speak HTTP/1.1".into(),
                AlertDescription::InternalError => "it failed itself (alert 80)".into(),
                other => format!("it sent alert {} (RFC 8446, 6)", u8::from(*other)),
            };
            let what = format!("refuses a secure connection for `{name}`: {why}");
            (Cause::Error, what)
        }
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            (Cause::Garbled, "does not speak TLS on this port".into())
        }
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => (Cause::Error, "knows only TLS older than 1.2".into()),
        // It may serve others well: with ways to encrypt that are no longer thought safe, such as CBC or keys that are
        // sent with RSA, which curl still takes.
        Error::PeerIncompatible(_) => {
            let what =
                "and this program have no way to encrypt in common, which other clients may have";
            (Cause::Unable, what.into())
        }
        _ => {
            let what = "breaks the rules of TLS while a secure connection is set up";
            (Cause::Garbled, what.into())
        }
    }
}
