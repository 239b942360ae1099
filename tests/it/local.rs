//! Damaged, hostile and odd local caches: the messages, the exit codes, and the numbers.

mod contents;
mod documents;
mod graphs;
mod moving;
mod places;

use serde_json::Value;

use crate::support::command::Sandbox;
use crate::support::layout::LayoutBuilder;

/// Returns the output of `du` for `./cache`, after checking that it is consistent.
fn usage(sandbox: &Sandbox) -> Value {
    usage_with_code(sandbox, 0)
}

/// Returns the same of a run that ends with an exit code.
fn usage_with_code(sandbox: &Sandbox, code: i32) -> Value {
    let run = sandbox.run("du --json ./cache");
    assert_eq!(run.code, Some(code), "{run}");
    let mut document = run.json();
    let source = document["sources"][0].take();
    let sum = |field: &str, of: &str| source[field][of].as_u64().unwrap_or_default();
    for (objects, total) in [("blobs", "objects"), ("bytes", "bytes")] {
        let blobs: u64 = ["live", "orphan", "undetermined"]
            .map(|state| sum(state, objects))
            .iter()
            .sum();
        assert_eq!(
            blobs + sum("partial", total) + sum("unknown", total),
            sum("total", total),
            "{source}"
        );
    }
    source
}

/// Returns the refs that `ls` lists in `./cache`.
fn refs(sandbox: &Sandbox) -> Vec<Value> {
    refs_with_code(sandbox, 0)
}

/// Returns the same of a run that ends with an exit code.
fn refs_with_code(sandbox: &Sandbox, code: i32) -> Vec<Value> {
    let run = sandbox.run("ls --json ./cache");
    assert_eq!(run.code, Some(code), "{run}");
    let document = run.json();
    document["sources"][0]["refs"].as_array().unwrap().clone()
}

/// Returns the faults that `ls` reports for the only ref in `./cache`.
fn faults(sandbox: &Sandbox) -> Vec<String> {
    let refs = refs(sandbox);
    assert_eq!(refs.len(), 1);
    serde_json::from_value(refs[0]["faults"].clone()).unwrap()
}

/// Adds a complete ref `main`: two layers of 100 and 50 bytes, one on the other.
fn add_main(layout: &mut LayoutBuilder) -> Value {
    let layers = [layout.layer("base", 100), layout.layer("top", 50)];
    let manifest = layout.chain(&layers);
    layout.tag("main", &manifest);
    manifest
}
