//! One life of a run as a story, followed in both layers.

use std::sync::Arc;

use super::displays;
use crate::report::simulation::Story;
use crate::report::{Line, Role, Style};

use crate::simulate::{Machine, Model, Performer, Property, Script, difference, tell, walk};

/// One life, told.
pub(super) struct Told {
    story: crate::simulate::Story,
    /// What does not hold in it.
    wrong: Vec<(Property, String)>,
    /// What the script names and what never came.
    unused: Vec<String>,
}

/// Follows a script in both layers.
pub(super) fn story(model: &Arc<Model>, script: &Script) -> std::io::Result<Told> {
    let said = walk(model.as_ref(), &Machine, script);
    let performed = Performer::new(displays::print)?.perform(model, script);
    let mut wrong: Vec<(Property, String)> = Vec::new();
    let known = (said.broken.iter()).map(|(property, seen)| (*property, (*seen).to_owned()));
    let lapses = (performed.lapses.iter()).map(|lapse| (lapse.property, lapse.what.clone()));
    let differs = difference(model, &said, &performed).map(|how| (Property::Agreement, how));
    for (property, seen) in known.chain(lapses).chain(differs) {
        if wrong.iter().all(|(other, _)| *other != property) {
            wrong.push((property, seen));
        }
    }
    Ok(Told {
        story: tell(model.as_ref(), &Machine, script, None),
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
        if self.holds() {
            let both = "  every rule holds, and the real loop ends alike";
            lines.push(Line::new().and(Role::Good, both));
        }
        lines
    }
}
