//! A playbook as the rules look at it: what each step is, where it looks, and in which runs.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::field::Fields;
use crate::playbook::{Playbook, ZoneSpec};
use crate::problem::Problem;
use crate::site::{Host, Service};
use crate::step::{OnFail, Step, When, Work};

/// The runs that lead to the target.
pub(super) const THERE: [When; 3] = [When::Drill, When::Failover, When::Emergency];

/// What the rules are given.
pub(super) struct View<'a> {
    pub(super) book: &'a Playbook,
    pub(super) steps: Vec<Seen<'a>>,
}

/// One step, with its place in the list and in the text.
pub(super) struct Seen<'a> {
    pub(super) index: usize,
    pub(super) step: &'a Step,
    pub(super) fields: &'a Fields,
    pub(super) does: Does<'a>,
}

/// What a step does, as far as a rule must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does<'a> {
    /// Probes services, or a name or port of its own.
    Probe(At<'a>),
    /// Moves names.
    Flip,
    /// Asks the name servers for moved names.
    Propagation,
    /// Counts requests at both sides.
    Traffic,
    /// Compares the target with the source.
    Compare,
    /// Runs a program.
    Run(At<'a>),
    /// A person, or time.
    Pause,
    /// A kind that this module does not know.
    Other,
}

/// Where a step looks or acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At<'a> {
    Source,
    Target,
    Public,
    /// This machine.
    Here,
    Host(&'a str),
}

impl<'a> Does<'a> {
    pub(super) fn of(kind: &str, fields: &'a Fields) -> Does<'a> {
        match kind {
            "services" | "http" | "tcp" | "rsync" => Does::Probe(At::of(fields.text("at"))),
            "dns" => Does::Flip,
            "propagation" => Does::Propagation,
            "traffic" => Does::Traffic,
            "mirror" | "packages" => Does::Compare,
            "command" => Does::Run(At::of(fields.text("on"))),
            "approve" | "wait" => Does::Pause,
            _ => Does::Other,
        }
    }
}

impl<'a> At<'a> {
    fn of(word: Option<&'a str>) -> At<'a> {
        match word {
            None | Some("target") => At::Target,
            Some("source") => At::Source,
            Some("public") => At::Public,
            Some("local") => At::Here,
            Some(host) => At::Host(host),
        }
    }
}

impl<'a> View<'a> {
    pub(super) fn new(book: &'a Playbook) -> View<'a> {
        // A step that is left out for now does nothing, and proves nothing.
        let steps = (book.steps().iter())
            .filter(|step| step.common.skip.is_none())
            .filter_map(|step| Some((step, book.places().step(&step.id)?)))
            .enumerate()
            .map(|(index, (step, fields))| Seen {
                index,
                step,
                fields,
                does: Does::of(step.kind.name, fields),
            })
            .collect();
        View { book, steps }
    }

    /// The steps that write, in their order.
    pub(super) fn writes(&self) -> impl Iterator<Item = &Seen<'a>> {
        self.steps.iter().filter(|step| step.writes())
    }

    /// The steps that write and that no end of the run undoes by itself.
    pub(super) fn lasting(&self) -> impl Iterator<Item = &Seen<'a>> {
        self.writes().filter(|step| !step.step.common.temporary)
    }

    pub(super) fn flips(&self) -> impl Iterator<Item = &Seen<'a>> {
        self.steps.iter().filter(|step| step.does == Does::Flip)
    }

    pub(super) fn checks(&self) -> impl Iterator<Item = &Seen<'a>> {
        self.steps.iter().filter(|step| step.is_check())
    }

    /// The first step that writes in this kind of run.
    pub(super) fn first_write(&self, run: When) -> Option<&Seen<'a>> {
        self.writes().find(|step| step.takes_part(run))
    }

    /// Whether nothing was written in this kind of run before the step's turn.
    pub(super) fn is_before_first_write(&self, step: &Seen<'_>, run: When) -> bool {
        self.first_write(run)
            .is_none_or(|first| step.index < first.index)
    }

    pub(super) fn both_sites(&self) -> [&'a str; 2] {
        let (one, other) = self.book.sites();
        [one, other]
    }

    pub(super) fn hosts_of(&self, site: &'a str) -> impl Iterator<Item = &'a Host> {
        self.book.hosts().values().filter(move |h| h.site == site)
    }

    /// The zone that a name lies in: the longest that matches.
    pub(super) fn zone_of(&self, name: &str) -> Option<&'a ZoneSpec> {
        (self.book.zones().values())
            .filter(|zone| {
                name.strip_suffix(&zone.name)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
            .max_by_key(|zone| zone.name.len())
    }

    /// The zones that a `dns` step may write.
    pub(super) fn zones_of(&self, flip: &Seen<'_>) -> Vec<&'a ZoneSpec> {
        let only: Vec<String> = flip.fields.texts("zones").iter().map(plain).collect();
        (self.book.zones().values())
            .filter(|zone| only.is_empty() || only.contains(&zone.name))
            .collect()
    }

    /// The names that a `dns` step is known to move: those that it says and that lie in a zone that it writes.
    pub(super) fn moved_by(&self, flip: &Seen<'_>) -> BTreeSet<String> {
        let zones = self.zones_of(flip);
        let said: Box<dyn Iterator<Item = String>> = if flip.fields.has("records") {
            Box::new((self.book.services().values()).flat_map(|service| service.names.clone()))
        } else {
            let names = flip.fields.texts("names").iter().map(plain);
            Box::new((self.names_of_services(flip).into_iter()).chain(names))
        };
        said.filter(|name| {
            self.zone_of(name)
                .is_some_and(|zone| zones.iter().any(|written| written.name == zone.name))
        })
        .collect()
    }

    fn names_of_services(&self, step: &Seen<'_>) -> Vec<String> {
        (step.fields.texts("services").iter())
            .filter_map(|id| self.book.services().get(id))
            .flat_map(|service| service.names.iter().map(plain))
            .collect()
    }

    /// The names that a check asks about.
    pub(super) fn asked_by(&self, check: &Seen<'_>) -> BTreeSet<String> {
        let own = check.fields.texts("names").iter().map(plain);
        let of_url = check.fields.text("url").and_then(host_of);
        let named = check.fields.has("services") || check.fields.has("names") || of_url.is_some();
        let names = match check.step.kind.name {
            "services" | "propagation" if !named => (self.book.services().values())
                .flat_map(|service| service.names.iter().map(plain))
                .collect(),
            _ => self.names_of_services(check),
        };
        names.into_iter().chain(own).chain(of_url).collect()
    }

    /// Whether a host offers a service: it is named, or its counterpart at the other site is.
    pub(super) fn offers(&self, service: &Service, host: &Host) -> bool {
        let named = |name: &String| service.hosts.contains(name);
        service.hosts.is_empty()
            || named(&host.name)
            || host.stands_in_for.iter().any(named)
            || (self.book.hosts().values())
                .any(|other| named(&other.name) && other.stands_in_for.contains(&host.name))
    }

    /// The parser's own warnings of one code.
    pub(super) fn warned(&self, code: &str) -> Vec<Finding> {
        (self.book.warnings().list.iter())
            .filter(|problem| problem.code == code)
            .map(|problem| Finding {
                problem: problem.clone(),
                scope: Scope::Book,
            })
            .collect()
    }
}

impl Seen<'_> {
    pub(super) fn id(&self) -> &str {
        &self.step.id
    }

    pub(super) fn writes(&self) -> bool {
        matches!(self.step.work, Work::Change(_) | Work::Act(_))
    }

    pub(super) fn is_check(&self) -> bool {
        matches!(self.step.work, Work::Check(_))
    }

    pub(super) fn takes_part(&self, run: When) -> bool {
        self.step.common.when.contains(&run)
    }

    /// The ways there that it takes part in.
    pub(super) fn runs(&self) -> impl Iterator<Item = When> + '_ {
        THERE.into_iter().filter(|run| self.takes_part(*run))
    }

    /// Whether its failure after a write leads to anything.
    pub(super) fn has_teeth(&self) -> bool {
        self.step.common.on_fail != OnFail::Warn
    }

    /// A finding about the value of a key; about the step's id where it has no such key.
    pub(super) fn finding(&self, key: &str, message: impl Into<String>) -> Finding {
        Finding {
            scope: Scope::Step(self.index),
            ..Finding::at(self.span_of(key), message)
        }
    }

    fn span_of(&self, key: &str) -> Range<usize> {
        match self.fields.has(key) {
            true => self.fields.span_of(key),
            false => self.fields.span_of("id"),
        }
    }
}

