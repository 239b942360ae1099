//! The JSON Schemas of the documents, and a checker for the keywords that they use.
//!
//! The schemas allow fields that they do not name, because a later version may add some. The
//! checker does not: a new field needs a line in the schema. It also rejects unknown keywords, so a
//! schema has no part that is not tested.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use regex::Regex;
use serde_json::Value;

/// Keywords for people.
const NOTES: [&str; 6] = ["$schema", "$id", "$defs", "title", "description", "format"];

/// The commands that print a document only when they fail.
const FAILING: [&str; 7] = [
    "ui",
    "demo",
    "cat",
    "completions",
    "complete",
    "man",
    "help",
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/schema")
}

/// Returns the names of all schemas.
pub fn names() -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let names = files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Returns the name of the schema for the documents of a command.
pub fn name_of(command: &str) -> &str {
    match command.split_whitespace().next() {
        Some("config") => "config",
        _ if FAILING.contains(&command) => "failure",
        _ => command,
    }
}

/// Returns the schema with this name.
pub fn schema(name: &str) -> Value {
    let text = fs::read_to_string(folder().join(format!("{name}.json")))
        .unwrap_or_else(|error| panic!("no schema of `{name}`: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// Panics if a document violates the schema of its command. SARIF, which has no command, passes.
pub fn assert_valid(document: &Value) {
    let Some(command) = document.get("command").and_then(Value::as_str) else {
        return;
    };
    let faults = faults(&schema(name_of(command)), document);
    assert!(faults.is_empty(), "{command}: {}", faults.join("\n"));
}

/// Returns the faults of a document.
pub fn faults(schema: &Value, document: &Value) -> Vec<String> {
    let mut checker = Checker::new(schema);
    checker.check(schema, document, "", "");
    checker.faults
}

/// The optional properties in some documents: whether a document has one, and whether one lacks it.
pub type Coverage = BTreeMap<String, (bool, bool)>;

/// Returns which optional properties of a schema are in the documents.
pub fn coverage<'a>(schema: &Value, documents: impl IntoIterator<Item = &'a Value>) -> Coverage {
    let mut checker = Checker::new(schema);
    for document in documents {
        checker.check(schema, document, "", "");
    }
    checker.coverage
}

struct Checker<'a> {
    root: &'a Value,
    faults: Vec<String>,
    coverage: Coverage,
}

impl<'a> Checker<'a> {
    fn new(root: &'a Value) -> Self {
        Self {
            root,
            faults: Vec::new(),
            coverage: Coverage::new(),
        }
    }

    fn fault(&mut self, place: &str, what: impl std::fmt::Display) {
        self.faults.push(format!("{place}: {what}"));
    }

    /// Checks a value at `place` of the document against a schema at `path` of the root.
    fn check(&mut self, schema: &Value, value: &Value, place: &str, path: &str) {
        for (keyword, wanted) in schema.as_object().unwrap() {
            match keyword.as_str() {
                "$ref" => {
                    let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    let root = self.root;
                    self.check(&root["$defs"][name], value, place, &format!("${name}"));
                }
                "properties" => self.properties(schema, value, place, path),
                "additionalProperties" => self.others(schema, value, place, path),
                "items" => {
                    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                        let place = format!("{place}[{at}]");
                        self.check(wanted, item, &place, &format!("{path}[]"));
                    }
                }
                "anyOf" => self.any_of(wanted, value, place, path),
                "required" if value.is_object() => {
                    for name in wanted.as_array().unwrap() {
                        if value.get(name.as_str().unwrap()).is_none() {
                            self.fault(place, format_args!("{name} is missing"));
                        }
                    }
                }
                "required" => {}
                note if NOTES.contains(&note) => {}
                keyword => {
                    if !is_met(keyword, wanted, value) {
                        self.fault(place, format_args!("{value} violates {keyword} {wanted}"));
                    }
                }
            }
        }
    }

    /// Checks that one of several schemas fits.
    fn any_of(&mut self, schemas: &Value, value: &Value, place: &str, path: &str) {
        let mut fewest: Option<Checker<'_>> = None;
        for schema in schemas.as_array().unwrap() {
            let mut checker = Checker::new(self.root);
            checker.check(schema, value, place, path);
            if fewest
                .as_ref()
                .is_none_or(|fewest| checker.faults.len() < fewest.faults.len())
            {
                fewest = Some(checker);
            }
        }
        let fewest = fewest.unwrap();
        self.faults.extend(fewest.faults);
        for (name, (has, lacks)) in fewest.coverage {
            let known = self.coverage.entry(name).or_default();
            known.0 |= has;
            known.1 |= lacks;
        }
    }

    fn properties(&mut self, schema: &Value, value: &Value, place: &str, path: &str) {
        let Some(object) = value.as_object() else {
            return;
        };
        let known = schema["properties"].as_object().unwrap();
        let required = schema.get("required").and_then(Value::as_array);
        for (name, schema) in known {
            let found = object.get(name);
            if !required.is_some_and(|names| names.iter().any(|required| required == name)) {
                let seen = self.coverage.entry(format!("{path}.{name}")).or_default();
                seen.0 |= found.is_some();
                seen.1 |= found.is_none();
            }
            if let Some(value) = found {
                let place = format!("{place}.{name}");
                self.check(schema, value, &place, &format!("{path}.{name}"));
            }
        }
        let is_open = schema.get("additionalProperties").is_some();
        for name in object.keys().filter(|name| !known.contains_key(*name)) {
            if !is_open {
                self.fault(&format!("{place}.{name}"), "the schema does not name it");
            }
        }
    }

    /// Checks the values of an object whose names are not fixed.
    fn others(&mut self, schema: &Value, value: &Value, place: &str, path: &str) {
        for (name, value) in value.as_object().into_iter().flatten() {
            if schema["properties"].get(name).is_none() {
                let place = format!("{place}.{name}");
                self.check(&schema["additionalProperties"], value, &place, path);
            }
        }
    }
}

/// Returns whether a value meets a keyword that looks at nothing within it.
fn is_met(keyword: &str, wanted: &Value, value: &Value) -> bool {
    match keyword {
        "type" => {
            let is_one = |name: &Value| is_of_type(value, name.as_str().unwrap());
            match wanted {
                Value::Array(names) => names.iter().any(is_one),
                name => is_one(name),
            }
        }
        "const" => value == wanted,
        "enum" => wanted.as_array().unwrap().contains(value),
        "pattern" => {
            let pattern = compiled(wanted.as_str().unwrap());
            value.as_str().is_none_or(|text| pattern.is_match(text))
        }
        "minimum" => !value.is_number() || value.as_f64() >= wanted.as_f64(),
        keyword => panic!("the checker does not know `{keyword}`"),
    }
}

/// Returns a compiled pattern. Each is compiled once: a document may have 100,000 digests.
fn compiled(pattern: &str) -> Regex {
    static COMPILED: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut all = COMPILED.lock().unwrap();
    let new = || Regex::new(pattern).unwrap();
    all.entry(pattern.to_owned()).or_insert_with(new).clone()
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
