//! A simulation as one page that stands alone: no script, no font, no picture from anywhere.

use std::fmt::Write;
use std::time::Duration;

use super::text::{arrives_once, name};
use super::{Cell, Column, Matrix, Simulated, Simulation, Story, Times, Took, again};
use crate::clock::short;
use crate::event::Ending;
use crate::plan::Mode;
use crate::report::ended::ending_phrase;
use crate::report::numbers::{count, thousands};
use crate::report::text::clean;

const STYLE: &str = include_str!("page.css");

/// The page of several simulations.
pub fn simulations_html(all: &[Simulation]) -> String {
    let mut body = String::new();
    let broken = all.iter().filter(|found| !found.holds()).count();
    let verdict = match broken {
        0 => "<p class=\"verdict good\">Every rule holds, whatever happens.</p>".to_owned(),
        _ => format!(
            "<p class=\"verdict bad\">Something is broken in {}.</p>",
            escaped(&count(broken, "playbook"))
        ),
    };
    push(&mut body, &verdict);
    if all.len() > 1 {
        push(&mut body, &contents(all));
    }
    push(&mut body, &legend(all));
    for found in all {
        push(&mut body, &section(found));
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>cutover simulate</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>All that can happen</h1>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// What the words of the cells and the heads of the columns mean.
fn legend(all: &[Simulation]) -> String {
    let mut faults: Vec<&Column> = Vec::new();
    for run in all.iter().flat_map(|found| &found.runs) {
        for column in &run.matrix.columns {
            if faults.iter().all(|other| other.name != column.name) {
                faults.push(column);
            }
        }
    }
    let faults: String = (faults.iter())
        .map(|fault| {
            let (name, sentence) = (escaped(&fault.name), escaped(&fault.sentence));
            format!("<div><dt>{name}</dt><dd>{sentence}</dd></div>\n")
        })
        .collect();
    format!("{LEGEND}<dl>\n{faults}</dl>\n</section>\n")
}

const LEGEND: &str = "<section class=\"legend\">\n<h2>How to read it</h2>\n<p>Each cell stands for the runs in \
which this one fault strikes at this step, and shows the worst of their endings. A run that was killed or stopped \
is resumed; a person who is asked leaves everything as it is. Point at a cell to see the name of its story, and \
tell it again with <code>cutover simulate PLAYBOOK --story NAME</code>. Where a cell is empty, the fault cannot \
strike, or strikes several steps at once and is shown at the first of them.</p>\n<ul>\n\
<li><span class=\"done\">done</span> as asked, and seen so</li>\n\
<li><span class=\"unseen\">unseen</span> as asked, but not everything was seen</li>\n\
<li><span class=\"before\">before</span> everything is as it was before</li>\n\
<li><span class=\"person\">person</span> held where a person must decide</li>\n\
<li><span class=\"person\">stopped</span> stopped on request</li>\n\
<li><span class=\"broken\">BROKEN</span> a rule does not hold</li>\n</ul>\n<h3>The faults</h3>\n";

fn push(body: &mut String, part: &str) {
    body.push_str(part);
    body.push('\n');
}

/// Text of unknown origin, harmless in a page.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A mark to jump to.
fn anchor(found: &Simulation) -> String {
    escaped(&found.file.replace([' ', '/', '.'], "-"))
}

fn contents(all: &[Simulation]) -> String {
    let mut rows = String::new();
    for found in all {
        let states: u64 = found.runs.iter().map(|run| run.states).sum();
        let (class, verdict) = match found.holds() {
            true => ("good", "holds"),
            false => ("bad", "broken"),
        };
        let times = (found.runs.iter())
            .find(|run| run.mode == Mode::Failover)
            .and_then(|run| run.times.as_ref());
        let whole = times.map(|times| &times.whole);
        let span = |span: Option<Duration>| span.map_or_else(|| "–".to_owned(), short);
        let slow = match times.and_then(|times| Some(times.whole.worst > times.rto?)) {
            Some(true) => " late",
            _ => "",
        };
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\"><a href=\"#{}\">{}</a></th><td>{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td><td class=\"number{slow}\">{}</td><td class=\"number\">{}</td>\
             <td class=\"{class}\">{verdict}</td></tr>",
            anchor(found),
            escaped(&found.playbook),
            escaped(&found.file),
            number(states),
            escaped(&span(whole.map(|took| took.median))),
            escaped(&span(whole.map(|took| took.worst))),
            escaped(&span(times.and_then(|times| times.rto))),
        );
    }
    format!(
        "<div class=\"wide\"><table>\n<thead><tr><th>playbook</th><th>file</th><th class=\"number\">states</th>\
         <th class=\"number\">failover: median</th><th class=\"number\">worst</th><th class=\"number\">RTO</th>\
         <th></th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>"
    )
}

fn number(n: u64) -> String {
    escaped(&thousands(usize::try_from(n).unwrap_or(usize::MAX)))
}

fn section(found: &Simulation) -> String {
    let mut out = format!(
        "<section id=\"{}\">\n<h2>{} <small>{}</small></h2>\n<p>From <b>{}</b> to <b>{}</b>, with up to {} in \
         one run.</p>\n",
        anchor(found),
        escaped(&found.playbook),
        escaped(&found.file),
        escaped(&found.direction.source),
        escaped(&found.direction.target),
        escaped(&count(usize::from(found.faults), "fault")),
    );
    for run in &found.runs {
        for story in &run.broken {
            out += &told(found, run.mode, story);
        }
    }
    out += &explored(&found.runs);
    for run in &found.runs {
        out += &matrix(run);
    }
    for run in &found.runs {
        if let Some(times) = &run.times {
            out += &timing(run.mode, times);
        }
    }
    out += "<h3>What must hold</h3>\n<ul class=\"rules\">\n";
    for rule in &found.rules {
        let (class, word) = match rule.holds {
            true => ("good", "holds"),
            false => ("bad", "BROKEN"),
        };
        let _ = writeln!(
            out,
            "<li><span class=\"{class}\">{word}</span> {} <code>{}</code></li>",
            escaped(&rule.sentence),
            escaped(&rule.name)
        );
    }
    out + "</ul>\n</section>\n"
}

fn told(found: &Simulation, mode: Mode, story: &Story) -> String {
    let mut out = format!(
        "<article class=\"story\">\n<h3>{} is broken in a {}</h3>\n<ol>\n",
        escaped(&story.rule),
        name(mode),
    );
    for line in &story.lines {
        let _ = writeln!(out, "<li>{}</li>", escaped(line));
    }
    out += "</ol>\n";
    if !story.mend.is_empty() {
        let _ = writeln!(out, "<p><b>To mend it:</b> {}</p>", escaped(&story.mend));
    }
    out + &format!(
        "<p><code>{}</code></p>\n</article>\n",
        escaped(&again(&found.file, &story.name))
    )
}

fn explored(runs: &[Simulated]) -> String {
    let mut rows = String::new();
    for run in runs {
        let endings: Vec<String> = (run.endings.iter())
            .map(|(ending, states)| {
                format!("{} × {}", number(*states), ending_phrase(*ending, run.mode))
            })
            .collect();
        let left_out = match run.complete {
            true => "",
            false => " <span class=\"bad\">not all was explored</span>",
        };
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\">{}</th><td class=\"number\">{}{left_out}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td><td class=\"endings\">{}</td></tr>",
            name(run.mode),
            number(run.states),
            number(run.transitions),
            number(run.performed),
            escaped(&endings.join("; ")),
        );
    }
    format!(
        "<div class=\"wide\"><table>\n<thead><tr><th>run</th><th class=\"number\">states</th><th class=\"number\">transitions</th>\
         <th class=\"number\">through the real loop</th><th>endings</th></tr></thead>\n<tbody>\n{rows}</tbody>\n\
         </table></div>\n"
    )
}

