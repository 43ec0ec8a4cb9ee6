//! Whom to trust: the authorities of the system and those of a playbook, and each certificate that a playbook names
//! itself. What curl takes is taken, and what it refuses is not.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use super::certificate;

#[derive(Debug)]
pub(super) struct Trust {
    /// None where this machine knows no authorities.
    system: Option<Verifier>,
    named: Vec<CertificateDer<'static>>,
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
        let system = Verifier::new(Arc::clone(provider)).ok();
        (system.is_some() || !named.is_empty()).then(|| Trust {
            system,
            named,
            algorithms: provider.signature_verification_algorithms,
        })
    }

    /// Whether the authorities of the playbook vouch for it.
    fn by_named(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        // The library looks at the rights and the dates of those only that a server sends.
        let fit = |one: &&CertificateDer<'_>| certificate::may_sign(one, now);
        let authorities: Vec<&CertificateDer<'_>> = self.named.iter().filter(fit).collect();
        if certificate::fits_though_odd(leaf, &authorities, name, now, self.algorithms) {
            return Ok(());
        }
        let mut roots = RootCertStore::empty();
        for one in authorities {
            roots.add(one.clone().into_owned())?;
        }
        let parsed = ParsedCertificate::try_from(leaf)?;
        let all = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &roots, chain, now, all)?;
        // Who signed it stands for it already.
        verify_server_name(&parsed, name).or_else(|error| named(error, leaf, name, true))
    }
}

/// Takes a certificate of which only the name was refused, where curl does not refuse it.
fn named(
    error: Error,
    leaf: &CertificateDer<'_>,
    name: &ServerName<'_>,
    common: bool,
) -> Result<(), Error> {
    let of_name = matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        )
    );
    match of_name && certificate::names(leaf, name, common) {
        true => Ok(()),
        false => Err(error),
    }
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
        let sent: Vec<CertificateDer<'_>> = (chain.iter())
            .filter(|one| certificate::may_sign(one, now))
            .cloned()
            .collect();
        let by_named = match self.named.is_empty() {
            true => Err(CertificateError::UnknownIssuer.into()),
            false => self.by_named(leaf, &sent, name, now),
        };
        let taken = by_named.or_else(|of_named| {
            let Some(system) = &self.system else {
                return Err(of_named);
            };
            let taken = system.verify_server_cert(leaf, &sent, name, ocsp, now);
            match taken {
                Ok(_) => Ok(()),
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Err(of_named),
                // The library looks at the name last.
                Err(other) => named(other, leaf, name, false),
            }
        });
        match (taken, certificate::wrong_use(leaf)) {
            (Ok(()), None) => Ok(ServerCertVerified::assertion()),
            (Ok(()), Some(why)) => Err(refused(why)),
            (Err(Error::InvalidCertificate(error)), _) => {
                let named = &self.named;
                Err(refused(certificate::why(
                    &error, leaf, chain, name, now, named,
                )))
            }
            (Err(other), _) => Err(other),
        }
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
