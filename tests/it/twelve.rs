//! Twelve playbooks of twelve customers that share their steps, and the program on folders of playbooks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cutover::dns::Active;
use cutover::playbook::{Included, Input, Playbook, Problems};
use cutover::site::Site;
use jiff::civil::{Date, date};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/twelve")
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "toml"))
        .collect();
    files.sort();
    files
}

fn read(path: &Path, today: Date) -> Result<Playbook, Problems> {
    let file = path.display().to_string();
    let input = Input {
        file: &file,
        folder: Path::new(""),
        sets: &[],
        today: Some(today),
        read: &|included| {
            Ok(Included {
                file: Input::beside(&file, included),
                bytes: std::fs::read(folder().join(included)).map_err(|e| e.to_string())?,
            })
        },
    };
    Playbook::read(&std::fs::read(path).unwrap(), &input)
}

/// Each playbook, on a day that stays the same.
fn books() -> Vec<Playbook> {
    (files().iter())
        .map(|path| match read(path, date(2026, 11, 22)) {
            Ok(book) => book,
            Err(problems) => panic!("{problems}"),
        })
        .collect()
}

fn cutover(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cutover"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text_of(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn all_of_them_are_valid_together() {
    let books = books();
    assert_eq!(books.len(), 12);
    let names: BTreeSet<&str> = books.iter().map(Playbook::name).collect();
    assert_eq!(names.len(), 12);
    for (path, book) in files().iter().zip(&books) {
        assert!(book.warnings().is_empty(), "{}", book.warnings());
        assert_eq!(path.file_stem().unwrap().to_str(), Some(book.name()));
        assert!(!book.summary().is_empty(), "{}", book.name());
        assert!(
            book.steps().len() >= 5,
            "{} has no shared steps",
            book.name()
        );
        // What it comes to needs no other file.
        let alone = Playbook::parse(book.text(), "alone.toml", &[]);
        let alone = alone.unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(alone.digest(), book.digest());
        let steps = |book: &Playbook| -> Vec<String> {
            let steps = book.steps().iter();
            steps
                .map(|step| format!("{} {} {:?}", step.id, step.title, step.common))
                .collect()
        };
        assert_eq!(steps(&alone), steps(book));
        assert_eq!(alone.hosts(), book.hosts());
        assert_eq!(alone.services(), book.services());
        assert_eq!(alone.zones(), book.zones());
    }
}

#[test]
fn they_differ_in_what_customers_differ_in() {
    let books = books();
    let skips = books
        .iter()
        .flat_map(Playbook::steps)
        .filter(|step| step.common.skip.is_some());
    assert_eq!(skips.count(), 2);
    let kinds: BTreeSet<&str> = (books.iter())
        .flat_map(|book| {
            book.zones()
                .values()
                .map(|zone| &book.providers()[&zone.provider])
        })
        .map(|provider| provider.kind.name)
        .collect();
    assert_eq!(
        kinds,
        BTreeSet::from(["mythic-beasts", "powerdns", "rfc2136"])
    );
    let several = books.iter().filter(|book| book.hosts().len() > 2).count();
    assert_eq!(several, 2, "festival and museum");
    let six_only = |book: &&Playbook| {
        let mut hosts = book.hosts().values();
        hosts.all(|host| host.addresses.iter().all(std::net::IpAddr::is_ipv6))
    };
    let six_only: Vec<&str> = books.iter().filter(six_only).map(Playbook::name).collect();
    assert_eq!(six_only, ["choir", "gallery", "quarry"]);
    let overridden = files().into_iter().filter(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.contains("\n[override.")
    });
    assert!(overridden.count() >= 5);
}

#[test]
fn each_public_address_of_the_source_has_one_that_takes_over() {
    for book in books() {
        let site: Site = book.live(
            cutover::clock::Clock::real(),
            cutover::world::exec::Exec::new(),
        );
        let (a, b) = book.sites();
        for (from, to) in [(a, b), (b, a)] {
            let pairs = site.pairs(to, from);
            for host in site
                .hosts_of(from)
                .filter(|host| host.public().next().is_some())
            {
                let stands_in = pairs
                    .iter()
                    .filter(|(_, covered)| covered.name == host.name);
                // Home has two web servers, and names that leave the cloud lead to both again.
                let wanted = if host.name == "cloud-web" { 2 } else { 1 };
                assert_eq!(stands_in.count(), wanted, "{}: {}", book.name(), host.name);
            }
        }
    }
}

#[test]
fn a_skip_that_is_over_is_an_error_on_that_day() {
    let brewery = folder().join("brewery.toml");
    assert!(read(&brewery, date(2035, 3, 31)).is_ok());
    let problems = read(&brewery, date(2035, 4, 1)).unwrap_err();
    assert_eq!(problems.list[0].code, "skip-over");
    let text = problems.to_string();
    assert!(
        text.contains("brewery.toml:") && text.contains("lib/website.toml:"),
        "{text}"
    );
}

