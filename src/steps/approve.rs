//! Asks a person before the run goes on.

use std::time::Duration;

use crate::field::{Field, Fields, Form};
use crate::problem::Problem;
use crate::step::{Blocks, Built, Defaults, Given, Kind, OnFail, Work};

pub(super) static KIND: Kind = Kind {
    name: "approve",
    summary: "a person decides whether the run goes on",
    example: r#"[[step]]
id = "go"
kind = "approve"
question = "Is the status page up?"
"#,
    fields: &[Field::new("question", Form::Text, "What the person is asked").required()],
    defaults: Defaults {
        within: Duration::ZERO,
        every: Duration::from_secs(1),
        timeout: Duration::from_secs(10),
        blocks: Blocks::Always,
        on_fail: OnFail::Hold,
    },
    build,
};

fn build(fields: &Fields, _: &Given) -> Result<Built, Vec<Problem>> {
    let question = fields.text("question").unwrap_or("Go on?").to_owned();
    Ok(Built {
        title: format!("ask: {question}"),
        work: Work::Ask { question },
        probes_old_side: false,
        after_change: false,
        answers: None,
    })
}
