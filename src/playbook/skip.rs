//! `skip`: a step that is left out, by somebody, for a reason, until a day.

use std::ops::Range;

use toml::de::DeTable;

use super::check::{Checker, list};
use crate::field::Fields;
use crate::problem::Problem;
use crate::step::{Skip, Step, Work};

impl Checker {
    /// Reads `skip` of a step, and refuses one that is over.
    pub(super) fn skip(&mut self, fields: &Fields) -> Option<Skip> {
        let table = fields.table("skip")?;
        let skip = Skip {
            reason: table.text("reason")?.to_owned(),
            until: table.text("until")?.parse().ok()?,
        };
        let over = self.today.filter(|today| *today > skip.until);
        if let Some(today) = over {
            let what = fields.text("id").unwrap_or("ID");
            self.report(
                Problem::error(
                    "skip-over",
                    table.span_of("until"),
                    format!(
                        "step `{what}` was to be left out until {} only, and today is {today}",
                        skip.until
                    ),
                )
                .label("over")
                .hint(format!(
                    "take `skip` out, or decide again and set a later day; for this once add `--set \
                     step.{what}.skip.until={today}`"
                )),
            );
        }
        Some(skip)
    }

    /// A plain `skip = "reason"` would last for ever; `from` is the first problem of this step.
    pub(super) fn skips_have_an_end(&mut self, table: &DeTable<'_>, from: usize) {
        let Some(value) = table.get("skip") else {
            return;
        };
        if !value.get_ref().is_str() {
            return;
        }
        let is_about_it = |problem: &&mut Problem| problem.span == value.span();
        for problem in self.problems.iter_mut().skip(from).filter(is_about_it) {
            problem.code = "skip-without-end";
            problem.message = "a skip needs the day on which it ends".into();
            problem.label = "until when?".into();
            problem.hint = Some("write `skip = { reason = \"…\", until = 2026-12-31 }`".into());
        }
    }

    /// `before` and `after` were taken out where they had a meaning.
    pub(super) fn is_placed_by_an_include(&mut self, fields: &Fields) {
        for word in ["before", "after"] {
            if fields.has(word) {
                self.report(
                    Problem::error(
                        "not-placed",
                        fields.span_of(word),
                        format!("`{word}` places a playbook's own step in an included list"),
                    )
                    .label("means nothing here")
                    .hint("this list reads top to bottom as it happens: move the step"),
                );
            }
        }
    }

    /// Warns where nothing is changed, or nobody looks at what was changed, because a step is left out.
    pub(super) fn what_skips_leave(&mut self, steps: &[(Step, Range<usize>)]) {
        let skipped = |step: &Step| step.common.skip.is_some();
        let last_write = steps
            .iter()
            .rposition(|(step, _)| writes(step) && !skipped(step));
        let Some(last_write) = last_write else {
            let left: Vec<&(Step, Range<usize>)> =
                steps.iter().filter(|(step, _)| writes(step)).collect();
            if let Some((step, place)) = left.first() {
                self.warn_of(
                    step,
                    place,
                    "nothing-changes",
                    "the playbook changes nothing",
                );
            }
            return;
        };
        let after = &steps[last_write + 1..];
        let checks = |(step, _): &&(Step, Range<usize>)| matches!(step.work, Work::Check(_));
        if after.iter().filter(checks).any(|(step, _)| !skipped(step)) {
            return;
        }
        if let Some((step, place)) = after.iter().find(checks) {
            let what = format!("nobody looks at what `{}` changed", steps[last_write].0.id);
            self.warn_of(step, place, "nothing-verifies", &what);
        }
    }

    fn warn_of(&mut self, step: &Step, place: &Range<usize>, code: &'static str, what: &str) {
        let Some(skip) = &step.common.skip else {
            return;
        };
        self.report(
            Problem::warning(
                code,
                place.clone(),
                format!("{what} while {} is left out", list(&[&step.id])),
            )
            .label(format!("until {}", skip.until))
            .hint("change the step so that it fits, instead of leaving it out"),
        );
    }
}

fn writes(step: &Step) -> bool {
    matches!(step.work, Work::Change(_) | Work::Act(_))
}
