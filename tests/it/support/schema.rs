//! The JSON Schemas of the documents, and a checker for the keywords that they use.
//!
//! The checker rejects unknown keywords, so that a schema has no part that is not tested.

use std::fs;
use std::path::PathBuf;

use regex::Regex;
use serde_json::Value;

/// The commands whose documents have a schema.
pub const COMMANDS: [&str; 11] = [
    "ls", "du", "show", "blobs", "files", "diff", "check", "find", "prune", "repair", "why",
];

/// Keywords for people.
const NOTES: [&str; 6] = ["$schema", "$id", "$defs", "title", "description", "format"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/schema")
}

/// Returns the schema of a command's documents.
pub fn schema(command: &str) -> Value {
    let text = fs::read_to_string(folder().join(format!("{command}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Panics if a document violates the schema of its command. Documents without a command, or of a
/// command without a schema, pass.
pub fn assert_valid(document: &Value) {
    let command = document.get("command").and_then(Value::as_str);
    let Some(command) = command.filter(|command| COMMANDS.contains(command)) else {
        return;
    };
    let faults = faults(&schema(command), document, Unknown::Allowed);
    assert!(faults.is_empty(), "{command}: {}", faults.join("\n"));
}

/// How to treat fields that a schema does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// They pass: fields may be added.
    Allowed,
    /// They are faults: the schema should name all fields.
    Refused,
}

/// Returns the faults of a document.
pub fn faults(schema: &Value, document: &Value, unknown: Unknown) -> Vec<String> {
    let mut checker = Checker {
        root: schema,
        unknown,
        faults: Vec::new(),
    };
    checker.check(schema, document, "");
    checker.faults
}

struct Checker<'a> {
    root: &'a Value,
    unknown: Unknown,
    faults: Vec<String>,
}

impl Checker<'_> {
    fn fault(&mut self, place: &str, what: impl std::fmt::Display) {
        self.faults.push(format!("{place}: {what}"));
    }

    fn is_valid(&self, schema: &Value, value: &Value) -> bool {
        let mut checker = Checker {
            root: self.root,
            unknown: self.unknown,
            faults: Vec::new(),
        };
        checker.check(schema, value, "");
        checker.faults.is_empty()
    }

    fn check(&mut self, schema: &Value, value: &Value, place: &str) {
        for (keyword, wanted) in schema.as_object().unwrap() {
            match keyword.as_str() {
                "$ref" => {
                    let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    let root = self.root;
                    self.check(&root["$defs"][name], value, place);
                }
                "type" => {
                    let is_one = |name: &Value| is_of_type(value, name.as_str().unwrap());
                    let is_right = match wanted {
                        Value::Array(names) => names.iter().any(is_one),
                        name => is_one(name),
                    };
                    if !is_right {
                        self.fault(place, format_args!("{value} is not of type {wanted}"));
                    }
                }
                "const" if value != wanted => {
                    self.fault(place, format_args!("{value} is not {wanted}"));
                }
                "enum" if !wanted.as_array().unwrap().contains(value) => {
                    self.fault(place, format_args!("{value} is none of {wanted}"));
                }
                "pattern" => {
                    let pattern = Regex::new(wanted.as_str().unwrap()).unwrap();
                    if value.as_str().is_some_and(|text| !pattern.is_match(text)) {
                        self.fault(place, format_args!("{value} does not match {wanted}"));
                    }
                }
                "minimum" if value.as_f64() < wanted.as_f64() && value.is_number() => {
                    self.fault(place, format_args!("{value} is less than {wanted}"));
                }
                "required" if value.is_object() => {
                    for name in wanted.as_array().unwrap() {
                        if value.get(name.as_str().unwrap()).is_none() {
                            self.fault(place, format_args!("{name} is missing"));
                        }
                    }
                }
                "properties" => self.properties(wanted, value, place),
                "items" => {
                    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(wanted, item, &format!("{place}[{at}]"));
                    }
                }
                "anyOf" => {
                    let schemas = wanted.as_array().unwrap();
                    if !schemas.iter().any(|schema| self.is_valid(schema, value)) {
                        self.fault(place, format_args!("{value} is none of {wanted}"));
                    }
                }
                "const" | "enum" | "minimum" | "required" => {}
                note if NOTES.contains(&note) => {}
                keyword => panic!("the checker does not know `{keyword}`"),
            }
        }
    }

    fn properties(&mut self, wanted: &Value, value: &Value, place: &str) {
        for (name, value) in value.as_object().into_iter().flatten() {
            let place = format!("{place}.{name}");
            match wanted.get(name) {
                Some(schema) => self.check(schema, value, &place),
                None if self.unknown == Unknown::Refused => {
                    self.fault(&place, "the schema does not name it");
                }
                None => {}
            }
        }
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        name => panic!("there is no type `{name}`"),
    }
}
