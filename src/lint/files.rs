//! Files that a playbook names beside itself.

use std::path::Path;

use super::Rule;
use super::view::{Finding, View};
use crate::problem::Severity;
use crate::world::files;

pub(super) const RULES: &[Rule] = &[Rule {
    code: "L801",
    name: "file-not-there",
    severity: Severity::Warning,
    what: "a file that the playbook names beside itself is not there, or is no file",
    why: "A run needs it when it connects, trusts or writes, and the path counts from the folder of the playbook, not from \
          the one that `cutover` runs in. A path from the root belongs to the machine that runs it, and is left to \
          `cutover check` there.",
    fix: "Put the file there, or write its path from the folder of the playbook, or from the root.",
    breaks: &[r#"[hosts.rented]
ssh = "admin@rented.site.example"
ssh-config = "no-such-folder/ssh_config"
stands-in-for = ["office"]
addresses = ["203.0.113.80", "2001:db8:81::1"]
access-log = ["/var/log/nginx/access.log"]
"#],
    keeps: &[r#"[hosts.rented]
ssh = "admin@rented.site.example"
ssh-config = "/etc/cutover/ssh_config"
stands-in-for = ["office"]
addresses = ["203.0.113.80", "2001:db8:81::1"]
access-log = ["/var/log/nginx/access.log"]
"#],
    find: file_not_there,
}];

fn file_not_there(view: &View<'_>) -> Vec<Finding> {
    (view.book.places().files().iter())
        .filter_map(|(span, path)| {
            let why = files::look(Path::new(path)).err()?;
            let message = format!("`{path}` cannot be used: {why}");
            let finding = Finding::at(span.clone(), message).label("named here");
            Some(finding.hint("its path counts from the folder of the playbook"))
        })
        .collect()
}
