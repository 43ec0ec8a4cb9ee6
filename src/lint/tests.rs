use std::collections::BTreeSet;

use insta::assert_snapshot;
use jiff::civil::{Date, date};

use super::*;
use crate::playbook::Playbook;

/// A playbook that keeps every rule; the examples of the rules are put over it.
const BASE: &str = r#"[playbook]
name = "example"
rto = "10m"

[hosts.office]
ssh = "admin@office.site.example"
addresses = ["192.0.2.80", "2001:db8:80::1"]
access-log = ["/var/log/nginx/access.log"]

[hosts.rented]
ssh = "admin@rented.site.example"
addresses = ["203.0.113.80", "2001:db8:81::1"]
access-log = ["/var/log/nginx/access.log"]

[providers.own]
kind = "rfc2136"
server = "192.0.2.53"
key = { name = "cutover", secret = { env = "TSIG_SECRET" } }

[zones."site.example"]
provider = "own"

[services.website]
names = ["site.example", "www.site.example"]
probes = [{ http = "/", contains = "Welcome" }]

[[step]]
id = "works"
kind = "services"
at = "target"

[[step]]
id = "flip"
kind = "dns"
services = "all"
ttl = "60s"

[[step]]
id = "public"
kind = "services"
at = "public"
"#;

const TODAY: Date = date(2026, 11, 22);

/// The tables of a text, each with its header.
fn tables(text: &str) -> Vec<&str> {
    let starts: Vec<usize> = (text.match_indices('['))
        .map(|(at, _)| at)
        .filter(|at| *at == 0 || text[..*at].ends_with("\n\n"))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(from, to)| &text[from..to])
        .collect()
}

fn header(table: &str) -> &str {
    table.lines().next().unwrap_or_default()
}

fn id(table: &str) -> Option<&str> {
    let is_step = header(table) == "[[step]]";
    table
        .lines()
        .find(|line| is_step && line.starts_with("id = "))
}

/// A whole playbook around an example. Its tables take the place of those of the same name; its steps are all
/// the steps where one of them is `flip`, else they replace those of the same id or stand before `flip`.
fn around(example: &str) -> String {
    let mine = tables(example);
    let flip = Some("id = \"flip\"");
    let all_steps = mine.iter().any(|table| id(table) == flip);
    let mut out: Vec<&str> = Vec::new();
    let mut used = BTreeSet::new();
    for table in tables(BASE) {
        let is_step = header(table) == "[[step]]";
        let same = (mine.iter().enumerate()).find(|(_, own)| match is_step {
            true => id(own) == id(table),
            false => header(own) == header(table),
        });
        if is_step && all_steps {
            continue;
        }
        if is_step && id(table) == flip {
            let new = mine.iter().enumerate().filter(|(_, own)| {
                id(own).is_some() && !tables(BASE).iter().any(|base| id(base) == id(own))
            });
            for (i, own) in new {
                used.insert(i);
                out.push(own);
            }
        }
        match same {
            Some((i, own)) => {
                used.insert(i);
                out.push(own);
            }
            None => out.push(table),
        }
    }
    out.extend(
        mine.iter()
            .enumerate()
            .filter(|(i, _)| !used.contains(i))
            .map(|(_, own)| *own),
    );
    out.iter()
        .map(|table| format!("{}\n\n", table.trim_end()))
        .collect()
}

fn linted(text: &str) -> Problems {
    match Playbook::parse(text, "example.toml", &[]) {
        Ok(book) => lint(&book, TODAY),
        Err(problems) => panic!("{problems}\n{text}"),
    }
}

fn codes(problems: &Problems) -> Vec<&'static str> {
    problems.list.iter().map(|problem| problem.code).collect()
}

#[test]
fn the_playbook_around_the_examples_keeps_every_rule() {
    let problems = linted(BASE);
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn the_examples_of_each_rule_break_it_and_keep_it() {
    let mut shown = String::new();
    for rule in rules() {
        let broken = linted(&around(rule.breaks));
        assert!(
            codes(&broken).contains(&rule.code),
            "{}: {broken}\n{}",
            rule.name,
            around(rule.breaks)
        );
        let kept = linted(&around(rule.keeps));
        assert!(kept.is_empty(), "{}: {kept}", rule.name);
        let of_rule = (broken.list.iter()).filter(|problem| problem.code == rule.code);
        for problem in of_rule {
            assert!(!problem.label.is_empty(), "{}", rule.name);
            assert!(
                problem.span.end <= around(rule.breaks).len(),
                "{}",
                rule.name
            );
        }
        shown += &format!("{}\n{broken}\n", rule.name);
    }
    assert_snapshot!("findings", shown);
}

#[test]
fn rules_are_declared_well() {
    let mut seen = BTreeSet::new();
    let mut last = "";
    for rule in rules() {
        assert!(
            seen.insert(rule.name) && seen.insert(rule.code),
            "{}",
            rule.name
        );
        assert!(rule.code > last, "{} is out of order", rule.code);
        last = rule.code;
        assert!(
            rule.code.len() == 4 && rule.code.starts_with('L'),
            "{}",
            rule.code
        );
        assert!(rule.what.starts_with(|c: char| !c.is_uppercase()) && !rule.what.ends_with('.'));
        for text in [rule.why, rule.fix] {
            assert!(
                text.ends_with('.') && !text.contains('\n'),
                "{}: {text}",
                rule.name
            );
        }
        assert_ne!(rule.breaks, rule.keeps, "{}", rule.name);
    }
}

#[test]
fn every_rule_can_be_allowed_for_the_whole_playbook() {
    for rule in rules().filter(|rule| rule.code < "L9") {
        let text = around(rule.breaks);
        let allow = format!(
            "{{ rule = \"{}\", reason = \"thought about it\" }}",
            rule.name
        );
        let text = match text.contains("\nallow = [") && header(rule.breaks) == "[playbook]" {
            true => text.replacen("allow = [", &format!("allow = [{allow}, "), 1),
            false => text.replacen(
                "[playbook]\n",
                &format!("[playbook]\nallow = [{allow}]\n"),
                1,
            ),
        };
        let problems = linted(&text);
        assert!(
            !codes(&problems).contains(&rule.code),
            "{}: {problems}",
            rule.name
        );
    }
}

#[test]
fn an_allowance_of_a_step_counts_there_alone() {
    let act = |id: &str, more: &str| {
        format!(
            "[[step]]\nid = \"{id}\"\nkind = \"command\"\non = \"local\"\nrun = [\"./{id}\"]\nif-interrupted = \"skip\"\n{more}\n"
        )
    };
    let allow = "allow = [{ rule = \"L105\", reason = \"nobody reads it twice\" }]\n";
    let text = around(&(act("one", allow) + "\n" + &act("two", "")));
    let problems = linted(&text);
    assert_eq!(codes(&problems), ["L105"]);
    assert!(problems.list[0].message.contains("`two`"), "{problems}");
}

#[test]
fn a_page_explains_a_rule_by_code_and_by_name() {
    let page = explain("l105").unwrap();
    assert_eq!(page, explain("point-of-no-return").unwrap());
    assert_snapshot!(page);
    let error = explain("unverified-chance").unwrap_err();
    assert!(
        error.contains("did you mean `unverified-change`?"),
        "{error}"
    );
    assert!(rules().all(|rule| index().contains(rule.code) && explain(rule.name).is_ok()));
}
