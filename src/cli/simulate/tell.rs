//! One life of a run as a story, followed in both layers.

use std::sync::Arc;

use super::displays;
use crate::event::Ending;
use crate::report::simulation::Story;
use crate::report::{Line, Role, Style};

use crate::simulate::{
    Limits, Machine, Model, Performer, Property, Script, difference, explore, tell, walk,
};

/// One life, told.
pub(super) struct Told {
    story: crate::simulate::Story,
    /// What does not hold in it.
    wrong: Vec<(Property, String)>,
    /// What to change, where something does not.
    mend: String,
    /// What the script names and what never came.
    unused: Vec<String>,
}

/// Follows a script in both layers; `limits` are those of a search, where the script alone cannot show what it
/// breaks.
pub(super) fn story(model: &Arc<Model>, script: &Script, limits: Limits) -> std::io::Result<Told> {
    let said = walk(model.as_ref(), &Machine, script);
    let performed = Performer::new(displays::print)?.perform(model, script);
    let mut wrong: Vec<(Property, String)> = Vec::new();
    let known = (said.broken.iter()).map(|(property, seen)| (*property, (*seen).to_owned()));
    let lapses = (performed.lapses.iter()).map(|lapse| (lapse.property, lapse.what.clone()));
    let differs = difference(model, &said, &performed).map(|how| (Property::Agreement, how));
    // That no run ends well is the story of the run in which nothing goes wrong, and only all others show it.
    let never = match script.0.is_empty() && said.ending != Some(Ending::Done) {
        true => explore(model.as_ref(), &Machine, limits).breaches,
        false => Vec::new(),
    };
    let never = (never.iter())
        .filter(|breach| breach.property == Property::SuccessReachable)
        .map(|breach| (breach.property, breach.seen.to_owned()));
    for (property, seen) in known.chain(lapses).chain(differs).chain(never) {
        if wrong.iter().all(|(other, _)| *other != property) {
            wrong.push((property, seen));
        }
    }
    let mend = (wrong.first()).map_or_else(String::new, |(property, seen)| {
        tell(model.as_ref(), &Machine, script, Some((*property, seen))).mend
    });
    Ok(Told {
        story: tell(model.as_ref(), &Machine, script, None),
        mend,
        wrong,
        unused: (said.unused.iter())
            .map(|twist| twist.name(&model.plan))
            .collect(),
    })
}

/// What breaks a property, for the report.
pub(super) fn broken(model: &Arc<Model>, property: Property, script: &Script, seen: &str) -> Story {
    let told = tell(model.as_ref(), &Machine, script, Some((property, seen)));
    Story {
        rule: property.name().to_owned(),
        name: told.name,
        lines: told.lines,
        mend: told.mend,
        step: told.step,
    }
}

impl Told {
    pub(super) fn holds(&self) -> bool {
        self.wrong.is_empty() && self.unused.is_empty()
    }

    pub(super) fn lines(&self, style: &Style) -> Vec<Line> {
        let mut lines = vec![Line::new().and(Role::Strong, &self.story.name), Line::new()];
        for (i, text) in self.story.lines.iter().enumerate() {
            let line = Line::new()
                .and(Role::Dim, format!("  {:>2}  ", i + 1))
                .text(text);
            lines.extend(line.wrap(style.width, 6));
        }
        lines.push(Line::new());
        for twist in &self.unused {
            let never =
                format!("  `{twist}` cannot strike there: the run never comes to that point");
            lines.extend(Line::new().and(Role::Bad, never).wrap(style.width, 4));
        }
        for (property, seen) in &self.wrong {
            let line = Line::new()
                .and(Role::Bad, format!("  {property} is broken: "))
                .text(seen);
            lines.extend(line.wrap(style.width, 4));
        }
        if !self.mend.is_empty() {
            let mend = Line::new().and(Role::Strong, "  to mend it: ");
            lines.extend(mend.text(&self.mend).wrap(style.width, 6));
        }
        if self.holds() {
            let both = "  every rule holds, and the real loop ends alike";
            lines.push(Line::new().and(Role::Good, both));
        }
        lines
    }
}
