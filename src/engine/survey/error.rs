//! Why there is no plan.

use crate::event::Unseen;
use crate::plan::MOST_ENTRIES;
use crate::words::count;

/// Why there is no plan. Nothing was touched.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    #[error("the playbook has no site `{given}`; it has `{}` and `{}`", .sites.0, .sites.1)]
    NoSuchSite {
        given: String,
        sites: (String, String),
    },
    #[error(
        "which site is active cannot be read from DNS: {why}; say where to go with `--to {}` or `--to {}`",
        .sites.0, .sites.1
    )]
    NoDirection {
        why: String,
        sites: (String, String),
    },
    #[error("failed to look at what `{step}` would change: {}", .why.detail)]
    Unseen { step: String, why: Unseen },
    #[error(
        "the plan would have {}, and one run can have {MOST_ENTRIES}; name fewer zones in the `dns` steps of one playbook (`zones`), and make another for the rest",
        count(*.0, "entry")
    )]
    TooMany(usize),
    #[error("DNS changed while the plan was made: {0}; look at who moves names, and run it again")]
    Moved(String),
    #[error(
        "where the names lead was read twice, since a record set says something else than the first time, and the second \
         time nobody answered; look at the name servers and at the provider, and run it again"
    )]
    LeadsUnseen,
    #[error("`{step}` cannot be done:{}", bullets(.reasons))]
    Refused { step: String, reasons: Vec<String> },
}

fn bullets(reasons: &[String]) -> String {
    reasons.iter().map(|r| format!("\n  - {r}")).collect()
}
