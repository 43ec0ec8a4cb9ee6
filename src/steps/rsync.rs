//! One probe of an rsync daemon as a step of its own.

use super::services::{AT, DEFAULTS};
use super::tcp::{NAMES, SERVICES, one_probe, port};
use crate::field::{Field, Fields, Form};
use crate::problem::Problem;
use crate::site::Probe;
use crate::step::{Built, Given, Kind};

pub(super) static KIND: Kind = Kind {
    name: "rsync",
    summary: "an rsync daemon at every address: the module is there and open",
    example: r#"[[step]]
id = "archive-module"
kind = "rsync"
at = "target"
module = "archive"
"#,
    fields: &[
        AT,
        Field::new(
            "module",
            Form::Text,
            "The module that must be open; a file near its top is read as a client reads it",
        )
        .required(),
        Field::new("port", Form::Port, "The daemon's port; 873 by default"),
        SERVICES,
        NAMES,
    ],
    defaults: DEFAULTS,
    build,
};

fn build(fields: &Fields, given: &Given) -> Result<Built, Vec<Problem>> {
    let module = fields.text("module").unwrap_or_default().to_owned();
    let does = format!("ask for rsync module {module}");
    let probe = Probe::Rsync {
        module,
        port: port(fields, 873),
    };
    one_probe(fields, given, probe, &does)
}
