//! A server that answers every connection with the same bytes, whatever is asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::web::Identity;
use super::{V4, V6};

/// What it does when it has said all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It says goodbye, over TLS too, and closes.
    Close,
    /// It closes the connection below TLS.
    Drop,
    /// It keeps the connection open.
    Stay,
}

/// Says these pieces one by one with a pause after each, over TLS where it has an identity.
pub async fn odd(
    identity: Option<&Identity>,
    pieces: &[&[u8]],
    pause: Duration,
    then: Then,
) -> SocketAddr {
    let pieces = pieces.iter().map(|piece| piece.to_vec()).collect();
    serve(
        identity.map(|shown| acceptor(shown, None, rustls::DEFAULT_VERSIONS)),
        pieces,
        pause,
        then,
    )
    .await
}

/// Says this over TLS 1.2, and no other.
pub async fn of_tls12(identity: &Identity, says: &[u8]) -> SocketAddr {
    let tls = acceptor(identity, None, &[&rustls::version::TLS12]);
    serve(Some(tls), vec![says.to_vec()], Duration::ZERO, Then::Close).await
}

/// Takes only clients with a certificate of this authority.
pub async fn for_clients_of(authority: &str, identity: &Identity) -> SocketAddr {
    let tls = acceptor(identity, Some(authority), rustls::DEFAULT_VERSIONS);
    serve(Some(tls), Vec::new(), Duration::ZERO, Then::Close).await
}

async fn serve(
    tls: Option<TlsAcceptor>,
    pieces: Vec<Vec<u8>>,
    pause: Duration,
    then: Then,
) -> SocketAddr {
    let ip = if tls.is_some() { V6 } else { V4 };
    let listener = TcpListener::bind((ip, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, pieces) = (tls.clone(), pieces.clone());
            tokio::spawn(async move {
                match tls {
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            say(stream, &pieces, pause, then).await;
                        }
                    }
                    None => say(stream, &pieces, pause, then).await,
                }
            });
        }
    });
    at
}

async fn say(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    pieces: &[Vec<u8>],
    pause: Duration,
    then: Then,
) {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        asked.push(byte);
    }
    for piece in pieces {
        if stream.write_all(piece).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
    }
    match then {
        Then::Close => drop(stream.shutdown().await),
        Then::Drop => {}
        Then::Stay => tokio::time::sleep(Duration::from_secs(600)).await,
    }
}

fn acceptor(
    identity: &Identity,
    clients: Option<&str>,
    versions: &[&'static SupportedProtocolVersion],
) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // Unlike a server that means it, this one does not look at what it shows.
    let shown = CertifiedKey::new(chain, provider.key_provider.load_private_key(key).unwrap());
    let clients = clients.map(|authority| {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(authority.as_bytes());
        roots.add(authority.unwrap()).unwrap();
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .unwrap()
    });
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(clients.unwrap_or_else(WebPkiClientVerifier::no_client_auth))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    TlsAcceptor::from(Arc::new(config))
}
