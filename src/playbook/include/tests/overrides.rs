//! What a playbook changes of what it includes.

use insta::assert_snapshot;

use super::{SHARED, SHOP, commons, good, read};
use crate::playbook::Playbook;

#[test]
fn an_override_changes_and_adds_keys() {
    let text = format!(
        "{SHOP}
[override.mirror]
max-lag = \"12h\"
within = \"5m\"

[override.flip]
ttl = \"5m\"
"
    );
    let book = good(&text);
    assert_snapshot!(book.resolved(), @r#"
    # Resolved by cutover: what came from ../lib/site.toml is marked.

    [playbook]
    name = "shop"

    [hosts.web]
    ssh = "web"
    addresses = ["192.0.2.10"]

    [hosts.spare]
    ssh = "spare"
    addresses = ["198.51.100.20"]

    # from ../lib/site.toml
    [providers.dns]
    kind = "mythic-beasts"
    key-id = { env = "MYTHIC_KEY_ID" }
    secret = { file = "/etc/cutover/mythic.secret" }

    [zones."shop.example"]
    provider = "dns"

    [services.website]
    names = ["shop.example"]
    probes = [{ http = "/health", contains = "ok" }]  # from ../lib/site.toml

    # from ../lib/site.toml
    [[step]]
    id = "mirror"
    kind = "mirror"
    path = "/srv/www/"
    max-lag = "12h"  # instead of "6h" from ../lib/site.toml
    max-files = 100
    within = "5m"  # added

    # from ../lib/site.toml
    [[step]]
    id = "works"
    kind = "services"
    at = "target"

    # from ../lib/site.toml
    [[step]]
    id = "flip"
    kind = "dns"
    services = "all"
    ttl = "5m"  # instead of "60s" from ../lib/site.toml

    # from ../lib/site.toml
    [[step]]
    id = "public"
    kind = "services"
    at = "public"
    "#);
}

#[test]
fn what_the_command_line_sets_is_put_over_everything() {
    let text = format!("{SHOP}\n[override.mirror]\nwithin = \"5m\"\n");
    let sets = [
        "step.mirror.within=9m",
        "hosts.spare.addresses='192.0.2.99'",
    ];
    let book = read(&text, SHARED.as_bytes(), &["step.mirror.within=9m"]).unwrap();
    assert_eq!(book.step("mirror").unwrap().common.within.as_secs(), 540);
    assert!(
        book.text().contains("within = \"9m\"  # --set"),
        "{}",
        book.text()
    );
    let again = Playbook::parse(book.text(), "alone.toml", &[]).unwrap();
    assert_eq!(commons(&again), commons(&book));
    assert_eq!(again.digest(), book.digest());
    let book = read(&text, SHARED.as_bytes(), &sets).unwrap();
    assert_eq!(book.hosts()["spare"].addresses[0].to_string(), "192.0.2.99");
    let problems = read(&text, SHARED.as_bytes(), &["playbook.include=x.toml"]).unwrap_err();
    assert!(
        problems.to_string().contains("comes too late"),
        "{problems}"
    );
}

#[test]
fn what_changes_nothing_is_said() {
    let text = format!(
        "{SHOP}\n[override.mirror]\nmax-lag = \"6h\"\n[override.flip]\n[providers.dns]\nkind = \"mythic-beasts\"\n"
    );
    let book = read(&text, SHARED.as_bytes(), &[]).unwrap();
    assert_snapshot!(book.warnings(), @r#"
warning: `max-lag` of step `mirror` is the same in the included file
  --> playbooks/shop.toml:21:1
   |
21 | max-lag = "6h"
   | ^^^^^^^ changes nothing
   |
  ::: lib/site.toml:14:1
   |
14 | max-lag = "6h"
   | ------- the same value
   |
   = help: leave it out

warning: the override of step `flip` is empty
  --> playbooks/shop.toml:22:11
   |
22 | [override.flip]
   |           ^^^^ changes nothing
   |
   = help: leave it out

warning: `kind` of `providers.dns` is the same in the included file
  --> playbooks/shop.toml:24:1
   |
24 | kind = "mythic-beasts"
   | ^^^^ changes nothing
   |
  ::: lib/site.toml:3:1
   |
 3 | kind = "mythic-beasts"
   | ---- the same value
   |
   = help: leave it out

3 warnings in playbooks/shop.toml
"#);
}

#[test]
fn overrides_and_places_need_an_include() {
    let alone = SHARED.replace("[services", "[service");
    let text = format!(
        "{}\n{}\n[override.flip]\nttl = \"5s\"\n",
        SHOP.replace("include =", "summary ="),
        alone.replace("at = \"target\"", "at = \"target\"\nafter = \"flip\"")
    );
    let problems = read(&text, b"", &[]).unwrap_err();
    let codes: Vec<&str> = problems.list.iter().map(|problem| problem.code).collect();
    assert!(codes.contains(&"override-alone"), "{problems}");
    assert!(codes.contains(&"not-placed"), "{problems}");
}
