//! The list of steps.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Registry;
use super::check::{Checker, list};
use super::tables::STEP;
use crate::field::{Fields, Form};
use crate::problem::{Problem, did_you_mean};
use crate::step::{Blocks, Common, Defaults, Given, OnFail, Step, When, Work};

impl Checker {
    pub(super) fn steps(
        &mut self,
        root: &DeTable<'_>,
        registry: &Registry,
        end: Range<usize>,
    ) -> Vec<Step> {
        let Some(value) = root.get("step") else {
            self.report(
                Problem::error("no-steps", end, "the playbook has no steps")
                    .label("nothing would happen")
                    .hint(
                        "add `[[step]]` with an `id` and a `kind`; `cutover kinds` lists the kinds",
                    ),
            );
            return Vec::new();
        };
        let items: &[Spanned<DeValue<'_>>] = match value.get_ref() {
            DeValue::Array(items) if items.iter().all(|item| item.get_ref().is_table()) => items,
            _ => {
                self.report(
                    Problem::error(
                        "wrong-type",
                        value.span(),
                        "`step` must be a list of tables",
                    )
                    .label("this is one table, or none")
                    .hint("write `[[step]]`, with two brackets, above each step"),
                );
                return Vec::new();
            }
        };
        if items.is_empty() {
            self.report(
                Problem::error("no-steps", value.span(), "the playbook has no steps")
                    .label("nothing would happen"),
            );
        }
        let mut seen = BTreeMap::new();
        let mut placed = Vec::new();
        for item in items {
            let Some(table) = item.get_ref().as_table() else {
                continue;
            };
            self.id_is_free(table, &mut seen);
            let place = table.get("skip").map_or(item.span(), Spanned::span);
            let step = self.step(table, item.span(), registry);
            placed.extend(step.map(|step| (step, place)));
        }
        self.what_skips_leave(&placed);
        placed.into_iter().map(|(step, _)| step).collect()
    }

    fn id_is_free(&mut self, table: &DeTable<'_>, seen: &mut BTreeMap<String, ()>) {
        let Some(value) = table.get("id") else { return };
        let Some(id) = value.get_ref().as_str() else {
            return;
        };
        if seen.insert(id.to_owned(), ()).is_some() {
            self.report(
                Problem::error(
                    "twice",
                    value.span(),
                    format!("two steps are called `{id}`"),
                )
                .label("taken by an earlier step")
                .hint("reports and journals tell steps apart by their ids"),
            );
        }
    }

