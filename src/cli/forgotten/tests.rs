//! What of earlier runs is left, and what newer ones speak for.

use super::*;
use crate::journal::samples;
use crate::plan::{Direction, Mode};

/// What of the runs of `plan` is left where these runs, the newest first, went over it.
fn told(plan: &Plan, newer: &[Plan]) -> Vec<(usize, Vec<String>)> {
    told_on("ops1", plan, newer)
}

/// The same where these were made on this machine.
fn told_on(here: &str, plan: &Plan, newer: &[Plan]) -> Vec<(usize, Vec<String>)> {
    let whose = |plan: &Plan| {
        let mut run = samples::row("1", None);
        run.meta.playbook.clone_from(&plan.playbook);
        run.meta.file = Some(format!("/{}.toml", plan.playbook));
        Whose::plan(&run, plan)
    };
    let knows = Knows::of(&newer[0], here);
    let mut written = Written::default();
    for plan in newer {
        written.take_in(whose(plan), plan, &Things::there(plan, here));
    }
    let home = newer[0].direction.target == plan.direction.source;
    let whose = whose(plan);
    let speaks = |what: &str| written.speaks(&whose, what) || knows.whats.contains(what);
    let has = |step: &str, thing: Option<&String>| knows.has(step, thing);
    let left = left(plan, &Things::there(plan, "ops1"), home, speaks, has);
    (left.into_iter())
        .map(|left| (left.entry, left.parts.into_iter().collect()))
        .collect()
}

fn home(plan: &Plan) -> Plan {
    let Direction { source, target } = plan.direction.clone();
    Plan {
        direction: Direction {
            source: target,
            target: source,
        },
        ..plan.clone()
    }
}

/// The edits of a plan without these parts.
fn without(mut plan: Plan, gone: &[&str]) -> Plan {
    plan.locks.retain(|lock| !gone.contains(&lock.as_str()));
    for entry in &mut plan.entries {
        if let Nature::Change(edit) = &mut entry.nature {
            for value in [&mut edit.before, &mut edit.after] {
                value.0.retain(|part, _| !gone.contains(&part.as_str()));
            }
        }
    }
    plan
}

#[test]
fn what_no_newer_run_holds_is_left_by_it() {
    let plan = crate::fake::plan(Mode::Failover, "tca");
    let both = || vec!["one".to_owned(), "two".to_owned()];
    // It holds the places that it writes.
    assert_eq!(told(&plan, std::slice::from_ref(&plan)), []);
    assert_eq!(told(&plan, &[home(&plan)]), []);
    // A step that was taken out; of what is to stay nothing is left where they went the same way.
    let no_steps = |mut plan: Plan| {
        plan.entries.clear();
        plan.text.clear();
        plan
    };
    assert_eq!(told(&plan, &[no_steps(plan.clone())]), [(0, both())]);
    let all = [(0, both()), (1, both()), (2, Vec::new())];
    assert_eq!(told(&plan, &[no_steps(home(&plan))]), all);
    // One that was there and held its value is no place of that run, and is known to it all the same; what was to be
    // put back is not.
    let mut held = home(&plan);
    held.entries.retain(|entry| !entry.writes());
    held.entries
        .extend(plan.entries.iter().cloned().map(|mut entry| {
            entry.nature = Nature::Check;
            entry
        }));
    assert_eq!(told(&plan, &[held]), [(0, both())]);
}

#[test]
fn a_record_set_is_the_same_whichever_step_moves_it() {
    let mut plan = crate::fake::plan(Mode::Failover, "c");
    plan.locks = vec!["playbook p".into(), "one".into(), "two".into()];
    // A name that left the playbook, though its step is there.
    let one = without(home(&plan), &["two"]);
    assert_eq!(
        told(&plan, std::slice::from_ref(&one)),
        [(0, vec!["two".to_owned()])]
    );
    // A step and a playbook of another name.
    let mut other = home(&plan);
    other.playbook = "q".into();
    let Nature::Change(edit) = &mut other.entries[0].nature else {
        panic!("no change");
    };
    edit.place.step = "renamed".into();
    assert_eq!(told(&plan, std::slice::from_ref(&other)), []);
    // It led there already.
    other.entries.clear();
    assert_eq!(told(&plan, &[other]), []);
    // One in between moved it last, and speaks for it.
    assert_eq!(told(&plan, &[one, home(&plan)]), []);
}

