//! Tables: their keys, which of them go together, and those whose keys depend on their `kind`.

use serde_json::{Map, Value as Json, json};

use super::forms;
use crate::field::{Field, Form};

/// One kind that a table may be of.
pub(super) struct Choice {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// A table of this kind, as a playbook would hold it.
    pub(super) example: &'static str,
    pub(super) fields: &'static [Field],
    /// For keys that all kinds have.
    pub(super) defaults: Vec<(&'static str, Json)>,
}

impl Choice {
    /// A rule for the tables of this kind.
    fn rule(&self, then: Json) -> Json {
        let is_it =
            json!({ "properties": { "kind": { "const": self.name } }, "required": ["kind"] });
        json!({ "if": is_it, "then": then })
    }
}

/// A table that may have these keys and no others.
pub(super) fn keys(fields: &[Field]) -> Json {
    json!({ "type": "object", "properties": properties(fields), "additionalProperties": false })
}

/// What must be there, and which keys go together.
pub(super) fn needs(fields: &[Field]) -> Json {
    let mut schema = Map::new();
    let required = fields.iter().filter(|field| field.required);
    let required: Vec<&str> = required.map(|field| field.name).collect();
    if !required.is_empty() {
        schema.insert("required".into(), json!(required));
    }
    let has = |keys: &[&str]| -> Vec<Json> {
        let each = keys.iter().map(|key| json!({ "required": [key] }));
        each.collect()
    };
    let mut rules: Vec<Json> = Vec::new();
    for field in fields {
        // Each of the keys declares the same: the first one speaks.
        if field.one_of.first() == Some(&field.name) {
            rules.push(json!({ "oneOf": has(field.one_of) }));
        }
        if field.any_of.first() == Some(&field.name) {
            rules.push(json!({ "anyOf": has(field.any_of) }));
        }
        if !field.only_with.is_empty() {
            let other = json!({ "anyOf": has(field.only_with) });
            rules.push(json!({ "dependencies": { field.name: other } }));
        }
        if !field.not_with.is_empty() {
            let other = json!({ "not": { "anyOf": has(field.not_with) } });
            rules.push(json!({ "dependencies": { field.name: other } }));
        }
    }
    if !rules.is_empty() {
        schema.insert("allOf".into(), rules.into());
    }
    schema.into()
}

/// Tables below free names.
pub(super) fn named(table: Json, reserved: &[&str]) -> Json {
    let mut names = json!({ "pattern": forms::PLAIN });
    if !reserved.is_empty() {
        names["not"] = json!({ "enum": reserved });
    }
    json!({ "type": "object", "propertyNames": names, "additionalProperties": table })
}

/// A table whose `kind` says which other keys it has, besides those that all have: for completion all that
/// there are, whatever the kind is.
pub(super) fn chosen_by_kind(common: &[Field], kinds: &[Choice]) -> Json {
    let mut all = properties(common);
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    all["kind"]["enum"] = json!(names);
    let each: Vec<Json> = kinds
        .iter()
        .map(|kind| {
            let keys = properties(kind.fields);
            json!({ "title": kind.name, "description": kind.about, "properties": keys })
        })
        .collect();
    json!({ "type": "object", "properties": all, "anyOf": each })
}

/// Which keys a table may have, once its kind is known.
pub(super) fn keys_of_kind(common: &[Field], kinds: &[Choice]) -> Json {
    let each = kinds.iter().map(|kind| {
        let mut schema = keys(kind.fields);
        schema["title"] = json!(kind.name);
        schema["description"] = json!(kind.about);
        for field in common {
            let default = kind.defaults.iter().find(|(name, _)| *name == field.name);
            let default = default.map(|(_, value)| json!({ "default": value }));
            schema["properties"][field.name] = default.unwrap_or_else(|| json!({}));
        }
        let example = toml::from_str::<Json>(kind.example).ok();
        if let Some(example) = example.as_ref().and_then(innermost) {
            schema["examples"] = json!([example]);
        }
        kind.rule(schema)
    });
    json!({ "allOf": each.collect::<Vec<Json>>() })
}

/// What must be there, once the kind is known.
pub(super) fn needs_of_kind(common: &[Field], kinds: &[Choice]) -> Json {
    let mut rules = vec![needs(common)];
    rules.extend(kinds.iter().map(|kind| kind.rule(needs(kind.fields))));
    json!({ "allOf": rules })
}

/// Keys to change of a step of some kind, which another file knows.
pub(super) fn overrides(common: &[Field], kinds: Vec<&[Field]>) -> Json {
    let mut all = properties(common);
    for fields in kinds {
        for (name, schema) in properties(fields).as_object().into_iter().flatten() {
            let known = &mut all[name.as_str()];
            if known.is_null() {
                *known = schema.clone();
            } else if type_of(known) != type_of(schema) {
                // Kinds that call different things the same.
                *known = json!({});
            }
        }
    }
    json!({ "type": "object", "properties": all, "additionalProperties": false })
}

/// A schema without its explanation.
fn type_of(schema: &Json) -> Json {
    let mut schema = schema.clone();
    if let Some(keys) = schema.as_object_mut() {
        keys.remove("description");
    }
    schema
}

/// The table of an example: what stands below `[[step]]` or `[providers.NAME]`.
fn innermost(example: &Json) -> Option<&Json> {
    match example.as_object()?.iter().next()? {
        (name, Json::Array(steps)) if name == "step" => steps.first(),
        (_, tables) => tables.as_object()?.values().next(),
    }
}

fn properties(fields: &[Field]) -> Json {
    let whole = |inner: &[Field]| {
        let mut schema = keys(inner);
        schema["allOf"] = json!([needs(inner)]);
        schema
    };
    let each = fields.iter().map(|field| {
        let mut schema = match field.form {
            Form::Table(inner) => whole(inner),
            Form::Tables(inner) => json!({ "type": "array", "items": whole(inner) }),
            form => forms::value(form),
        };
        schema["description"] = json!(field.about);
        (field.name.to_owned(), schema)
    });
    Json::Object(each.collect())
}