    fn step(
        &mut self,
        table: &DeTable<'_>,
        span: Range<usize>,
        registry: &Registry,
    ) -> Option<Step> {
        let before = self.errors();
        let id = table.get("id").and_then(|id| id.get_ref().as_str());
        let what = id.map_or("this step".to_owned(), |id| format!("step `{id}`"));
        let Some(kind_value) = table.get("kind") else {
            self.report(
                Problem::error("missing-key", span, format!("{what} has no `kind`"))
                    .label("`kind` is missing")
                    .hint("`cutover kinds` lists what a step can do"),
            );
            return None;
        };
        let Some(word) = kind_value.get_ref().as_str() else {
            self.plain(kind_value, Form::Text, "kind");
            return None;
        };
        let Some(kind) = registry.kind(word) else {
            let names = || registry.kinds.iter().map(|kind| kind.name);
            let near = did_you_mean(word, names());
            self.unknown_kind("step", word, near, names().collect(), kind_value.span());
            return None;
        };
        let found = self.problems.len();
        let fields = self.table(table, &span, &[STEP, kind.fields], &what);
        self.skips_have_an_end(table, found);
        self.is_placed_by_an_include(&fields);
        let mut common = self.common(&fields, &kind.defaults);
        if self.errors() > before {
            return None;
        }
        let id = fields.text("id")?.to_owned();
        self.places.steps.insert(id.clone(), fields.clone());
        let given = Given {
            id: &id,
            services: &self.known.services,
            hosts: &self.known.hosts,
        };
        let built = match (kind.build)(&fields, &given) {
            Ok(built) => built,
            Err(problems) => {
                self.problems.extend(problems);
                return None;
            }
        };
        if let Work::Check(check) = &built.work {
            if let Some(within) = check.within().filter(|_| !fields.has("within")) {
                common.within = within;
            }
            if let Some(blocks) = check.blocks().filter(|_| !fields.has("blocks")) {
                common.blocks = blocks;
            }
        }
        self.looks_again(&fields, &common);
        if common.temporary && !matches!(built.work, Work::Change(_) | Work::Act(_)) {
            self.report(
                Problem::error(
                    "nothing-to-undo",
                    fields.span_of("temporary"),
                    format!("{what} cannot be `temporary`: it changes nothing"),
                )
                .label("only a change can be undone"),
            );
        }
        let writes = matches!(built.work, Work::Change(_) | Work::Act(_));
        if writes && common.when == [When::Return] {
            self.report(
                Problem::error(
                    "never-made",
                    fields.span_of("when"),
                    format!("{what} would never change anything"),
                )
                .label("a way back only puts back what was changed on the way there")
                .hint("name a way there too, `drill`, `failover` or `emergency`"),
            );
        }
        Some(Step {
            id,
            kind,
            title: built.title,
            work: built.work,
            common,
            probes_old_side: built.probes_old_side,
            after_change: built.after_change,
            answers: built.answers,
        })
    }

    fn common(&mut self, fields: &Fields, defaults: &Defaults) -> Common {
        let common = Common {
            within: fields.span("within").unwrap_or(defaults.within),
            every: fields.span("every").unwrap_or(defaults.every),
            timeout: fields.span("timeout").unwrap_or(defaults.timeout),
            when: self.when(fields),
            blocks: match fields.text("blocks") {
                Some("always") => Blocks::Always,
                Some("planned") => Blocks::Planned,
                Some("never") => Blocks::Never,
                _ => defaults.blocks,
            },
            on_fail: match fields.text("on-fail") {
                Some("back") => OnFail::Back,
                Some("hold") => OnFail::Hold,
                Some("warn") => OnFail::Warn,
                _ => defaults.on_fail,
            },
            temporary: fields.bool("temporary") == Some(true),
            skip: self.skip(fields),
        };
        for key in ["every", "timeout"] {
            if fields.span(key).is_some_and(|span| span.is_zero()) {
                self.report(
                    Problem::error("zero-span", fields.span_of(key), format!("`{key}` is zero"))
                        .label("must be longer than that"),
                );
            }
        }
        common
    }

    fn looks_again(&mut self, fields: &Fields, common: &Common) {
        let said = fields.has("every") || fields.has("within");
        if said && !common.within.is_zero() && common.every > common.within {
            let key = if fields.has("every") {
                "every"
            } else {
                "within"
            };
            self.report(
                Problem::error(
                    "never-again",
                    fields.span_of(key),
                    format!(
                        "`every` ({}) is longer than `within` ({})",
                        humantime::format_duration(common.every),
                        humantime::format_duration(common.within)
                    ),
                )
                .label("it would never look a second time")
                .hint("make `every` shorter, or `within` longer"),
            );
        }
    }

    fn when(&mut self, fields: &Fields) -> Vec<When> {
        if !fields.has("when") {
            return When::ALL.to_vec();
        }
        let mut when: Vec<When> = Vec::new();
        for word in fields.texts("when") {
            let run = When::ALL.into_iter().find(|run| run.word() == word);
            when.extend(run.filter(|run| !when.contains(run)));
        }
        if fields.texts("when").is_empty() {
            self.report(
                Problem::error("empty", fields.span_of("when"), "`when` is empty")
                    .label("the step would never take part")
                    .hint(format!("name some of {}", list(When::WORDS))),
            );
        }
        when
    }
}