/// What a rule found: a problem without the rule's code, and the step that it is about.
pub(super) struct Finding {
    pub(super) problem: Problem,
    pub(super) scope: Scope,
}

/// What a finding is about, and an allowance counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Book,
    /// A step, by its place in the list.
    Step(usize),
    Provider(String),
}

impl Finding {
    pub(super) fn at(span: Range<usize>, message: impl Into<String>) -> Finding {
        Finding {
            problem: Problem::warning("", span, message),
            scope: Scope::Book,
        }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Finding {
        self.problem.label = label.into();
        self
    }

    /// Another step that it has to do with.
    pub(super) fn beside(mut self, step: &Seen<'_>, label: impl Into<String>) -> Finding {
        self.problem = self.problem.related(step.span_of("id"), label);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Finding {
        self.problem.hint = Some(hint.into());
        self
    }
}

/// Lower case, without the last dot.
#[expect(clippy::ptr_arg, reason = "maps over lists of names")]
pub(super) fn plain(name: &String) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    let host = rest.split(['/', '?', '#', ':']).next()?;
    Some(plain(&host.to_owned()))
}

/// `` `a`, `b` and `c` ``
pub(super) fn list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let quoted: Vec<String> = (names.into_iter())
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// `in a drill and in an emergency`; empty where every way there is meant.
pub(super) fn in_runs(runs: &[When]) -> String {
    if THERE.iter().all(|run| runs.contains(run)) {
        return String::new();
    }
    let words: Vec<&str> = (runs.iter())
        .map(|run| match run {
            When::Drill => "in a drill",
            When::Failover => "in a failover",
            When::Emergency => "in an emergency",
            When::Return => "on a drill's way back",
        })
        .collect();
    words.join(" and ")
}

/// A sentence that may begin with the runs that it is about.
pub(super) fn sentence(runs: &[When], rest: &str) -> String {
    match in_runs(runs) {
        words if words.is_empty() => rest.to_owned(),
        words => format!("{words} {rest}"),
    }
}
