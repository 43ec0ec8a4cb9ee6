//! Steps that many examples are made of.

/// What a rule's example is made of: tables of a playbook, one below the other. What it leaves out, the playbook
/// around it has.
pub(super) type Example = &'static [&'static str];

/// A check before the change.
pub(super) const WORKS: &str = r#"[[step]]
id = "works"
kind = "services"
at = "target"
"#;

/// The change.
pub(super) const FLIP: &str = r#"[[step]]
id = "flip"
kind = "dns"
services = "all"
ttl = "60s"
"#;

/// A verification.
pub(super) const PUBLIC: &str = r#"[[step]]
id = "public"
kind = "services"
at = "public"
"#;

/// An act.
pub(super) const START: &str = r#"[[step]]
id = "start-timers"
kind = "command"
on = "target"
run = ["systemctl", "start", "billing.timer"]
undo = ["systemctl", "stop", "billing.timer"]
if-interrupted = "again"
"#;

/// The same as a change that can be read.
pub(super) const START_READ: &str = r#"[[step]]
id = "start-timers"
kind = "command"
on = "target"
read = ["systemctl", "is-active", "billing.timer"]
want = "active"
run = ["systemctl", "start", "billing.timer"]
undo = ["systemctl", "stop", "billing.timer"]
"#;

/// The text of an example.
pub(super) fn joined(example: Example) -> String {
    example.join("\n")
}
