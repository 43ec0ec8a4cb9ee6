//! A full playbook, and changes of it: what the schema refuses, the parser refuses too.

use cutover::playbook::Playbook;

use super::{refusals, validator};

/// A playbook with something of everything.
pub const FULL: &str = r#"
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
