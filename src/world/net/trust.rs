//! Whom to trust: the authorities of the system and those of a playbook, and each certificate that a playbook names
//! itself. What curl takes is taken, and what it refuses is not.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

use super::certificate::{self, Lost};
use super::path::{Roots, Search, Way};

#[derive(Debug)]
pub(super) struct Trust {
    system: Roots,
    named: Roots,
    algorithms: WebPkiSupportedAlgorithms,
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

/// The words of an error that was made here.
pub(super) fn words(error: &CertificateError) -> Option<String> {
    match error {
        CertificateError::Other(OtherError(inner)) if inner.is::<Words>() => {
            Some(inner.to_string())
        }
        _ => None,
    }
}

impl Trust {
    /// None where nobody at all would be trusted.
    pub(super) fn new(
        named: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Option<Trust> {
        // What cannot be read among them is left out: the rest may do.
        let system = rustls_native_certs::load_native_certs().certs;
        let trust = Trust {
            system: Roots::new(" on this machine", system),
            named: Roots::new(" in `ca`", named),
            algorithms: provider.signature_verification_algorithms,
        };
        (!trust.system.is_empty() || !trust.named.is_empty()).then_some(trust)
    }

    /// Whether one of these authorities vouches for it.
    fn by(
        &self,
        roots: &Roots,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Lost> {
        let parsed = certificate::parse(leaf).ok_or(Lost::Unknown)?;
        let search = Search::new(sent, roots, now, self.algorithms);
        match search.way(&parsed) {
            Ok(Way::Whole) => Ok(()),
            Ok(Way::Constrained(way)) => self.keeps_to_names(leaf, &way, now),
            Err(lost) => Err(lost),
        }
    }

    /// Whether its names are among those that its issuers allow. The library knows how these are compared.
    fn keeps_to_names(
        &self,
        leaf: &CertificateDer<'_>,
        way: &[&CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Lost> {
        let keeps = || {
            let (top, between) = way.split_last()?;
            let mut root = RootCertStore::empty();
            root.add((*top).clone().into_owned()).ok()?;
            let between: Vec<CertificateDer<'_>> =
                between.iter().map(|one| (*one).clone()).collect();
            let parsed = ParsedCertificate::try_from(leaf).ok()?;
            let all = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, &root, &between, now, all).ok()
        };
        keeps().ok_or_else(|| {
            let why = "one of whose issuers limits the names below it (name constraints), and that was not found to \
                       keep to them";
            Lost::NoRight(why.into())
        })
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // Who signed a certificate that is named itself, or is itself among those of this machine, does not matter.
        let taken = match self.named.contains(leaf) || self.system.contains(leaf) {
            true => Ok(()),
            false => (self.by(&self.named, leaf, sent, now)).or_else(|of_named| {
                match self.by(&self.system, leaf, sent, now) {
                    // What is said of those that the playbook names tells more.
                    Err(Lost::Unknown) => Err(of_named),
                    other => other,
                }
            }),
        };
        let fits = match taken {
            Ok(()) => certificate::fits(leaf, name, now),
            Err(lost) => {
                let named = !self.named.is_empty();
                Err(certificate::why(&lost, leaf, sent, name, now, named))
            }
        };
        fits.map(|()| ServerCertVerified::assertion())
            .map_err(refused)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let proof = verify_tls12_signature(message, leaf, signed, &self.algorithms);
        proof.or_else(|_| {
            // The library reads no certificate of an old version.
            match certificate::has_key(leaf, message, signed, self.algorithms) {
                true => Ok(HandshakeSignatureValid::assertion()),
                false => Err(refused(certificate::why_no_proof(leaf))),
            }
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let no_proof = || refused(certificate::why_no_proof(leaf));
        let key = certificate::key_of(leaf).ok_or_else(no_proof)?;
        verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
            .map_err(|_| no_proof())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use rustls::crypto::aws_lc_rs::default_provider;

    use super::*;

    #[test]
    fn a_certificate_that_is_itself_in_the_store_of_the_system_is_taken_as_curl_does() {
        let made = || {
            let params = CertificateParams::new(["www.lab.example".to_owned()]).unwrap();
            params.self_signed(&KeyPair::generate().unwrap()).unwrap()
        };
        let (known, other) = (made(), made());
        let trust = Trust {
            system: Roots::new(" on this machine", vec![known.der().clone()]),
            named: Roots::new(" in `ca`", Vec::new()),
            algorithms: default_provider().signature_verification_algorithms,
        };
        let taken = |leaf: &CertificateDer<'_>, name: &str| {
            let name = ServerName::try_from(name).unwrap().to_owned();
            (trust.verify_server_cert(leaf, &[], &name, &[], UnixTime::now())).is_ok()
        };
        assert!(taken(known.der(), "www.lab.example"));
        assert!(!taken(known.der(), "other.example"));
        // The same name and another key is another certificate.
        assert!(!taken(other.der(), "www.lab.example"));
    }
}
