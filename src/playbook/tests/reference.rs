//! The pages that `cutover kinds` shows.

use insta::assert_snapshot;

use super::registry;
use crate::playbook::reference;

#[test]
fn the_page_of_a_kind_tells_its_keys_and_defaults() {
    assert_snapshot!(reference::page(&registry(), "act").unwrap(), @r#"
    act: does something


    Common to all steps:
      id  (a name in kebab-case, required)
          its name, unique in the playbook
      kind  (a string, required)
          what it does; see `cutover kinds`
      within  (a duration)
          the deadline: any verdict but pass is looked at again until then
      every  (a duration)
          the time between two looks
      timeout  (a duration)
          the hard deadline of one look
      when  (`drill`, `failover`, `emergency` or `return`, or a list of them)
          the runs in which it takes part; all by default
      blocks  (`always`, `planned` or `never`)
          in which runs a failed or unseen check stops before the first write
      on-fail  (`back`, `hold` or `warn`)
          what a failure after a write leads to
      temporary  (true or false)
          the change is undone however the run ends
      allow  (a list of tables)
          rules of `cutover lint` that this step may break: `{ rule = "…", reason = "…" }`
          rule  (a string, required)
              the rule, by name or code; `cutover explain` lists them
          reason  (a string, required)
              why it is right here
          until  (a day)
              the last day on which it counts; without it, for good
      skip  (a table)
          leaves the step out until a day: `skip = { reason = "…", until = 2026-12-31 }`
          reason  (a string, required)
              why, for those who read the plan
          until  (a day, required)
              the last day (in UTC) on which it is left out; afterwards the playbook is not valid
      before  (a string)
          with `include`: the step of the included list that it is put before
      after  (a string)
          with `include`: the step of the list that it is put after; the end of the list by default

    By default: within = "0s", every = "5s", timeout = "10s", blocks = "planned", on-fail = "back"

    Example:

        [[step]]
        id = "act"
        kind = "act"
    "#);
    assert_snapshot!(reference::page(&registry(), "lab").unwrap(), @r#"
lab: holds records for tests

It keeps everything.

  url  (a URL)
      where it listens
  api-key  (the place of a secret)
      what it asks for
  key  (a table)
      a key
      algorithm  (`hmac-sha256` or `hmac-sha512`)
          its algorithm
      secret  (the place of a secret, required)
          its secret

Example:

    [providers.lab]
    kind = "lab"
"#);
    assert_snapshot!(reference::page(&registry(), "zones").unwrap(), @r#"
[zones."ZONE"]: a DNS zone that the playbook may write

  provider  (a string, required)
      the provider that can write it
  servers  (an address with a port, or a list of them)
      authoritative servers, where the delegation cannot be asked
  resolvers  (an address with a port, or a list of them)
      caches to watch; the system's by default, `[]` for none
"#);
    assert_snapshot!(reference::page(&registry(), "host").unwrap_err(), @r#"
nothing is called `host`; did you mean `hosts`?
"#);
}
