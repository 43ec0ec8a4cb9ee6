//! A playbook in two files: each lacks what the other has.

use super::{refusals, validator};

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
