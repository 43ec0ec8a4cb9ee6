//! The JSON Schema against a validator of somebody else: it takes what the parser takes, and refuses slips.

use std::path::{Path, PathBuf};

use cutover::playbook::{Playbook, Registry};
use cutover::schema::schema;
use jsonschema::Validator;
use serde_json::Value as Json;

use crate::playbooks::{AROUND, STEP};
use crate::readme;

const FRESH: &str = "playbooks/cutover.schema.json";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn validator() -> Validator {
    let schema = schema(&Registry::standard());
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

/// What the schema says against a playbook, each with its place.
fn refusals(validator: &Validator, text: &str) -> Vec<String> {
    let playbook = json(toml::from_str(text).unwrap());
    let errors = validator.iter_errors(&playbook);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// TOML as editors hand it to a validator: a day is a text.
fn json(value: toml::Value) -> Json {
    match value {
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            let each = table.into_iter().map(|(key, value)| (key, json(value)));
            Json::Object(each.collect())
        }
        plain => serde_json::to_value(plain).unwrap(),
    }
}

fn playbooks() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("playbooks")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|ext| ext == "toml") => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

#[test]
fn it_is_a_schema_by_its_meta_schema() {
    let schema = schema(&Registry::standard());
    let valid = jsonschema::meta::validate(&schema);
    assert!(valid.is_ok(), "{valid:?}");
}

#[test]
fn the_copy_beside_the_playbooks_is_fresh() {
    let copy = std::fs::read_to_string(root().join(FRESH)).unwrap_or_default();
    let now = serde_json::to_string_pretty(&schema(&Registry::standard())).unwrap() + "\n";
    assert!(copy == now, "make it anew: cargo run -- schema > {FRESH}");
}

#[test]
fn what_the_readme_types_sets_up_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let playbook = dir.path().join("site.toml");
    std::fs::write(&playbook, FULL).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_cutover")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", program.display());
    let [commands] = &readme::blocks("shell")[..] else {
        panic!("the README sets an editor up in one block")
    };
    let done = std::process::Command::new("sh")
        .args(["-euc", commands])
        .current_dir(&dir)
        .env("PATH", path)
        .status();
    assert!(done.unwrap().success());
    let text = std::fs::read_to_string(&playbook).unwrap();
    let named = text.lines().next().unwrap().strip_prefix("#:schema ");
    let named = std::fs::read(dir.path().join(named.unwrap())).unwrap();
    let written: Json = serde_json::from_slice(&named).unwrap();
    assert_eq!(written, schema(&Registry::standard()));
    assert!(Playbook::parse(&text, "site.toml", &[]).is_ok());
}

#[test]
fn every_playbook_of_the_project_is_as_the_schema_says() {
    let validator = validator();
    let playbooks = playbooks();
    assert!(playbooks.len() > 3, "{playbooks:?}");
    for path in playbooks {
        let text = std::fs::read_to_string(&path).unwrap();
        let refusals = refusals(&validator, &text);
        assert!(refusals.is_empty(), "{}: {refusals:#?}", path.display());
        let line = text.lines().find_map(|line| line.strip_prefix("#:schema "));
        let named = path.with_file_name(line.unwrap_or_default().trim());
        assert_eq!(
            named.canonicalize().ok(),
            root().join(FRESH).canonicalize().ok(),
            "{} has no line `#:schema …` that leads to {FRESH}",
            path.display()
        );
    }
    let refusals = refusals(&validator, &readme::blocks("toml")[..2].concat());
    assert!(refusals.is_empty(), "README.md: {refusals:#?}");
}

#[test]
fn the_examples_of_kinds_and_providers_are_as_the_schema_says() {
    let (validator, registry) = (validator(), Registry::standard());
    let kinds = (registry.kinds.iter()).map(|kind| (kind.name, kind.example.to_owned()));
    let providers =
        (registry.providers.iter()).map(|kind| (kind.name, format!("{}\n{STEP}", kind.example)));
    for (name, example) in kinds.chain(providers) {
        let refusals = refusals(&validator, &format!("{AROUND}\n{example}"));
        assert!(refusals.is_empty(), "{name}: {refusals:#?}");
    }
}

/// A playbook with something of everything.
const FULL: &str = r#"
[playbook]
name = "site"
summary = "Moves the site"
rto = "15m"
rpo = "6h"

[hosts.primary]
site = "old"
ssh = "ops@primary.example"
addresses = ["192.0.2.10", "2001:db8::10"]
access-log = ["/var/log/nginx/access.log"]
sudo = true
reach = { "[2001:db8::10]:443" = "[::1]:8443" }

[hosts.standby]
site = "new"
stands-in-for = ["primary"]
ssh = "ops@standby.example"
addresses = ["198.51.100.20", "2001:db8:1::20"]
access-log = "/var/log/nginx/access.log"