#[test]
fn what_is_left_out_proves_nothing_to_lint() {
    let scratch = tempfile::tempdir().unwrap();
    let lib = scratch.path().join("lib");
    std::fs::create_dir(&lib).unwrap();
    std::fs::copy(folder().join("lib/website.toml"), lib.join("website.toml")).unwrap();
    let bakery = std::fs::read_to_string(folder().join("bakery.toml")).unwrap();
    let skip = "skip = { reason = \"why not\", until = 9999-12-31 }";
    let lint = |left_out: &[&str]| {
        let skips = left_out
            .iter()
            .map(|id| format!("[override.{id}]\n{skip}\n"));
        let text = format!("{bakery}\n{}", skips.collect::<String>());
        std::fs::write(scratch.path().join("bakery.toml"), text).unwrap();
        let output = cutover(scratch.path(), &["lint", "bakery.toml"]);
        text_of(&output)
    };
    let fine = lint(&["packages"]);
    assert!(
        fine.contains("7 steps; `packages` is left out until 9999-12-31: why not"),
        "{fine}"
    );
    let unproven = lint(&["works"]);
    assert!(
        unproven.contains("error[L202]") && unproven.contains("bakery.toml:"),
        "{unproven}"
    );
    let nothing = lint(&["flip"]);
    assert!(
        nothing.contains("the playbook changes nothing while `flip` is left out"),
        "{nothing}"
    );
    let unseen = lint(&["published", "public", "traffic"]);
    assert!(
        unseen.contains("nobody looks at what `flip` changed"),
        "{unseen}"
    );
}

#[test]
fn a_folder_is_all_playbooks_in_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = cutover(root, &["lint", "playbooks/twelve"]);
    let out = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{out}{}",
        text(&output.stderr)
    );
    for path in files() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let fine = format!("playbooks/twelve/{name}: fine: ");
        assert!(out.contains(&fine), "{out}");
    }
    assert!(!out.contains("lib/"), "{out}");
    let all = cutover(root, &["lint", "playbooks"]);
    let out = text(&all.stdout);
    assert_eq!(all.status.code(), Some(0), "{out}{}", text(&all.stderr));
    assert!(
        out.contains("playbooks/raspbian.toml") && out.contains("playbooks/twelve/choir.toml"),
        "{out}"
    );
}

#[test]
fn a_shared_file_that_nobody_includes_is_taken_for_a_playbook() {
    let scratch = tempfile::tempdir().unwrap();
    let shared = folder().join("lib/website.toml");
    std::fs::copy(shared, scratch.path().join("website.toml")).unwrap();
    let output = cutover(scratch.path(), &["lint", "."]);
    assert_eq!(output.status.code(), Some(3));
    let said = text_of(&output);
    assert!(said.contains("the file has no `[playbook]`"), "{said}");
    let empty = tempfile::tempdir().unwrap();
    let output = cutover(empty.path(), &["lint", "."]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("holds no playbook"));
}

#[test]
fn what_is_shown_is_a_playbook_that_needs_no_other_file() {
    let scratch = tempfile::tempdir().unwrap();
    for path in files() {
        let shown = cutover(&folder(), &["show-playbook", path.to_str().unwrap()]);
        assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
        let alone = scratch.path().join(path.file_name().unwrap());
        std::fs::write(&alone, &shown.stdout).unwrap();
        let again = cutover(scratch.path(), &["show-playbook", alone.to_str().unwrap()]);
        assert_eq!(text(&again.stdout), text(&shown.stdout));
    }
    let brewery = std::fs::read_to_string(scratch.path().join("brewery.toml")).unwrap();
    for line in [
        "# from lib/website.toml",
        "ttl = \"5m\"  # instead of \"60s\" from lib/website.toml",
        "key-id = { env = \"MYTHIC_KEY_ID\" }",
        "skip = { reason = \"home is upgraded to the next Debian last\", until = 2035-03-31 }  # added",
    ] {
        assert!(brewery.lines().any(|l| l == line), "{line}\n{brewery}");
    }
}

#[test]
fn a_file_that_cannot_be_included_is_told_by_the_program() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    std::fs::create_dir(at("folder")).unwrap();
    std::fs::write(at("large"), vec![b'#'; (1 << 20) + 1]).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let cases = [
        ("gone.toml", "No such file"),
        ("folder", "it is a folder"),
        ("large", "is larger than 1 MiB"),
        ("pipe", "it is a pipe, not a regular file"),
        ("site.toml", "an included file cannot include another one"),
    ];
    for (included, said) in cases {
        let head = format!("[playbook]\nname = \"site\"\ninclude = \"{included}\"\n");
        std::fs::write(at("site.toml"), head).unwrap();
        let output = cutover(scratch.path(), &["lint", "site.toml"]);
        assert_eq!(output.status.code(), Some(3), "{included}");
        let text = text_of(&output);
        assert!(
            text.contains(said) && text.contains("site.toml:3:11"),
            "{text}"
        );
    }
}

#[test]
fn a_proxy_of_both_sides_does_not_tell_which_one_serves() {
    let books = books();
    let choir = books.iter().find(|book| book.name() == "choir").unwrap();
    let site = choir.live(
        cutover::clock::Clock::real(),
        cutover::world::exec::Exec::new(),
    );
    let shared = site.shared_proxies();
    assert_eq!(shared.len(), 1);
    let sites = [choir.sites().0, choir.sites().1]
        .map(|name| (name.to_owned(), site.leading_to(name)))
        .into();
    let set = |key: &str, data: &str| {
        cutover::dns::RecordSet::new(key.parse().unwrap(), 60, [data]).unwrap()
    };
    let a = set("choir.example. A", "203.0.113.5");
    let aaaa = set("choir.example. AAAA", "2001:db8:15::10");
    assert_eq!(
        cutover::dns::active_site(&sites, [&a, &aaaa]),
        Active::Site("home".into())
    );
    assert_eq!(cutover::dns::active_site(&sites, [&a]), Active::Nowhere);
}
