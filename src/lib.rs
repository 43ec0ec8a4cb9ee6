//! Moves live services from one site to another, proves that they moved, and can always go back.
//!
//! This is the map. The program is a thin binary over this library: [`cli::run`] is all of it. What users
//! see is in `README.md`; `examples/embed.rs` and `examples/replay.rs` use the library on its own.
//!
//! # The flow
//!
//! ```text
//! text -> parse, validate -> Playbook -> survey (looks only) -> Plan -> run -> Ending
//!                                                                |
//!           World <- write(place, Permit) <- drive <- next(plan, state), pure
//!                                              |         ^
//!                                              v         | fold
//!                                           Journal -> events -> reporters
//! ```
//!
//! A [`Playbook`](playbook::Playbook) is valid by construction. The [`survey`](engine::survey) looks at the
//! world and compiles a [`Plan`](plan::Plan): pure data, every change spelled out, the mode of the run already
//! turned into rules. [`drive`](engine::drive) is the only loop: it asks the [`machine`] what comes next, does
//! that one thing, and records what happened as an [`Event`](event::Event); the event folds into the state,
//! and the state says what comes next. Time, text and I/O stay outside of that circle, so that the real run,
//! the dry run and the resume after a crash are the same code.
//!
//! # Two rules hold the rest
//!
//! *Looking is free, writing costs a [`Permit`](journal::Permit).* A permit comes from the
//! [`Live`](journal::Live) journal alone, once the intent is durable; it names one place, is taken by value,
//! and borrows the journal. What the [`Dry`](journal::Dry) journal issues has no values, so a dry run that
//! writes does not compile.
//!
//! *After a write, look.* A write may lie, may be lost, may land late. So nothing is believed: the place is
//! read again, and shows before, after, mixed or foreign. After a crash it is the same path.
//!
//! # The layers
//!
//! Imports run one way, downwards in this table: a module knows only what stands above it. `report` knows
//! `plan`, `event`, `machine`, `problem`, `words` and `clock` only, `machine` only `plan` and `event`. A test reads
//! the imports and holds them against the table.
//!
//! | module | what it is |
//! |---|---|
//! | [`clock`], [`secret`], [`problem`], [`words`] | time; where a secret is; what is wrong with a text; numbers with their nouns |
//! | [`field`] | the fields that a table of a playbook may have: declared once, parsed and explained from there |
//! | [`plan`] | what a run would do |
//! | [`event`] | every fact that a run can state |
//! | [`machine`] | what comes next: a fold and a pure function |
//! | [`store`] | where journals live: bytes, locks, messages |
//! | [`journal`] | the record of a run, and the only source of permits |
//! | [`world`] | the only modules that touch network, programs and files |
//! | [`dns`] | record sets, the trait of the providers, propagation |
//! | [`site`], [`step`] | what a step is given, and what a step is: the five natures |
//! | [`seen`] | what a dry run really saw, as one document |
//! | [`steps`] | one file per kind of step, and one list |
//! | [`playbook`] | TOML to a playbook, every problem with its place |
//! | [`lint`] | what can be known to go wrong with a playbook, as named rules |
//! | [`schema`] | the JSON Schema of playbooks, for editors |
//! | [`engine`] | survey, drive, settle |
//! | [`fake`] | a world at the level of sights and places, with faults |
//! | [`simulate`] | the state space of a playbook, explored |
//! | [`demo`] | a lab on loopback, and a drill on it |
//! | [`report`] | plan and events as text |
//! | [`cli`] | one file per verb, and the table of exit codes |
//!
//! `clippy.toml` bans processes, clocks, files, sockets and prints everywhere but in `clock`, `world`, `store`
//! and `cli`; each exception says so with an `expect` and its reason.
//!
//! # The words
//!
//! | word | meaning |
//! |---|---|
//! | playbook | one TOML file: sites, hosts, services, zones, objectives, and a flat list of steps |
//! | site | a place that can serve; a playbook has two, and which one is active is read from DNS |
//! | source, target | the roles of the two sites in one run: from, to |
//! | service | what users use: names, and the probes that show that it works |
//! | step | one entry of the list; its [`Kind`](step::Kind) says what it does |
//! | sight | one look at one thing: seen, or [unseen](event::Unseen) with the reason |
//! | evidence | for each sight: [live, recorded with its age, or unseen](step::Known) |
//! | finding | the [judgement](event::Finding) over the evidence: pass, warn, late, fail, unknown |
//! | change | a step that writes a *place* that holds a *value*; before and after are known |
//! | edit | [before and after](plan::Edit) of one place; its inverse is the way back |
//! | plan | all that a run would do; can be saved and applied exactly |
//! | run | one execution: check, plan, drill, failover, rollback |
//! | journal | the append-only record of a run; the only truth about it |
//! | permit | the proof that this run may write this place and that its intent is on disk |
//! | baseline | the newest live sight of each thing, kept from earlier runs |
//! | owed | what a run leaves to be done |
//! | objective | RTO (decision to verified) and RPO (age of the data served), declared and measured |
//!
//! *Late* is not *fail*: the target serves, but something has not moved yet. On the screen a place is a
//! record set, a sight is a result, and an edit is a change.

pub mod clock;
pub mod problem;
pub mod secret;
pub mod words;

pub mod field;

pub mod plan;

pub mod event;

pub mod machine;

pub mod store;

pub mod journal;

pub mod world;

pub mod dns;

pub mod site;

pub mod seen;

pub mod step;

pub mod steps;

pub mod playbook;

pub mod lint;

pub mod schema;

pub mod engine;

pub mod fake;

pub mod simulate;

pub mod demo;

pub mod report;

pub mod cli;