[providers.lab]
kind = "powerdns"
url = "http://192.0.2.53:8081"
api-key = { env = "PDNS_API_KEY" }

[providers.dyn]
kind = "rfc2136"
server = "192.0.2.54:53"
key = { name = "cutover", algorithm = "hmac-sha256", secret = { env = "TSIG_SECRET" } }

[zones."site.example"]
provider = "lab"
servers = ["192.0.2.53:53", "[2001:db8::54]:53"]
resolvers = ["192.0.2.55"]

[services.website]
names = ["site.example", "www.site.example"]
probes = [
  { http = "/", contains = "Welcome", status = 200, slower-than = "2s" },
  { tcp = 22, expect = "SSH-2.0" },
  { rsync = "archive" },
]

[[step]]
id = "mirror"
kind = "mirror"
path = "/srv/site/"
max-files = 1000
shrink-limit = "50%"

[[step]]
id = "works"
kind = "services"
at = "target"
services = ["website"]
when = ["drill", "failover"]
every = "5s"
within = "1m"

[[step]]
id = "page"
kind = "http"
url = "https://www.site.example/login"

[[step]]
id = "jobs"
kind = "command"
on = "target"
run = ["systemctl", "start", "jobs.timer"]
undo = ["systemctl", "stop", "jobs.timer"]
temporary = true

[[step]]
id = "flip"
kind = "dns"
services = "all"
ttl = "60s"
on-fail = "back"

[[step]]
id = "traffic"
kind = "traffic"
at-least = "80%"
"#;

