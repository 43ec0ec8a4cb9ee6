//! Odd chains of certificates, each shown to curl and to us: what curl takes is taken, and what it refuses is not.

use std::path::Path;

use cutover::event::Cause;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    NameConstraints, SanType, date_time_ymd,
};

use super::odd::{NAME, ask, curl, hello};
use crate::lab::have;
use crate::lab::web::{Identity, pem_file};

/// curl: what the server showed is not taken.
const REFUSED: i32 = 60;

/// Where ours differs, and why.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "names allowed, and policies",
        "the library that compares names with those that are allowed takes no policies above them",
    ),
    (
        "the key of the issuer is named otherwise",
        "it has signed, whatever the certificate below calls it",
    ),
];

type Change = fn(&mut CertificateParams);

/// A chain from an authority down to a server.
#[derive(Clone, Copy)]
struct Chain {
    top: Change,
    /// From above to below.
    between: &'static [Change],
    leaf: Change,
    /// How the lowest one is named by the server's.
    called: Change,
}

const NONE: Change = |_| ();
const PLAIN: Chain = Chain {
    top: NONE,
    between: &[NONE],
    leaf: NONE,
    called: NONE,
};

fn named(params: &mut CertificateParams, name: &str) {
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
}

impl Chain {
    /// What the server shows, and whom to trust.
    fn build(&self) -> (Identity, String) {
        let mut pems = Vec::new();
        let mut above: Option<(CertificateParams, KeyPair)> = None;
        for (n, change) in [&[self.top][..], self.between].concat().iter().enumerate() {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            named(&mut params, &format!("authority {n}"));
            change(&mut params);
            let key = KeyPair::generate().unwrap();
            pems.push(sign(&params, &key, above.as_ref()));
            above = Some((params, key));
        }
        if let Some((params, _)) = &mut above {
            (self.called)(params);
        }
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        named(&mut params, "a server");
        (self.leaf)(&mut params);
        let key = KeyPair::generate().unwrap();
        let top = pems.remove(0);
        let mut certificate = sign(&params, &key, above.as_ref());
        certificate.extend(pems.into_iter().rev());
        let key = key.serialize_pem();
        (Identity { certificate, key }, top)
    }
}

fn sign(
    params: &CertificateParams,
    key: &KeyPair,
    above: Option<&(CertificateParams, KeyPair)>,
) -> String {
    let signed = match above {
        Some((above, with)) => params.signed_by(key, &Issuer::from_params(above, with)),
        None => params.self_signed(key),
    };
    signed.unwrap().pem()
}

fn critical(params: &mut CertificateParams, oid: &[u64], value: &[u8]) {
    let mut extension = CustomExtension::from_oid_content(oid, value.to_vec());
    extension.set_criticality(true);
    params.custom_extensions.push(extension);
}

const UNKNOWN: Change = |params| critical(params, &[1, 2, 3, 4], &[5, 0]);
const POLICIES: Change = |params| {
    critical(
        params,
        &[2, 5, 29, 32],
        b"\x30\x08\x30\x06\x06\x04\x2a\x03\x04\x05",
    )
};
const MAPPINGS: Change = |params| {
    let both = b"\x30\x0e\x30\x0c\x06\x04\x2a\x03\x04\x05\x06\x04\x2a\x03\x04\x06";
    critical(params, &[2, 5, 29, 33], both);
};
const EXPLICIT_POLICY: Change = |params| critical(params, &[2, 5, 29, 36], b"\x30\x03\x80\x01\x00");
const NO_ANY_POLICY: Change = |params| critical(params, &[2, 5, 29, 54], b"\x02\x01\x00");
const LISTED: Change = |params| {
    let at = b"\x30\x0f\x30\x0d\xa0\x0b\xa0\x09\x86\x07http://";
    critical(params, &[2, 5, 29, 31], at);
};
const FOR_CLIENTS: Change =
    |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
const FOR_ANY: Change = |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
const FOR_SERVERS: Change =
    |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
