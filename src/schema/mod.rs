//! The JSON Schema of playbooks, made from the same declarations that the parser reads.
//!
//! It is draft 7: the newest one that taplo, the language server behind Even Better TOML, takes. Two things
//! follow from how taplo reads a schema. It completes keys from `properties` and `anyOf` and never looks into
//! `then`, so the keys of each kind stand in an `anyOf` too; that one hardly ever fails, and the exact
//! messages come from `if` and `then`. And references hide what stands beside them, so there are none.
//!
//! The same schema serves a file that playbooks include, which has no `[playbook]`. Where something is
//! included, a table may stand partly here and partly there: what must be there is asked for only in a
//! playbook that includes nothing.
//!
//! What needs knowledge of other tables (whether a host is defined) or of values (an address that is of no
//! machine) is the parser's: whatever the schema refuses the parser refuses too, and not the other way round.

mod forms;
mod table;

use serde_json::{Map, Value as Json, json};

use crate::playbook::{RESERVED, ROOT, Registry, TABLES, Table};
use crate::step::Kind;
use table::{Choice, chosen_by_kind, keys, keys_of_kind, named, needs, needs_of_kind, overrides};

/// The schema of playbooks that name these kinds and providers.
pub fn schema(registry: &Registry) -> Json {
    let (mut here, mut complete) = (Map::new(), Map::new());
    for name in ROOT {
        let Some(table) = TABLES.iter().find(|table| table.name() == *name) else {
            continue;
        };
        let (mut schema, needed) = root(registry, table);
        schema["description"] = json!(table.about);
        here.insert((*name).to_owned(), schema);
        complete.insert((*name).to_owned(), needed);
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Playbook of cutover",
        "description": "How live services move from one site to another, and how it is seen that they did",
        "type": "object",
        "additionalProperties": false,
        "properties": here,
        "if": {
            "required": ["playbook"],
            "properties": { "playbook": { "not": { "required": ["include"] } } },
        },
        "then": { "required": ["hosts", "step"], "properties": complete },
    })
}

/// What may stand below one key of the top level, and what must where nothing is included.
fn root(registry: &Registry, table: &Table) -> (Json, Json) {
    let below = |needed: Json| json!({ "additionalProperties": needed });
    match table.name() {
        "step" => {
            let kinds = steps(registry);
            let mut step = chosen_by_kind(table.fields, &kinds);
            // A step stands in one file, and is complete there.
            step["allOf"] = json!([
                keys_of_kind(table.fields, &kinds),
                needs_of_kind(table.fields, &kinds)
            ]);
            let steps = json!({ "type": "array", "minItems": 1, "items": step });
            (steps, json!({}))
        }
        "override" => {
            let fields = registry.kinds.iter().map(|kind| kind.fields);
            let step = overrides(table.fields, fields.collect());
            let schema = json!({ "type": "object", "additionalProperties": step });
            (schema, json!({}))
        }
        "providers" => {
            let kinds = providers(registry);
            let mut provider = chosen_by_kind(table.fields, &kinds);
            provider["allOf"] = json!([keys_of_kind(table.fields, &kinds)]);
            let needed = needs_of_kind(table.fields, &kinds);
            (named(provider, RESERVED), below(needed))
        }
        "zones" => {
            let mut zones = named(keys(table.fields), &[]);
            zones["propertyNames"] = json!({ "pattern": forms::NAME });
            (zones, below(needs(table.fields)))
        }
        "hosts" => {
            let mut needed = below(needs(table.fields));
            needed["minProperties"] = json!(2);
            (named(keys(table.fields), RESERVED), needed)
        }
        "services" => {
            let services = named(keys(table.fields), RESERVED);
            (services, below(needs(table.fields)))
        }
        _ => {
            let mut schema = keys(table.fields);
            schema["allOf"] = json!([needs(table.fields)]);
            (schema, json!({}))
        }
    }
}

fn steps(registry: &Registry) -> Vec<Choice> {
    let kinds = registry.kinds.iter().map(|kind| Choice {
        name: kind.name,
        about: kind.summary,
        example: kind.example,
        fields: kind.fields,
        defaults: defaults(kind),
    });
    kinds.collect()
}

fn providers(registry: &Registry) -> Vec<Choice> {
    let kinds = registry.providers.iter().map(|kind| Choice {
        name: kind.name,
        about: kind.summary,
        example: kind.example,
        fields: kind.fields,
        defaults: Vec::new(),
    });
    kinds.collect()
}

/// What a kind takes where a step says nothing.
fn defaults(kind: &Kind) -> Vec<(&'static str, Json)> {
    let span = |span| json!(humantime::format_duration(span).to_string());
    vec![
        ("within", span(kind.defaults.within)),
        ("every", span(kind.defaults.every)),
        ("timeout", span(kind.defaults.timeout)),
        ("blocks", json!(kind.defaults.blocks.word())),
        ("on-fail", json!(kind.defaults.on_fail.word())),
        ("temporary", json!(false)),
    ]
}
