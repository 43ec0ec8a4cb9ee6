//! Certificates that are odd: what proves nothing against a service is taken, and what is refused is told as it is.

use std::net::SocketAddr;

use cutover::event::Cause;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use super::odd::{HELLO, NAME, ask, hello, of_openssl, self_signed};
use crate::lab::odd::of_tls12;
use crate::lab::web::{Authority, Identity};
use crate::lab::{V4, have};

#[tokio::test]
async fn a_certificate_that_is_named_itself_is_trusted_where_name_dates_and_purpose_fit() {
    let no_change = |_: &mut CertificateParams| ();
    let addresses = ["192.0.2.22", "2001:db8::22"];
    for (names, asked) in [
        (&[NAME][..], NAME),
        (&["*.lab.example"], NAME),
        (&addresses, "192.0.2.22"),
        (&addresses, "[2001:db8::22]"),
    ] {
        for identity in [
            self_signed(names, of_openssl),
            self_signed(names, no_change),
        ] {
            let at = hello(&identity).await;
            let seen = ask(asked, at, Some(&identity.certificate)).await.unwrap();
            assert_eq!(seen.holds, Some(true), "{asked}");
        }
    }
    // One that an authority issued is as good, without the authority.
    let issued = Authority::new().issue(&[NAME], 2100);
    let at = hello(&issued).await;
    ask(NAME, at, Some(&issued.certificate)).await.unwrap();

    let other = self_signed(&[NAME], no_change);
    let cases = [
        (
            self_signed(&["other.example", "2001:db8::1"], of_openssl),
            "a certificate for `other.example`, `2001:db8::1`, not for `www.lab.example`",
        ),
        (
            self_signed(&[NAME], |params| {
                params.not_after = date_time_ymd(2021, 2, 3);
            }),
            "a certificate that expired on 2021-02-03",
        ),
        (
            self_signed(&[NAME], |params| {
                params.not_before = date_time_ymd(2099, 2, 3);
            }),
            "a certificate that is not valid before 2099-02-03",
        ),
        (
            self_signed(&[NAME], |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            "a certificate that is not for servers (its extended key usage lacks `serverAuth`)",
        ),
        (
            self_signed(&[NAME], |params| {
                of_openssl(params);
                params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            }),
            "a certificate that is not for servers (its key usage allows no handshake)",
        ),
    ];
    for (identity, words) in cases {
        let at = hello(&identity).await;
        let unseen = ask(NAME, at, Some(&identity.certificate))
            .await
            .unwrap_err();
        assert_eq!(unseen.cause, Cause::Denied);
        assert_eq!(unseen.detail, format!("`{at}` shows {words}"));
    }
    // The same name and another key is another certificate.
    let right = self_signed(&[NAME], no_change);
    let at = hello(&right).await;
    let unseen = ask(NAME, at, Some(&other.certificate)).await.unwrap_err();
    assert_eq!(
        unseen.detail,
        format!(
            "`{at}` shows a certificate that is self-signed (`CN=an internal host`) and is not one of those in `ca`"
        )
    );
    let unseen = ask(NAME, at, None).await.unwrap_err();
    assert_eq!(
        unseen.detail,
        format!(
            "`{at}` shows a certificate that is self-signed (`CN=an internal host`): name its file in `ca` if it is \
             the right one"
        )
    );
}

#[tokio::test]
async fn every_certificate_that_is_refused_is_told_in_words() {
    let (one, two) = (Authority::new(), Authority::called("another"));
    let namesake = Authority::new();
    let issued = one.issue(&[NAME], 2100);
    let chained = Identity {
        certificate: format!("{}{}", issued.certificate, one.pem),
        ..issued.clone()
    };
    let unnamed = one.issue(&[], 2100);
    let many: Vec<String> = (0..8).map(|n| format!("{n}.lab.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let authority = "`CN=authority of the lab`";
    let cases = [
        (
            &issued,
            Some(&two.pem),
            format!("whose issuer {authority} is trusted neither by this machine nor by `ca` (and it sends no intermediate certificate)"),
        ),
        (
            &chained,
            Some(&two.pem),
            format!("whose issuer {authority} is trusted neither by this machine nor by `ca`"),
        ),
        (
            &chained,
            None,
            format!("whose issuer {authority} is not trusted by this machine"),
        ),
        (
            &issued,
            Some(&namesake.pem),
            format!("that the issuer {authority} that is known here did not sign (another one has its name), or not in a way that is trusted today"),
        ),
        (
            &one.issue(&many, 2100),
            Some(&one.pem),
            "for `0.lab.example`, `1.lab.example`, `2.lab.example`, `3.lab.example`, `4.lab.example`, 3 more, not for `www.lab.example`".into(),
        ),
        (
            &one.issue(&["192.0.2.22"], 2100),
            Some(&one.pem),
            "for `192.0.2.22`, not for `www.lab.example`".into(),
        ),
        (
            &unnamed,
            Some(&one.pem),
            "for `rcgen self signed cert` (its common name), not for `www.lab.example`".into(),
        ),
        (&one.issue(&[NAME], 2021), Some(&one.pem), "that expired on 2021-01-01".into()),
    ];
    for (identity, ca, words) in cases {
        let at = hello(identity).await;
        let unseen = ask(NAME, at, ca.map(String::as_str)).await.unwrap_err();
        assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
        assert_eq!(unseen.detail, format!("`{at}` shows a certificate {words}"));
    }
}

#[tokio::test]
async fn a_certificate_of_an_old_version_is_trusted_where_it_is_named_itself() {
    if !have(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let openssl = |args: &str| {
        let mut openssl = std::process::Command::new("openssl");
        let done = openssl.args(args.split(' ')).current_dir(folder.path());
        let done = done.output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for key in ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-256"] {
        openssl(&format!(
            "req -newkey {key} -nodes -keyout key -out request -subj /CN=www.lab.example"
        ));
        openssl("x509 -req -in request -signkey key -out pem");
        if version(&folder.path().join("pem")) != 1 {
            return;
        }
        let identity = Identity {
            certificate: read("pem"),
            key: read("key"),
        };
        let file = Some(identity.certificate.as_str());
        for at in [hello(&identity).await, of_tls12(&identity, HELLO).await] {
            ask(NAME, at, file).await.unwrap();
            let unseen = ask("mail.lab.example", at, file).await.unwrap_err();
            let words = "for `www.lab.example` (its common name), not for `mail.lab.example`";
            assert_eq!(unseen.detail, format!("`{at}` shows a certificate {words}"));
        }
        // Whoever has no key shows it in vain.
        let other = KeyPair::generate().unwrap().serialize_pem();
        if key.starts_with("ec") {
            let thief = Identity {
                key: other,
                ..identity
            };
            for at in [hello(&thief).await, of_tls12(&thief, HELLO).await] {
                let unseen = ask(NAME, at, Some(&thief.certificate)).await.unwrap_err();
                assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
            }
        }
    }
    openssl("x509 -in pem -trustout -out plain");
    openssl("x509 -in pem -trustout -setalias www -out called");
    openssl("x509 -in pem -addtrust serverAuth -out limited");
    let identity = Identity {
        certificate: read("pem"),
        key: read("key"),
    };
    let at = hello(&identity).await;
    for file in ["plain", "called"] {
        assert!(read(file).contains("TRUSTED"), "{file}");
        ask(NAME, at, Some(&read(file))).await.unwrap();
    }
    let unseen = ask(NAME, at, Some(&read("limited"))).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Unable);
    assert!(unseen.detail.contains("`openssl x509 -in`"), "{unseen:?}");
}

/// A certificate that this one signed.
fn signed_by(
    issuer: (&CertificateParams, &KeyPair),
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> Identity {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::from_params(issuer.0, issuer.1);
    Identity {
        certificate: params.signed_by(&key, &issuer).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

/// An authority that is changed in some way.
fn authority(change: impl FnOnce(&mut CertificateParams)) -> (CertificateParams, KeyPair, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "odd");
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (params, key, pem)
}

#[tokio::test]
async fn what_an_authority_signed_is_taken_as_curl_takes_it() {
    let (params, key, pem) = authority(|_| ());
    let by = (&params, &key);
    let none = |_: &mut CertificateParams| ();
    let called = |name: &'static str| {
        move |params: &mut CertificateParams| {
            params.distinguished_name.push(DnType::CommonName, name);
        }
    };
    let good = [
        signed_by(by, &["www.lab.example."], none),
        signed_by(by, &["*.lab.example."], none),
        signed_by(by, &[NAME], of_openssl),
        signed_by(by, &[], called(NAME)),
    ];
    for (n, identity) in good.iter().enumerate() {
        let at = hello(identity).await;
        let seen = ask(NAME, at, Some(&pem)).await;
        assert!(seen.is_ok(), "{n}: {seen:?}");
        // Without the authority it is nobody's.
        ask(NAME, at, None).await.unwrap_err();
    }
    let (_, _, other) = authority(|_| ());
    let mut critical = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    critical.set_criticality(true);
    let bad = [
        (
            signed_by(by, &["*.example."], none),
            &pem,
            "for `*.example.`, not for `www.lab.example`",
        ),
        (
            signed_by(by, &[NAME], of_openssl),
            &other,
            "that the issuer `CN=odd` that is known here did not sign (another one has its name), or not in a way that is trusted today",
        ),
        (
            signed_by(by, &["mail.lab.example"], of_openssl),
            &pem,
            "for `mail.lab.example`, not for `www.lab.example`",
        ),
        (
            signed_by(by, &[NAME], |params| {
                params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            }),
            &pem,
            "that is not for servers (its key usage allows no handshake)",
        ),
        (
            signed_by(by, &[NAME], |params| {
                params.custom_extensions = vec![critical];
            }),
            &pem,
            "with a critical extension that is not known here (1.2.3.4)",
        ),
    ];
    for (identity, pem, words) in bad {
        let at = hello(&identity).await;
        let unseen = ask(NAME, at, Some(pem)).await.unwrap_err();
        assert_eq!(unseen.cause, Cause::Denied);
        assert_eq!(unseen.detail, format!("`{at}` shows a certificate {words}"));
    }
}

#[tokio::test]
async fn an_authority_that_may_not_sign_today_vouches_for_nobody() {
    type Change = fn(&mut CertificateParams);
    let cases: [(Change, &str); 5] = [
        (
            |params| params.not_after = date_time_ymd(2021, 2, 3),
            "that expired on 2021-02-03",
        ),
        (
            |params| params.not_before = date_time_ymd(2099, 2, 3),
            "that is not valid before 2099-02-03",
        ),
        (
            |params| params.is_ca = IsCa::ExplicitNoCa,
            "that is not one of an authority (it lacks CA:TRUE)",
        ),
        (
            |params| params.is_ca = IsCa::NoCa,
            "that is not one of an authority (it lacks CA:TRUE)",
        ),
        (
            |params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature],
            "that may not sign others (its key usage lacks `keyCertSign`)",
        ),
    ];
    for (change, words) in cases {
        let (params, key, pem) = authority(change);
        for of in [|_: &mut CertificateParams| (), of_openssl] {
            let identity = signed_by((&params, &key), &[NAME], of);
            let at = hello(&identity).await;
            let unseen = ask(NAME, at, Some(&pem)).await.unwrap_err();
            assert_eq!(unseen.cause, Cause::Denied);
            let words = format!("whose issuer `CN=odd` has a certificate in `ca` {words}");
            assert_eq!(unseen.detail, format!("`{at}` shows a certificate {words}"));
        }
        // One that a server sends may sign no more than one of a file.
        let (top, top_key, top_pem) = authority(|params| {
            params.distinguished_name.push(DnType::CommonName, "top");
        });
        let mut between = params.clone();
        between.not_before = between.not_before.max(date_time_ymd(2020, 1, 1));
        let issuer = Issuer::from_params(&top, &top_key);
        let between = between.signed_by(&key, &issuer).unwrap().pem();
        let leaf = signed_by((&params, &key), &[NAME], |_| ());
        let identity = Identity {
            certificate: leaf.certificate + &between,
            key: leaf.key,
        };
        let at = hello(&identity).await;
        let unseen = ask(NAME, at, Some(&top_pem)).await.unwrap_err();
        let words = format!("whose issuer `CN=odd` has a certificate {words}");
        assert_eq!(unseen.detail, format!("`{at}` shows a certificate {words}"));
    }
}

/// A server without any certificate says the same as one with which there is no way to encrypt in common, and which may
/// serve others well.
#[tokio::test]
async fn a_server_that_refuses_every_secure_connection_fails() {
    // A fatal alert in TLS 1.2: handshake_failure, protocol_version, insufficient_security.
    let either = "it has no certificate for that, or no way to encrypt in common with this program, which other clients \
                  may have";
    for (alert, cause, words) in [
        (40, Cause::Unable, either),
        (71, Cause::Unable, either),
        (70, Cause::Error, "it knows only TLS older than 1.2"),
    ] {
        let at = says(vec![0x15, 3, 3, 0, 2, 2, alert]).await;
        let unseen = ask(NAME, at, None).await.unwrap_err();
        assert_eq!(unseen.cause, cause, "{unseen:?}");
        assert!(unseen.detail.ends_with(words), "{unseen:?}");
    }
}

/// A server that says this to whoever says something.
async fn says(bytes: Vec<u8>) -> SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind((V4, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&bytes).await;
            // It waits for the end, so that nothing that it said is lost.
            while stream.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {}
        }
    });
    at
}

/// Newer OpenSSL makes version 3 of everything.
fn version(pem: &std::path::Path) -> u8 {
    let done = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-text", "-in"])
        .arg(pem)
        .output()
        .unwrap();
    match String::from_utf8_lossy(&done.stdout).contains("Version: 1 ") {
        true => 1,
        false => 3,
    }
}

#[tokio::test]
async fn a_file_of_certificates_that_is_none_is_told() {
    let identity = self_signed(&[NAME], of_openssl);
    let at = hello(&identity).await;
    let damaged = identity.certificate.replacen("MII", "AAA", 1);
    let cut = &identity.certificate[..200];
    for (pem, words) in [
        ("", "holds no certificate in PEM form"),
        (identity.key.as_str(), "holds no certificate in PEM form"),
        (damaged.as_str(), "certificate 1 of `"),
        (cut, "certificate 1 of `"),
    ] {
        let unseen = ask(NAME, at, Some(pem)).await.unwrap_err();
        assert_eq!(unseen.cause, Cause::Unable);
        assert!(unseen.detail.contains(words), "{unseen:?}");
    }
}