const NO_MORE_BELOW: Change = |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
const ONE_BELOW: Change = |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
const SIGNS_NOTHING: Change = |params| params.key_usages = vec![KeyUsagePurpose::CrlSign];
const NO_AUTHORITY: Change = |params| params.is_ca = IsCa::ExplicitNoCa;
const SAYS_NOTHING: Change = |params| params.is_ca = IsCa::NoCa;
const SIGNS_ONLY: Change = |params| {
    params.is_ca = IsCa::NoCa;
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
};
const OVER: Change = |params| params.not_after = date_time_ymd(2021, 2, 3);
const OF_AN_AUTHORITY: Change = |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
const COMMON_NAME: Change = |params| {
    params.subject_alt_names.clear();
    named(params, NAME);
};
const LIMITED: Change = |params| {
    let names = vec![GeneralSubtree::DnsName("lab.example".into())];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: names,
        excluded_subtrees: Vec::new(),
    });
};
const EXCLUDED: Change = |params| {
    let names = vec![GeneralSubtree::DnsName("lab.example".into())];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: Vec::new(),
        excluded_subtrees: names,
    });
};

fn names(params: &mut CertificateParams, names: &[&str]) {
    let name = |name: &&str| SanType::DnsName((*name).try_into().unwrap());
    params.subject_alt_names = names.iter().map(name).collect();
}