/// Changes of the full playbook that the parser refuses, and the schema with it.
const SLIPS: &[(&str, &str)] = &[
    // An unknown key, in each table.
    ("rto = \"15m\"", "rot = \"15m\""),
    ("sudo = true", "sodu = true"),
    ("stands-in-for = [", "stands_in_for = ["),
    ("api-key = ", "apikey = "),
    ("resolvers = ", "resolver = "),
    ("contains = \"Welcome\"", "contain = \"Welcome\""),
    ("max-files = 1000", "max-file = 1000"),
    ("ttl = \"60s\"", "tll = \"60s\""),
    ("algorithm = \"hmac-sha256\"", "algo = \"hmac-sha256\""),
    ("[zones.\"site.example\"]", "[zone.\"site.example\"]"),
    // A key of another kind.
    ("ttl = \"60s\"", "max-files = 3"),
    (
        "url = \"http://192.0.2.53:8081\"",
        "url = \"http://192.0.2.53:8081\"\nserver = \"192.0.2.1\"",
    ),
    // A missing key.
    ("name = \"site\"\n", ""),
    ("names = [\"site.example\", \"www.site.example\"]", ""),
    ("provider = \"lab\"", ""),
    ("id = \"flip\"", ""),
    ("kind = \"dns\"", ""),
    ("kind = \"powerdns\"", ""),
    ("url = \"http://192.0.2.53:8081\"", ""),
    ("server = \"192.0.2.54:53\"", ""),
    (
        "algorithm = \"hmac-sha256\", secret = { env = \"TSIG_SECRET\" }",
        "",
    ),
    ("on = \"target\"\n", ""),
    ("path = \"/srv/site/\"", ""),
    ("url = \"https://www.site.example/login\"", ""),
    ("run = [\"systemctl\", \"start\", \"jobs.timer\"]", ""),
    ("services = \"all\"", ""),
    ("rsync = \"archive\"", ""),
    // An unknown kind.
    ("kind = \"dns\"", "kind = \"dnss\""),
    ("kind = \"powerdns\"", "kind = \"powerdms\""),
    // A wrong type.
    ("sudo = true", "sudo = \"yes\""),
    ("max-files = 1000", "max-files = \"1000\""),
    ("max-files = 1000", "max-files = -1"),
    ("ttl = \"60s\"", "ttl = 60"),
    (
        "names = [\"site.example\", \"www.site.example\"]",
        "names = 1",
    ),
    ("contains = \"Welcome\"", "contains = [\"Welcome\"]"),
    (
        "run = [\"systemctl\", \"start\", \"jobs.timer\"]",
        "run = \"systemctl start jobs.timer\"",
    ),
    ("temporary = true", "temporary = 1"),
    (
        "reach = { \"[2001:db8::10]:443\" = \"[::1]:8443\" }",
        "reach = [\"[::1]:8443\"]",
    ),
    ("[services.website]", "[services]"),
    // A bad value.
    ("rto = \"15m\"", "rto = \"15 minuts\""),
    ("rto = \"15m\"", "rto = \"15\""),
    ("slower-than = \"2s\"", "slower-than = \"soon\""),
    ("\"2001:db8::10\"]", "\"2001:db8::10::1\"]"),
    (
        "addresses = [\"192.0.2.10\"",
        "addresses = [\"192.0.2.256\"",
    ),
    (
        "addresses = [\"192.0.2.10\"",
        "addresses = [\"primary.example\"",
    ),
    (
        "servers = [\"192.0.2.53:53\"",
        "servers = [\"ns1.site.example\"",
    ),
    ("server = \"192.0.2.54:53\"", "server = \"ns1:53\""),
    (
        "names = [\"site.example\"",
        "names = [\"https://site.example/\"",
    ),
    ("names = [\"site.example\"", "names = [\"site\""),
    (
        "url = \"http://192.0.2.53:8081\"",
        "url = \"192.0.2.53:8081\"",
    ),
    (
        "url = \"http://192.0.2.53:8081\"",
        "url = \"http://me:pass@192.0.2.53:8081\"",
    ),
    ("status = 200", "status = 20"),
    ("tcp = 22", "tcp = 0"),
    ("tcp = 22", "tcp = 65536"),
    ("at-least = \"80%\"", "at-least = \"180%\""),
    ("at-least = \"80%\"", "at-least = 101"),
    ("on-fail = \"back\"", "on-fail = \"forward\""),
    (
        "when = [\"drill\", \"failover\"]",
        "when = [\"drill\", \"fail-over\"]",
    ),
    ("when = [\"drill\", \"failover\"]", "when = []"),
    ("services = [\"website\"]", "services = []"),
    ("algorithm = \"hmac-sha256\"", "algorithm = \"sha256\""),
    ("id = \"flip\"", "id = \"Flip it\""),
    ("name = \"site\"\n", "name = \"my site\"\n"),
    ("contains = \"Welcome\"", "contains = \"\""),
    (
        "run = [\"systemctl\", \"start\", \"jobs.timer\"]",
        "run = []",
    ),
    ("[hosts.standby]", "[hosts.target]"),
    ("[hosts.standby]", "[hosts.\"stand by\"]"),
    ("[zones.\"site.example\"]", "[zones.\"site\"]"),
    // A secret in the file, or in several places.
    (
        "api-key = { env = \"PDNS_API_KEY\" }",
        "api-key = \"hunter2\"",
    ),
    ("{ env = \"PDNS_API_KEY\" }", "{ env = \"PDNS-API-KEY\" }"),
    (
        "{ env = \"PDNS_API_KEY\" }",
        "{ env = \"A\", file = \"/b\" }",
    ),
    ("{ env = \"PDNS_API_KEY\" }", "{ vault = \"a\" }"),
    ("{ env = \"PDNS_API_KEY\" }", "{}"),
    // Keys that do not go together.
    ("rsync = \"archive\"", "rsync = \"archive\", tcp = 873"),
    (
        "rsync = \"archive\"",
        "rsync = \"archive\", contains = \"x\"",
    ),
    ("expect = \"SSH-2.0\"", "expect = \"SSH-2.0\", port = 22"),
    (
        "path = \"/srv/site/\"",
        "path = \"/srv/site/\"\npaths = { primary = \"/a\", standby = \"/b\" }",
    ),
    (
        "url = \"https://www.site.example/login\"",
        "url = \"https://www.site.example/login\"\nservices = \"all\"",
    ),
    (
        "url = \"https://www.site.example/login\"",
        "url = \"https://www.site.example/login\"\npath = \"/\"",
    ),
    ("temporary = true", "shell = \"true\""),
    ("ttl = \"60s\"", "records = \"all\""),
];

/// Changes that both take.
const HARMLESS: &[(&str, &str)] = &[
    ("rto = \"15m\"", "rto = \"1h 30m\""),
    ("rto = \"15m\"", "rto = \" 90 sec \""),
    ("rto = \"15m\"", "rto = \"1.5h\""),
    ("rto = \"15m\"", "rto = \"1day12hours\""),
    ("names = [\"site.example\"", "names = [\"Site.Example.\""),
    (
        "names = [\"site.example\", \"www.site.example\"]",
        "names = \"_sip.site.example\"",
    ),
    (
        "servers = [\"192.0.2.53:53\", \"[2001:db8::54]:53\"]",
        "servers = [\"192.0.2.53\", \"2001:db8::54\", \"[2001:db8::54]\"]",
    ),
    (
        "server = \"192.0.2.54:53\"",
        "server = [\"[2001:db8::54]:5353\"]",
    ),
    (
        "addresses = [\"192.0.2.10\", \"2001:db8::10\"]",
        "addresses = \"192.0.2.10\"",
    ),
    ("at-least = \"80%\"", "at-least = 80"),
    ("at-least = \"80%\"", "at-least = \"100 %\""),
    ("at-least = \"80%\"", "ignore-agents = [\"monitor\"]"),
    ("when = [\"drill\", \"failover\"]", "when = \"drill\""),
    ("services = [\"website\"]", "services = \"website\""),
    ("at = \"target\"", "at = \"primary\""),
    (
        "url = \"http://192.0.2.53:8081\"",
        "url = \"https://[2001:db8::53]:8081/pdns\"",
    ),
    (
        "{ env = \"PDNS_API_KEY\" }",
        "{ command = [\"pass\", \"show\", \"pdns\"] }",
    ),
    (
        "run = [\"systemctl\", \"start\", \"jobs.timer\"]",
        "shell = \"systemctl start jobs.timer\"",
    ),
    (
        "undo = [\"systemctl\", \"stop\", \"jobs.timer\"]\ntemporary = true",
        "undo = [\"printf\", \"\"]",
    ),
    (
        "url = \"https://www.site.example/login\"",
        "services = \"all\"\npath = \"/login\"",
    ),
    ("services = \"all\"\nttl", "records = \"all\"\nttl"),
    (
        "path = \"/srv/site/\"",
        "paths = { primary = \"/a\", standby = \"/b\" }",
    ),
];

