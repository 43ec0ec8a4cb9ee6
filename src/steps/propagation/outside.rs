//! Names of services in no zone of the playbook: no server of theirs is known, so this machine's resolvers are asked.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Fact, Unseen};
use crate::plan::Outcome;
use crate::site::{Aim, Site};
use crate::world::names::{self, Asked};

/// One name, and where it leads.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Outside {
    name: String,
    /// The addresses, and those of them that belong to the sites, as the playbook had them.
    told: Result<BTreeSet<IpAddr>, Unseen>,
    active: Vec<IpAddr>,
    idle: Vec<IpAddr>,
}

pub(super) async fn look(site: &Site, aim: &Aim, name: String, patience: Duration) -> Outside {
    let found = names::addresses(&name, &Asked::System, patience).await;
    let told = found.map(|found| found.iter().map(|at| at.ip).collect::<BTreeSet<_>>());
    let of = |side: &str| {
        let ours = site.leading_to(side);
        let all = told.iter().flatten().copied();
        all.filter(|ip| ours.contains(ip)).collect()
    };
    Outside {
        active: of(&aim.active),
        idle: of(&aim.idle),
        name,
        told,
    }
}

impl Outside {
    /// Its row. No step moves such a name, so waiting for it mends nothing; whether the service moved is not known
    /// where it is not seen to lead there.
    pub(super) fn row(&self, active: &str, idle: &str) -> Fact {
        let listed = |ips: &mut dyn Iterator<Item = &IpAddr>| {
            let texts: Vec<String> = ips.map(ToString::to_string).collect();
            texts.join(" ")
        };
        let (outcome, leads) = match &self.told {
            _ if !self.idle.is_empty() => {
                let at = listed(&mut self.idle.iter());
                (Outcome::Late, format!("leads to {idle} ({at})"))
            }
            Err(unseen) => (
                Outcome::Unknown,
                format!("where it leads could not be told: {}", unseen.detail),
            ),
            Ok(_) if !self.active.is_empty() => (Outcome::Pass, format!("leads to {active}")),
            Ok(ips) if ips.is_empty() => (Outcome::Unknown, "has no address".to_owned()),
            Ok(ips) => {
                let at = listed(&mut ips.iter());
                (Outcome::Unknown, format!("leads to neither site ({at})"))
            }
        };
        Fact {
            outcome,
            what: self.name.clone(),
            expected: format!("leads to {active}"),
            actual: format!("it is in no zone of the playbook, and {leads}"),
        }
    }
}