/// All with one below the authority of `ca`, where nothing else is said.
fn cases() -> Vec<(&'static str, Chain)> {
    let leaf = |leaf: Change| Chain { leaf, ..PLAIN };
    let top = |top: Change| Chain { top, ..PLAIN };
    let between = |between: &'static [Change]| Chain { between, ..PLAIN };
    let bare = |leaf: Change| Chain {
        leaf,
        between: &[],
        ..PLAIN
    };
    vec![
        ("plain", PLAIN),
        ("plain, no one between", bare(NONE)),
        ("three between", between(&[NONE, NONE, NONE])),
        ("policies between", between(&[POLICIES])),
        ("policies above", top(POLICIES)),
        ("policies below", leaf(POLICIES)),
        ("explicit policy between", between(&[EXPLICIT_POLICY])),
        ("explicit policy above", top(EXPLICIT_POLICY)),
        ("no any-policy between", between(&[NO_ANY_POLICY])),
        ("policy mappings between", between(&[MAPPINGS])),
        ("a list of revoked ones, critical", leaf(LISTED)),
        ("unknown above", top(UNKNOWN)),
        ("unknown between", between(&[UNKNOWN])),
        ("unknown below", leaf(UNKNOWN)),
        ("no more below the top, one is", top(NO_MORE_BELOW)),
        (
            "no more below the top, none is",
            Chain {
                top: NO_MORE_BELOW,
                ..bare(NONE)
            },
        ),
        ("one below the top, one is", top(ONE_BELOW)),
        (
            "one below the top, two are",
            Chain {
                top: ONE_BELOW,
                ..between(&[NONE, NONE])
            },
        ),
        ("no more below, one is", between(&[NO_MORE_BELOW, NONE])),
        (
            "no more below the top, the server has one of an authority",
            Chain {
                top: NO_MORE_BELOW,
                ..bare(OF_AN_AUTHORITY)
            },
        ),
        ("above for clients", top(FOR_CLIENTS)),
        ("above for servers", top(FOR_SERVERS)),
        ("above for any use", top(FOR_ANY)),
        ("between for clients", between(&[FOR_CLIENTS])),
        ("between for servers", between(&[FOR_SERVERS])),
        ("between for any use", between(&[FOR_ANY])),
        ("below for clients", leaf(FOR_CLIENTS)),
        ("below for any use", leaf(FOR_ANY)),
        ("above signs nothing", top(SIGNS_NOTHING)),
        ("above is no authority", top(NO_AUTHORITY)),
        ("above says nothing", top(SAYS_NOTHING)),
        ("above only signs", top(SIGNS_ONLY)),
        ("above is over", top(OVER)),
        ("between signs nothing", between(&[SIGNS_NOTHING])),
        ("between is no authority", between(&[NO_AUTHORITY])),
        ("between says nothing", between(&[SAYS_NOTHING])),
        ("between only signs", between(&[SIGNS_ONLY])),
        ("between is over", between(&[OVER])),
        ("below is over", leaf(OVER)),
        ("below is an authority", leaf(OF_AN_AUTHORITY)),
        ("below only signs", leaf(SIGNS_ONLY)),
        ("below has a common name", leaf(COMMON_NAME)),
        ("below has a common name and a mailbox", {
            leaf(|params| {
                COMMON_NAME(params);
                let mailbox = SanType::Rfc822Name("a@lab.example".try_into().unwrap());
                params.subject_alt_names = vec![mailbox];
            })
        }),
        ("below has a common name and an address", {
            leaf(|params| {
                COMMON_NAME(params);
                params.subject_alt_names = vec![SanType::IpAddress("192.0.2.1".parse().unwrap())];
            })
        }),
        ("below has a common name and another name", {
            leaf(|params| {
                COMMON_NAME(params);
                names(params, &["mail.lab.example"]);
            })
        }),
        (
            "below has a wildcard",
            leaf(|params| names(params, &["*.lab.example"])),
        ),
        ("below has a part of a wildcard", {
            leaf(|params| names(params, &["w*.lab.example"]))
        }),
        (
            "below has a wildcard too high",
            leaf(|params| names(params, &["*.example"])),
        ),
        (
            "below has capitals and a dot",
            leaf(|params| names(params, &["WWW.lab.example."])),
        ),
        ("names allowed", top(LIMITED)),
        ("names allowed, others shown", {
            Chain {
                top: LIMITED,
                ..leaf(|params| names(params, &[NAME, "www.other.example"]))
            }
        }),
        ("names excluded", between(&[EXCLUDED])),
        ("names allowed, and policies", between(&[LIMITED, POLICIES])),
        ("names allowed, a common name", {
            Chain {
                top: LIMITED,
                ..leaf(COMMON_NAME)
            }
        }),
        ("the issuer is named in capitals", {
            Chain {
                called: |params| named(params, "AUTHORITY  1"),
                ..PLAIN
            }
        }),
        ("the issuer is named in another kind of string", {
            Chain {
                called: |params| {
                    let name = DnValue::PrintableString("authority 1".try_into().unwrap());
                    params.distinguished_name = DistinguishedName::new();
                    params.distinguished_name.push(DnType::CommonName, name);
                },
                ..PLAIN
            }
        }),
        ("the key of the issuer is named otherwise", {
            Chain {
                called: |params| {
                    params.key_identifier_method = KeyIdMethod::PreSpecified(vec![7; 20]);
                },
                ..leaf(|params| params.use_authority_key_identifier_extension = true)
            }
        }),
        ("Netscape has it for clients", {
            leaf(|params| {
                let kind = CustomExtension::from_oid_content(
                    &[2, 16, 840, 1, 113_730, 1, 1],
                    vec![3, 2, 7, 0x80],
                );
                params.custom_extensions = vec![kind];
            })
        }),
        ("the name of its key is critical", {
            leaf(|params| critical(params, &[2, 5, 29, 14], b"\x04\x02\x01\x02"))
        }),
    ]
}

/// Whether curl takes it, and whether we do, with the reason.
async fn both(identity: &Identity, ca: &str) -> (bool, Result<(), String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = pem_file(folder.path(), ca);
    let at = hello(identity).await;
    let resolve = format!("{NAME}:{}:[{}]", at.port(), at.ip());
    let url = format!("https://{NAME}:{}/", at.port());
    let file = file.to_str().unwrap();
    let seen = curl(&["--cacert", file, "--resolve", &resolve, &url]).await;
    let takes = match seen.status.code() {
        Some(0) => true,
        Some(REFUSED) => false,
        _ => panic!("{seen:?}"),
    };
    let ours = ask(NAME, at, Some(ca)).await;
    let ours = ours.map(|_| ()).map_err(|unseen| {
        assert_eq!(unseen.cause, Cause::Denied, "{unseen:?}");
        let words = format!("`{at}` shows a certificate ");
        unseen.detail.strip_prefix(&words).unwrap().to_owned()
    });
    (takes, ours)
}