/// The class and the word of a cell.
fn shown(cell: &Cell) -> (&'static str, &'static str) {
    if cell.broken {
        return ("broken", "BROKEN");
    }
    match cell.ending {
        Ending::Done => ("done", "done"),
        Ending::DoneUnproven => ("unseen", "unseen"),
        Ending::Undone | Ending::Refused | Ending::Stale => ("before", "before"),
        Ending::Held => ("person", "person"),
        Ending::Stopped => ("person", "stopped"),
    }
}

fn matrix(run: &Simulated) -> String {
    let Matrix { columns, rows } = &run.matrix;
    if rows.is_empty() {
        return String::new();
    }
    let mut head = String::new();
    for column in columns {
        let _ = write!(
            head,
            "<th scope=\"col\" title=\"{}\"><span>{}</span></th>",
            escaped(&column.sentence),
            escaped(&column.name)
        );
    }
    let mut body = String::new();
    for row in rows {
        let _ = write!(body, "<tr><th scope=\"row\">{}</th>", escaped(&row.step));
        for cell in &row.cells {
            match cell {
                None => body.push_str("<td class=\"none\"></td>"),
                Some(cell) => {
                    let (class, word) = shown(cell);
                    let _ = write!(
                        body,
                        "<td class=\"{class}\" title=\"{}\">{word}</td>",
                        escaped(&cell.story)
                    );
                }
            }
        }
        body.push_str("</tr>\n");
    }
    format!(
        "<h3>Step by fault: {}</h3>\n<div class=\"wide\"><table class=\"matrix\">\n<thead><tr><th></th>{head}\
         </tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n",
        name(run.mode)
    )
}

fn timing(mode: Mode, times: &Times) -> String {
    let longest = (times.steps.iter().map(|(_, took)| took.worst))
        .chain([times.whole.worst])
        .chain(times.rto)
        .max()
        .unwrap_or_default()
        .as_secs_f64()
        .max(1.0);
    let percent = |span: Duration| span.as_secs_f64() * 100.0 / longest;
    let row = |step: &str, took: &Took| {
        format!(
            "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td><td class=\"number\">{}</td>\
             <td class=\"bars\" title=\"{}\"><div class=\"worst\" style=\"width:{:.1}%\"></div>\
             <div class=\"median\" style=\"width:{:.1}%\"></div></td></tr>\n",
            escaped(step),
            escaped(&short(took.median)),
            escaped(&short(took.worst)),
            escaped(took.story.as_deref().unwrap_or("nothing goes wrong")),
            percent(took.worst),
            percent(took.median),
        )
    };
    let mut rows = String::new();
    for (step, took) in &times.steps {
        rows += &row(step, took);
    }
    rows += &row("in all", &times.whole);
    let against = match times.rto {
        None if arrives_once(mode) => "No RTO is promised.".to_owned(),
        None => String::new(),
        Some(rto) if times.whole.worst <= rto => {
            format!("Within the RTO of {}.", short(rto))
        }
        Some(rto) if times.whole.median <= rto => {
            format!("The worst is over the RTO of {}.", short(rto))
        }
        Some(rto) => format!("Over the RTO of {}.", short(rto)),
    };
    format!(
        "<h3>How long: {}</h3>\n<p>Of the runs that arrive, in the fake world. {}</p>\n<div \
         class=\"wide\"><table class=\"times\">\n<thead><tr><th>step</th><th class=\"number\">median</th><th \
         class=\"number\">worst</th><th></th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n",
        name(mode),
        escaped(&against)
    )
}