fn changed(from: &str, to: &str) -> String {
    assert!(FULL.contains(from), "{from} is not in the playbook");
    FULL.replacen(from, to, 1)
}

#[test]
fn what_the_schema_refuses_the_parser_refuses_too() {
    let validator = validator();
    assert_eq!(refusals(&validator, FULL), [""; 0]);
    let parsed = Playbook::parse(FULL, "full.toml", &[]);
    assert!(parsed.is_ok(), "{:?}", parsed.err());
    let mut wrong = Vec::new();
    for (from, to) in SLIPS {
        let text = changed(from, to);
        if Playbook::parse(&text, "full.toml", &[]).is_ok() {
            wrong.push(format!("the parser takes `{from}` -> `{to}`"));
        }
        if refusals(&validator, &text).is_empty() {
            wrong.push(format!("the schema takes `{from}` -> `{to}`"));
        }
    }
    for (from, to) in HARMLESS {
        let text = changed(from, to);
        if let Err(problems) = Playbook::parse(&text, "full.toml", &[]) {
            wrong.push(format!("the parser refuses `{from}` -> `{to}`: {problems}"));
        }
        for refusal in refusals(&validator, &text) {
            wrong.push(format!("the schema refuses `{from}` -> `{to}`: {refusal}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A playbook that includes a file, and the file.
const HALVES: [&str; 2] = [
    r#"
[playbook]
name = "shop"
include = "lib/site.toml"

[hosts.standby]
addresses = ["198.51.100.20"]

[services.shop]
names = ["shop.example"]

[override.mirror]
max-lag = "12h"
skip = { reason = "the disk is on its way", until = 2026-12-31 }

[[step]]
id = "pause"
kind = "wait"
time = "5s"
after = "mirror"
"#,
    r#"
[hosts.primary]
ssh = "primary"

[hosts.standby]
ssh = "standby"

[providers.lab]
url = "http://192.0.2.53:8081"

[[step]]
id = "mirror"
kind = "mirror"
path = "/srv/"
"#,
];

#[test]
fn what_is_included_need_not_be_there_twice() {
    let validator = validator();
    for half in HALVES {
        assert_eq!(refusals(&validator, half), [""; 0], "{half}");
    }
    let slips = [
        (0, "max-lag", "maxlag"),
        (0, "until = 2026-12-31", "till = 2026-12-31"),
        (0, "until = 2026-12-31", "until = 2026"),
        (0, "time = \"5s\"\n", ""),
        (0, "include =", "includes ="),
        (1, "ssh = \"standby\"", "shh = \"standby\""),
        (1, "path = ", "pahts = "),
        (1, "kind = \"mirror\"", ""),
    ];
    for (half, from, to) in slips {
        let text = HALVES[half].replacen(from, to, 1);
        assert_ne!(text, HALVES[half], "{from}");
        assert!(!refusals(&validator, &text).is_empty(), "{from} -> {to}");
    }
}

/// The message is about the key that is wrong, not about the whole step.
#[test]
fn a_slip_in_a_step_is_told_at_its_place() {
    let validator = validator();
    let cases = [
        ("ttl = \"60s\"", "ttl = 60", "/step/4/ttl: "),
        ("ttl = \"60s\"", "tll = \"60s\"", "/step/4: "),
        ("kind = \"dns\"", "kind = \"dnss\"", "/step/4/kind: "),
        (
            "status = 200",
            "status = 20",
            "/services/website/probes/0/status: ",
        ),
    ];
    for (from, to, place) in cases {
        let refusals = refusals(&validator, &changed(from, to));
        assert!(
            matches!(refusals.as_slice(), [one] if one.starts_with(place)),
            "{to}: {refusals:#?}"
        );
    }
}
