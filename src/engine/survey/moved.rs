//! A name that somebody moves while a plan is made: where the names lead is read first, and their record sets later.

use super::SurveyError;
use crate::dns::Active;
use crate::engine::direction::split;
use crate::plan::{Direction, Entry, Mode, Stay};
use crate::step::{Found, Step};

/// Whether the record sets that were read may contradict where the names led before.
fn may_differ(
    first: &Active,
    direction: &Direction,
    entries: &[Entry],
    so: &[(&Step, Found)],
) -> bool {
    match first {
        Active::Site(site) if *site == direction.source => {
            so.iter().any(|(step, _)| step.kind.name == "dns")
        }
        Active::Site(_) => entries.iter().any(Entry::moves_names),
        Active::Split(_) => true,
        Active::Nowhere => false,
    }
}

/// Where the names lead, as the record sets of the plan have it. Where these may say something else than what was read
/// before them, it is read once more, since somebody may move a name meanwhile: then a planned run is made anew, and an
/// emergency tells where they lead now. Where that cannot be read, nobody knows: a planned run is refused, and an
/// emergency told.
pub(super) async fn leads(
    first: Option<Active>,
    direction: &Direction,
    entries: &[Entry],
    so: &[(&Step, Found)],
    like: Mode,
    anew: impl Future<Output = Option<Active>>,
) -> Result<(Option<Active>, Option<Stay>), SurveyError> {
    let doubt = |first: &Active| may_differ(first, direction, entries, so);
    if !first.as_ref().is_some_and(doubt) {
        return Ok((first, None));
    }
    match anew.await {
        None if like == Mode::Emergency => {
            let told = Stay {
                what: "where the names lead".to_owned(),
                why: "a record set says something else than was read before it, and nobody answered again"
                    .to_owned(),
            };
            Ok((first, Some(told)))
        }
        None => Err(SurveyError::LeadsUnseen),
        now if now == first => Ok((now, None)),
        Some(now) if like == Mode::Emergency => {
            let told = Stay {
                what: "where the names lead".to_owned(),
                why: format!("one was moved while the plan was made: {}", in_words(&now)),
            };
            Ok((Some(now), Some(told)))
        }
        Some(now) => Err(SurveyError::Moved(in_words(&now))),
    }
}

fn in_words(now: &Active) -> String {
    match now {
        Active::Site(site) => format!("the names lead to `{site}` now"),
        Active::Split(leads) => format!("now {}", split(leads)),
        Active::Nowhere => "no record set of a service leads to either site now".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake;

    /// Where the names are said to lead by a plan that moves names or not, read first so, and anew so.
    async fn of(first: &str, moves_names: bool, anew: &str) -> Result<String, String> {
        let mut plan = fake::plan(Mode::Failover, "c");
        if moves_names {
            plan.entries[0].kind = "dns".into();
        }
        let site = |name: &str| Some(Active::Site(name.to_owned()));
        let (direction, entries) = (&plan.direction, &plan.entries);
        let anew = async { site(anew) };
        let found = leads(site(first), direction, entries, &[], Mode::Failover, anew).await;
        match found.map_err(|moved| moved.to_string())?.0 {
            Some(Active::Site(name)) => Ok(name),
            other => Err(format!("{other:?}")),
        }
    }

    #[tokio::test]
    async fn where_the_names_lead_is_read_anew_where_a_record_set_says_otherwise() {
        let direction = fake::plan(Mode::Failover, "c").direction;
        let (source, target) = (direction.source.as_str(), direction.target.as_str());
        // What moves was read to be at the source, as the names are.
        assert_eq!(of(source, true, target).await.as_deref(), Ok(source));
        // Names that lead to the target, and one that moves there.
        let moved = of(target, true, source).await.unwrap_err();
        let told = format!("the names lead to `{source}` now");
        assert!(moved.contains(&told), "{moved}");
        assert_eq!(of(target, true, target).await.as_deref(), Ok(target));
        // Nothing that moves says otherwise.
        assert_eq!(of(target, false, source).await.as_deref(), Ok(target));
    }
}
