//! JUnit XML, as continuous integration shows it: suites of cases, each with what came of it.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::text::clean;

/// Cases that belong together: those of one playbook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suite {
    pub name: String,
    pub cases: Vec<Case>,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The same from run to run, so that a history can be kept of it.
    pub name: String,
    /// What it belongs to, where many suites are listed together.
    pub class: String,
    /// The file to open.
    pub file: Option<String>,
    pub time: Option<Duration>,
    pub came: Came,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    Pass,
    /// JUnit knows no warnings: it passes, and says so in its output.
    Warn {
        text: String,
    },
    Fail {
        /// One line.
        message: String,
        text: String,
    },
    Skip {
        message: String,
    },
}

/// The suites as one document.
pub fn document(name: &str, suites: &[Suite]) -> Result<String, SerializeError> {
    let mut report = Report::new(name);
    report.add_test_suites(suites.iter().map(suite));
    report.to_string()
}

fn suite(suite: &Suite) -> TestSuite {
    let mut xml = TestSuite::new(harmless(&suite.name));
    xml.add_test_cases(suite.cases.iter().map(case));
    let times: Vec<Duration> = suite.cases.iter().filter_map(|case| case.time).collect();
    if !times.is_empty() {
        xml.set_time(times.iter().sum());
    }
    xml
}

fn case(case: &Case) -> TestCase {
    let mut status = match &case.came {
        Came::Pass | Came::Warn { .. } => TestCaseStatus::success(),
        Came::Fail { .. } => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Came::Skip { .. } => TestCaseStatus::skipped(),
    };
    match &case.came {
        Came::Fail { message, text } => {
            status.set_message(harmless(message));
            status.set_description(harmless(text));
        }
        Came::Skip { message } => {
            status.set_message(harmless(message));
        }
        Came::Pass | Came::Warn { .. } => {}
    }
    let mut xml = TestCase::new(harmless(&case.name), status);
    xml.set_classname(harmless(&case.class));
    if let Some(file) = &case.file {
        xml.extra.insert("file".into(), harmless(file).into());
    }
    if let Some(time) = case.time {
        xml.set_time(time);
    }
    if let Came::Warn { text } = &case.came {
        xml.set_system_out(harmless(text));
    }
    xml
}

/// Each line without what would steer a terminal or reorder text, nor what XML cannot hold in any form.
fn harmless(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(clean).collect();
    lines
        .join("\n")
        .replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_form() {
        let case = |name: &str, time: Option<u64>, came: Came| Case {
            name: name.to_owned(),
            class: "site".to_owned(),
            file: Some("playbooks/site.toml".to_owned()),
            time: time.map(Duration::from_millis),
            came,
        };
        let fail = Came::Fail {
            message: "`a` < \"b\" & \u{1b}[2J\u{ffff}".to_owned(),
            text: "line 1\n  line ]]> 2\u{202e}".to_owned(),
        };
        let warn = Came::Warn {
            text: "worth a look\n".to_owned(),
        };
        let skip = Came::Skip {
            message: "not reached".to_owned(),
        };
        let suites = [
            Suite {
                name: "site".to_owned(),
                cases: vec![
                    case("passes", Some(1500), Came::Pass),
                    case("warns", None, warn),
                    case("fails", Some(250), fail),
                    case("is skipped", None, skip),
                ],
            },
            Suite {
                name: "nothing to try".to_owned(),
                cases: Vec::new(),
            },
        ];
        let xml = document("cutover simulate", &suites).unwrap();
        insta::assert_snapshot!(xml, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="cutover simulate" tests="4" skipped="1" failures="1" errors="0">
            <testsuite name="site" tests="4" skipped="1" errors="0" failures="1" time="1.750">
                <testcase name="passes" classname="site" time="1.500" file="playbooks/site.toml"/>
                <testcase name="warns" classname="site" file="playbooks/site.toml">
                    <system-out>worth a look
        </system-out>
                </testcase>
                <testcase name="fails" classname="site" time="0.250" file="playbooks/site.toml">
                    <failure message="`a` &lt; &quot;b&quot; &amp; \u{1b}[2J�">line 1
          line ]]&gt; 2\u{202e}</failure>
                </testcase>
                <testcase name="is skipped" classname="site" file="playbooks/site.toml">
                    <skipped message="not reached"/>
                </testcase>
            </testsuite>
            <testsuite name="nothing to try" tests="0" skipped="0" errors="0" failures="0"/>
        </testsuites>
        "#);
    }
}