#[tokio::test]
async fn odd_chains_are_taken_where_curl_takes_them() {
    if !have(&["curl"]) {
        return;
    }
    let mut all: Vec<(&str, Identity, String)> = Vec::new();
    for (what, chain) in cases() {
        let (identity, ca) = chain.build();
        all.push((what, identity, ca));
    }
    let (identity, _) = (Chain {
        leaf: UNKNOWN,
        ..PLAIN
    })
    .build();
    let itself = identity.certificate.clone();
    all.push(("named itself, with what is unknown", identity, itself));
    let (mut identity, ca) = PLAIN.build();
    identity.certificate += &ca;
    all.push(("the top is sent too", identity.clone(), ca.clone()));
    identity.certificate += &PLAIN.build().0.certificate;
    all.push(("others are sent too", identity.clone(), ca));
    let between = identity
        .certificate
        .split_inclusive("-----END CERTIFICATE-----\n");
    let between = between.into_iter().nth(1).unwrap().to_owned();
    all.push(("the one between is trusted", identity, between));
    let mut wrong = Vec::new();
    for (what, identity, ca) in &all {
        let (takes, ours) = both(identity, ca).await;
        let is_listed = DIFFERENT.iter().any(|(known, _)| known == what);
        if (takes != ours.is_ok()) != is_listed {
            wrong.push(format!("{what}: curl takes it: {takes}, we: {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Those of an old version are made by OpenSSL alone.
#[tokio::test]
async fn chains_with_old_versions_are_taken_where_curl_takes_them() {
    if !have(&["curl", "openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let of_top =
        "req -x509 -newkey rsa:2048 -nodes -keyout top.key -out top -days 99 -subj /CN=top";
    openssl(at, of_top);
    for name in ["old-top", "between", "leaf"] {
        let subject = if name == "leaf" { NAME } else { name };
        let new = format!("req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.req");
        openssl(at, &format!("{new} -subj /CN={subject}"));
    }
    std::fs::write(at.join("v3"), "basicConstraints=critical,CA:TRUE\n").unwrap();
    openssl(
        at,
        "x509 -req -in old-top.req -signkey old-top.key -out old-top",
    );
    let sign = |of: &str, by: &str, to: &str, more: &str| {
        let by = format!("-CA {by} -CAkey {}.key -CAcreateserial", key_of(by));
        openssl(
            at,
            &format!("x509 -req -in {of}.req {by} -out {to} -days 99{more}"),
        );
    };
    sign("between", "top", "between", " -extfile v3");
    sign("between", "top", "between-old", "");
    sign("between", "old-top", "between-below-old", " -extfile v3");
    sign("leaf", "between", "leaf", "");
    sign("leaf", "top", "leaf-of-top", "");
    let read = |name: &str| std::fs::read_to_string(at.join(name)).unwrap();
    let text = openssl(at, "x509 -noout -text -in leaf");
    // Newer OpenSSL makes version 3 of everything.
    if !text.contains("Version: 1 ") {
        return;
    }
    for (shown, ca) in [
        (&["leaf-of-top"][..], "top"),
        (&["leaf", "between"], "top"),
        (&["leaf", "between-old"], "top"),
        (&["leaf", "between-below-old"], "old-top"),
        (&["leaf", "between"], "between"),
        (&["leaf"], "between-old"),
        (&["leaf"], "top"),
    ] {
        let identity = Identity {
            certificate: shown.iter().map(|name| read(name)).collect(),
            key: read("leaf.key"),
        };
        let (takes, ours) = both(&identity, &read(ca)).await;
        assert_eq!(takes, ours.is_ok(), "{shown:?} {ca}: {ours:?}");
    }
}

/// The name of the key of a file.
fn key_of(certificate: &str) -> &str {
    match certificate {
        "old-top" | "top" => certificate,
        other => other.split('-').next().unwrap_or(other),
    }
}

fn openssl(at: &Path, args: &str) -> String {
    let mut openssl = std::process::Command::new("openssl");
    let done = openssl.args(args.split(' ')).current_dir(at);
    let done = done.output().unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}