/// The plan of a run with one setting and one act, on the standby as it was then.
fn settings(step: &str, read: &str, does: &str) -> Plan {
    let mut plan = crate::fake::plan(Mode::Failover, "ca");
    plan.text = format!(
        "[playbook]\nname = \"site\"\n\
         [hosts.old]\nsite = \"old\"\nssh = \"old.example\"\naddresses = [\"192.0.2.1\"]\n\
         [hosts.new]\nsite = \"new\"\nssh = \"new.example\"\naddresses = [\"192.0.2.2\"]\n\
         [[step]]\nid = \"{step}\"\nkind = \"command\"\non = \"target\"\nread = [\"cat\", \"{read}\"]\n\
         want = \"new\"\nrun = [\"set\"]\nundo = [\"set\"]\n\
         [[step]]\nid = \"{step}-act\"\nkind = \"command\"\non = \"new\"\nrun = [\"{does}\"]\nundo = [\"back\"]\n"
    );
    for (entry, of) in plan.entries.iter_mut().zip(["", "-act"]) {
        entry.step = format!("{step}{of}");
        if let Nature::Change(edit) = &mut entry.nature {
            edit.place.step = entry.step.clone();
            edit.place.name = "new".into();
            for value in [&mut edit.before, &mut edit.after] {
                value.0.remove("two");
            }
        }
    }
    let read = Playbook::of_plan(&plan);
    assert!(read.is_ok(), "{:?}", read.err());
    plan
}

#[test]
fn a_setting_is_known_by_what_it_is_and_not_by_its_step() {
    let plan = settings("file", "/etc/one", "begin");
    assert_eq!(told(&plan, &[home(&plan)]), []);
    // The steps keep their names, and write and do something else.
    let moved = home(&settings("file", "/etc/two", "begin"));
    assert_eq!(told(&plan, &[moved]), [(0, vec!["one".to_owned()])]);
    let other = home(&settings("file", "/etc/one", "start"));
    assert_eq!(told(&plan, &[other]), [(1, Vec::new())]);
    // They have other names, and write and do the same; also where it held its value already.
    let mut renamed = home(&settings("setting", "/etc/one", "begin"));
    assert_eq!(told(&plan, std::slice::from_ref(&renamed)), []);
    renamed.entries.clear();
    assert_eq!(told(&plan, &[renamed]), []);
    // The same path on another machine, which has the name of the first.
    let mut machine = home(&plan);
    machine.text = machine.text.replace("new.example", "newer.example");
    let both = [(0, vec!["one".to_owned()]), (1, Vec::new())];
    assert_eq!(told(&plan, &[machine]), both);
}
#[test]
fn another_playbook_speaks_for_no_setting_and_another_machine_for_none_of_here() {
    let plan = settings("file", "/etc/one", "begin");
    let gone = home(&settings("file", "/etc/two", "start"));
    let left = [(0, vec!["one".to_owned()]), (1, Vec::new())];
    assert_eq!(told(&plan, std::slice::from_ref(&gone)), left);
    // It calls its machine by the same name, which its configuration of ssh leads to another one.
    let other = |playbook: &str| {
        let mut plan = settings("file", "/etc/one", "begin");
        plan.playbook = playbook.into();
        plan
    };
    assert_eq!(told(&plan, &[gone.clone(), other("stranger")]), left);
    assert_eq!(told(&plan, &[gone, other(&plan.playbook)]), []);
    // Two colleagues share a store of runs, and each has a file of this name.
    let mut local = plan;
    local.text = local
        .text
        .replace("ssh = \"new.example\"\n", "local = true\n");
    assert!(Playbook::of_plan(&local).is_ok());
    assert_eq!(told_on("ops1", &local, &[home(&local)]), []);
    assert_eq!(told_on("ops2", &local, &[home(&local)]), left);
}

#[test]
fn a_temporary_act_is_known_to_a_newer_run_whichever_way_it_went() {
    let on_the_target = |mut plan: Plan| {
        plan.text = plan.text.replace(
            "on = \"new\"\nrun = [\"begin\"]",
            "on = \"target\"\nrun = [\"begin\"]",
        );
        plan.entries[1].temporary = true;
        assert!(Playbook::of_plan(&plan).is_ok() && plan.text.matches("target").count() == 2);
        plan
    };
    let plan = on_the_target(settings("file", "/etc/one", "begin"));
    // It did the same once more, and put it back.
    assert_eq!(told(&plan, std::slice::from_ref(&plan)), []);
    // What it would do there it has not done.
    let mut idle = plan.clone();
    idle.entries.truncate(1);
    assert_eq!(told(&plan, &[idle]), [(1, Vec::new())]);
    // It did it on the other side, and knows what was done on this one; that is to be put back all the same.
    assert_eq!(told(&plan, &[home(&plan)]), [(1, Vec::new())]);
    // What may stay is known to it.
    let mut stays = plan;
    stays.entries[1].temporary = false;
    assert_eq!(told(&stays, &[home(&stays)]), []);
}
