//! Waits until the time is up.

use std::time::Duration;

use crate::clock;
use crate::field::{Field, Fields, Form};
use crate::problem::Problem;
use crate::step::{Blocks, Built, Defaults, Given, Kind, OnFail, Work};

pub(super) static KIND: Kind = Kind {
    name: "wait",
    summary: "waits until the time is up",
    example: r#"[[step]]
id = "settle"
kind = "wait"
time = "90s"
"#,
    fields: &[Field::new("time", Form::Span, "How long to wait").required()],
    defaults: Defaults {
        within: Duration::ZERO,
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(10),
        blocks: Blocks::Never,
        on_fail: OnFail::Warn,
    },
    build,
};

fn build(fields: &Fields, _: &Given) -> Result<Built, Vec<Problem>> {
    let time = fields.span("time").unwrap_or_default();
    Ok(Built {
        title: format!("wait {}", clock::short(time)),
        work: Work::Wait { time },
        probes_old_side: false,
        after_change: false,
        answers: None,
    })
}
