//! Certificates: checked for the real name, against the system's authorities and those of a playbook.

use std::collections::HashMap;
use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError,
    RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate;
use super::tcp::reason;
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
            Cause::Error,
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
            Cause::Missing,
            format!(
                "failed to read the certificate authority `{}`: {why}",
                path.display()
            ),
        )
    })
}

fn build(pem: &[u8], ca: Option<&Path>) -> Result<Arc<ClientConfig>, Unseen> {
    let wrong = |what: String| Unseen::new(Cause::Error, what);
    let mut extra = Vec::new();
    if let Some(path) = ca {
        let file = path.display();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let number = extra.len() + 1;
            let damaged = || wrong(format!("certificate {number} of `{file}` is damaged"));
            let certificate = certificate.map_err(|_| damaged())?;
            let readable = certificate::can_be_read(&certificate);
            let kept = RootCertStore::empty().add(certificate.clone());
            if !readable || kept.is_err() {
                return Err(damaged());
            }
            extra.push(certificate);
        }
        if extra.is_empty() {
            return Err(wrong(format!("`{file}` holds no certificate in PEM form")));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let authorities = Verifier::new_with_extra_roots(extra.clone(), Arc::clone(&provider));
    let authorities = authorities.map_err(|_| {
        wrong(
            "this machine has no certificate authorities to check with: install `ca-certificates`"
                .into(),
        )
    })?;
    let verifier = Trust {
        authorities,
        named: extra,
    };
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

/// Who is trusted: the authorities of the system and of a playbook, and each certificate that a playbook names itself.
#[derive(Debug)]
struct Trust {
    authorities: Verifier,
    named: Vec<CertificateDer<'static>>,
}

/// Why a certificate is not taken, in words that follow "a certificate".
#[derive(Debug)]
struct Words(String);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Words {}

fn refused(why: String) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Words(why)))))
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.named.contains(leaf) {
            let fits = certificate::fits(leaf, name, now);
            return fits
                .map(|()| ServerCertVerified::assertion())
                .map_err(refused);
        }
        let taken = (self.authorities).verify_server_cert(leaf, chain, name, ocsp, now);
        taken.map_err(|error| match error {
            Error::InvalidCertificate(error) => {
                let named = !self.named.is_empty();
                refused(certificate::why(&error, leaf, chain, name, now, named))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let proof = (self.authorities).verify_tls12_signature(message, leaf, signed);
        proof.map_err(|_| refused(certificate::why_no_proof(leaf)))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let proof = (self.authorities).verify_tls13_signature(message, leaf, signed);
        proof.map_err(|_| refused(certificate::why_no_proof(leaf)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
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
        Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))
            if inner.is::<Words>() =>
        {
            (Cause::Denied, format!("shows a certificate {inner}"))
        }
        Error::InvalidCertificate(_) => {
            let what = "shows a certificate that cannot be checked";
            (Cause::Denied, what.into())
        }
        Error::AlertReceived(alert) => {
            let why = match alert {
                AlertDescription::UnrecognisedName => "it serves no such name".to_owned(),
                AlertDescription::ProtocolVersion => "it knows only TLS older than 1.2".into(),
                AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
                    "it and this program have no way to encrypt in common".into()
                }
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
        Error::PeerIncompatible(_) => {
            let what = "knows neither TLS 1.2 nor 1.3, or no way to encrypt that this program has";
            (Cause::Error, what.into())
        }
        _ => {
            let what = "breaks the rules of TLS while a secure connection is set up";
            (Cause::Garbled, what.into())
        }
    }
}
