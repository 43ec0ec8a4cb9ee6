use std::collections::BTreeSet;

use insta::assert_snapshot;
use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::example::joined;
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
        let broken = linted(&around(&joined(rule.breaks)));
        assert!(
            codes(&broken).contains(&rule.code),
            "{}: {broken}\n{}",
            rule.name,
            around(&joined(rule.breaks))
        );
        let kept = linted(&around(&joined(rule.keeps)));
        assert!(kept.is_empty(), "{}: {kept}", rule.name);
        let of_rule = (broken.list.iter()).filter(|problem| problem.code == rule.code);
        for problem in of_rule {
            assert!(!problem.label.is_empty(), "{}", rule.name);
            assert!(
                problem.span.end <= around(&joined(rule.breaks)).len(),
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
        let text = around(&joined(rule.breaks));
        let allow = format!(
            "{{ rule = \"{}\", reason = \"thought about it\" }}",
            rule.name
        );
        let text =
            match text.contains("\nallow = [") && header(&joined(rule.breaks)) == "[playbook]" {
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
fn a_thousand_names_are_too_many_for_one_message_and_a_hundred_are_not() {
    let moves = |count: usize| {
        let names: Vec<String> = (0..count)
            .map(|n| format!("\"shop-{n}.site.example\""))
            .collect();
        let (before, after) = BASE.split_once("names = [").unwrap();
        let (_, after) = after.split_once("]\n").unwrap();
        linted(&format!("{before}names = [{}]\n{after}", names.join(", ")))
    };
    assert_eq!(codes(&moves(100)), [""; 0]);
    let problems = moves(1000);
    assert_eq!(codes(&problems), ["L404"]);
    let message = &problems.list[0].message;
    assert!(
        message.starts_with("`flip` moves 2,000 record sets of `site.example` in "),
        "{message}"
    );
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

#[test]
fn a_secret_in_a_command_is_found_and_not_shown() {
    let rule = rule("secret-in-command").unwrap();
    let shown = linted(&around(&joined(rule.breaks))).to_string();
    assert!(
        shown.contains("error[L701]") && shown.contains("mysqladmin"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
    let shell = joined(rule.breaks).replace(
        r#"run = ["mysqladmin", "--password=hunter2", "ping"]"#,
        r#"shell = "PGPASSWORD=hunter2 psql | grep -q x""#,
    );
    let shown = linted(&around(&shell)).to_string();
    assert!(
        shown.contains("error[L701]") && !shown.contains("hunter2"),
        "{shown}"
    );
}

/// The codes of what a step of this kind `command` breaks.
fn of_command(more: &str) -> Vec<&'static str> {
    let step = format!("[[step]]\nid = \"one\"\nkind = \"command\"\non = \"target\"\n{more}\n");
    codes(&linted(&around(&step)))
}

#[test]
fn commands_are_told_apart_by_what_they_run() {
    let look = |line: &str| of_command(&format!("looks-only = true\nshell = '{line}'"));
    let clean = [
        "df /srv | grep -q ext4",
        "test -e /srv && echo yes > /dev/null 2>&1",
        "ls \"/a > b\" | grep c",
        "sudo -n systemctl is-active nginx | grep -qx active",
        "curl -s http://[::1]/ | grep -q ok",
        "cd /srv",
        "LANG=C df",
        "false || true && test -e /srv",
    ];
    for line in clean {
        assert_eq!(look(line), [""; 0], "{line}");
    }
    let cases = [
        ("date > /tmp/stamp; test -e /x", "L703"),
        ("sudo -n systemctl restart nginx | cat", "L703"),
        ("service nginx reload | cat", "L703"),
        ("sed -i s/a/b/ /etc/hosts | cat", "L703"),
        ("/bin/rm -r /srv/old | cat", "L703"),
        ("sudo -u www-data rm -r /srv/old | cat", "L703"),
        ("curl -X POST http://[::1]/ | grep -q ok", "L703"),
        ("df /srv", "L704"),
        ("df /srv | grep -q x || true", "L705"),
        ("df /srv; exit 0;", "L705"),
        ("df /srv | grep -q ext4 || echo other", "L705"),
        ("df /srv & ", "L705"),
    ];
    for (line, code) in cases {
        assert_eq!(look(line), [code], "{line}");
    }
    assert_eq!(
        of_command("looks-only = true\nrun = [\"sh\", \"-c\", \"df /srv\"]"),
        ["L704"]
    );
    assert_eq!(
        of_command("looks-only = true\nrun = [\"sudo\", \"-n\", \"bash\", \"-ec\", \"df /srv\"]"),
        ["L704"]
    );
    // A login shell reads a profile, without which the program may not be found.
    assert_eq!(
        of_command("looks-only = true\nrun = [\"bash\", \"-lc\", \"df /srv\"]"),
        [""; 0]
    );
    assert_eq!(
        of_command("looks-only = true\nrun = [\"df /srv\"]"),
        ["L706"]
    );
    assert_eq!(
        of_command(
            "run = [\"touch\", \"/x\"]\nundo = [\"rm\", \"/x\", \"&&\", \"sync\"]\nif-interrupted = \"again\""
        ),
        ["L706"]
    );
    assert_eq!(
        of_command("looks-only = true\nrun = [\"echo\", \"well\"]"),
        ["L705"]
    );
    assert_eq!(
        of_command("looks-only = true\nrun = [\"echo\", \"well\"]\nexpect = \"well\""),
        [""; 0]
    );
}

#[test]
fn a_mirror_that_may_be_of_any_age_keeps_no_rpo() {
    let head = "[playbook]\nname = \"example\"\nrto = \"10m\"\nrpo = \"6h\"\n";
    let mirror = "[[step]]\nid = \"mirror\"\nkind = \"mirror\"\npath = \"/srv/\"\n";
    let found = linted(&around(&format!("{head}\n{mirror}")));
    assert_eq!(codes(&found), ["L506"]);
    assert!(found.to_string().contains("add `max-lag = \"6h\"` or less"));
    let limited = linted(&around(&format!("{head}\n{mirror}max-lag = \"6h\"\n")));
    assert_eq!(codes(&limited), [""; 0]);
    // What an older look saw may be older still.
    let reused = linted(&around(&format!(
        "{head}\n{mirror}max-lag = \"6h\"\nreuse = \"1h\"\n"
    )));
    assert_eq!(codes(&reused), ["L505"]);
    assert!(
        reused
            .to_string()
            .contains("when the data is 7h (`reuse` included) old")
    );
}

#[test]
fn the_status_of_every_page_is_no_assertion() {
    let asked = |probe: &str| {
        let website = "[services.website]\nnames = [\"site.example\", \"www.site.example\"]\n";
        let service = codes(&linted(&around(&format!(
            "{website}probes = [{{ http = \"/\", {probe} }}]\n"
        ))));
        let url = "kind = \"http\"\nurl = \"https://site.example/\"";
        let step = codes(&linted(&around(&format!(
            "[[step]]\nid = \"one\"\n{url}\n{probe}\n"
        ))));
        assert_eq!(service, step, "{probe}");
        service
    };
    assert_eq!(asked("status = 200"), ["L501"]);
    assert_eq!(asked("status = 204"), [""; 0]);
    assert_eq!(asked("contains = \"Welcome\""), [""; 0]);
}

#[test]
fn every_kind_of_step_is_known_to_the_rules() {
    for kind in crate::steps::KINDS {
        let fields = crate::field::Fields::default();
        let does = view::Does::of(kind.name, &fields);
        assert_ne!(does, view::Does::Other, "{}", kind.name);
    }
}

#[test]
fn a_problem_of_the_parser_is_explained() {
    assert_snapshot!(explain("never-again").unwrap(), @r"
    never-again (error)

      `every` is longer than `within`.

    How to mend it:

      Make `every` shorter: else there is never a second look.

    A playbook with this problem cannot be used, and it cannot be allowed.
    ");
    let names: Vec<&str> = codes::CODES.iter().map(|one| one.code).collect();
    assert!(names.is_sorted());
    for one in codes::CODES {
        assert!(
            rule(one.code).is_none() && index().contains(one.code),
            "{}",
            one.code
        );
        assert!(
            !one.what.ends_with('.') && one.fix.ends_with('.'),
            "{}",
            one.code
        );
    }
}

proptest! {
    /// Whatever a playbook leaves out, the rules say something or nothing, and point into its text.
    #[test]
    fn no_playbook_is_too_much_for_the_rules(
        which in 0_usize..200,
        gone in prop::collection::btree_set(0_usize..60, 0..8),
    ) {
        let examples: Vec<String> = rules()
            .flat_map(|rule| [joined(rule.breaks), joined(rule.keeps)])
            .collect();
        let text = around(&examples[which % examples.len()]);
        let left: String = (text.lines().enumerate())
            .filter(|(at, _)| !gone.contains(at))
            .map(|(_, line)| format!("{line}\n"))
            .collect();
        if let Ok(book) = Playbook::parse(&left, "example.toml", &[]) {
            let found = lint(&book, TODAY);
            prop_assert!(found.list.iter().all(|problem| problem.span.end <= left.len()));
            prop_assert!(found.is_empty() || !found.to_string().is_empty());
        }
    }
}
