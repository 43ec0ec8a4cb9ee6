//! What the program is built from keeps to `deny.toml`: licences, and each crate once.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value as Json;

/// One crate that this machine builds.
struct Package {
    name: String,
    version: String,
    license: String,
    source: Option<String>,
}

fn cargo(args: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every crate of the build for this machine, tests included.
fn packages() -> Vec<Package> {
    let version = cargo(&["-vV"]);
    let host = (version.lines())
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let text = cargo(&[
        "metadata",
        "--format-version=1",
        "--locked",
        "--offline",
        "--filter-platform",
        host,
    ]);
    let metadata: Json = serde_json::from_str(&text).unwrap();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let used: BTreeSet<&str> = nodes
        .iter()
        .filter_map(|node| node["id"].as_str())
        .collect();
    let word = |package: &Json, key: &str| package[key].as_str().map(str::to_owned);
    (metadata["packages"].as_array().unwrap().iter())
        .filter(|package| used.contains(package["id"].as_str().unwrap()))
        .map(|package| Package {
            name: word(package, "name").unwrap(),
            version: word(package, "version").unwrap(),
            license: word(package, "license").unwrap_or_default(),
            source: word(package, "source"),
        })
        .collect()
}

fn deny() -> toml::Table {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// Whether a licence expression can be met with the licences that are allowed.
fn met(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let met = any_of(&mut rest, allowed);
    met && rest.is_empty()
}

fn any_of(words: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    let mut met = all_of(words, allowed);
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        met |= all_of(words, allowed);
    }
    met
}

fn all_of(words: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    let mut met = one(words, allowed);
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let met = any_of(words, allowed);
            *words = words.strip_prefix(&[")"]).unwrap_or(&[]);
            met
        }
        [license, "WITH", exception, rest @ ..] => {
            *words = rest;
            allowed.contains(format!("{license} WITH {exception}").as_str())
        }
        [license, rest @ ..] => {
            *words = rest;
            allowed.contains(license)
        }
        [] => false,
    }
}

#[test]
fn every_licence_is_one_that_we_allow() {
    let deny = deny();
    let allowed = deny["licenses"]["allow"].as_array().unwrap();
    let allowed: BTreeSet<&str> = allowed.iter().map(|one| one.as_str().unwrap()).collect();
    for package in packages() {
        let Package {
            name,
            version,
            license,
            ..
        } = package;
        assert!(
            met(&license, &allowed),
            "{name} {version} is under `{license}`; deny.toml allows {allowed:?}"
        );
    }
}

#[test]
fn a_licence_that_cannot_be_met_is_found() {
    let allowed = BTreeSet::from(["MIT", "ISC"]);
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(GPL-3.0 OR MIT) AND ISC",
        "Apache-2.0 WITH LLVM-exception OR MIT",
    ] {
        assert!(met(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND GPL-3.0",
        "MIT WITH some-exception",
        "MIT ISC",
    ] {
        assert!(!met(bad, &allowed), "{bad}");
    }
}

#[test]
fn each_crate_is_there_once_or_deny_toml_says_why() {
    let deny = deny();
    let mut excused = BTreeSet::new();
    for skip in deny["bans"]["skip"].as_array().unwrap() {
        let reason = skip["reason"].as_str().unwrap();
        assert!(!reason.is_empty(), "{skip} has no reason");
        excused.insert(skip["crate"].as_str().unwrap().to_owned());
    }
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages() {
        let Package { name, version, .. } = package;
        versions.entry(name).or_default().push(version);
    }
    let mut needed = BTreeSet::new();
    for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
        let spared: Vec<String> = (versions.iter())
            .map(|version| format!("{name}@{version}"))
            .filter(|one| excused.contains(one))
            .collect();
        assert!(
            spared.len() + 1 >= versions.len(),
            "{name} is there in the versions {versions:?}, and deny.toml does not say why"
        );
        needed.extend(spared);
    }
    assert_eq!(excused, needed, "deny.toml excuses what is not there");
}

#[test]
fn crates_come_from_the_registry_alone() {
    for package in packages() {
        let registry = match &package.source {
            None => package.name == "cutover",
            Some(source) => source.starts_with("registry+"),
        };
        assert!(registry, "{} comes from {:?}", package.name, package.source);
    }
}
