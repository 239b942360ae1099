//! `cat`: a file of a layer, and a layer.

use std::fs;

use cachelens::format::digest::Digest;
use serde_json::Value;

use crate::support::command::{CommandLine, Sandbox};
use crate::support::fixture::Fixture;
use crate::support::pty::Terminal;

/// A cache that BuildKit wrote, one of its layers with files, and the largest file of it.
fn cache(sandbox: &Sandbox) -> (String, Value) {
    Fixture::named("mini").write_layout("local.json", &sandbox.path("cache"));
    let shown = sandbox.json("show ./cache#c03 --json");
    for layer in shown["layers"].as_array().unwrap() {
        let digest = layer["digest"].as_str().unwrap().to_owned();
        let files = sandbox.json(format!(
            "files ./cache#c03 {digest} --filter kind:file --sort size --json"
        ));
        let file = files["files"].get(0).cloned();
        if let Some(file) = file.filter(|file| file["bytes"].as_u64() > Some(0)) {
            return (digest, file);
        }
    }
    panic!("no layer has a file");
}

fn stdout(sandbox: &Sandbox, arguments: impl CommandLine) -> Vec<u8> {
    let output = sandbox.command().args(arguments.words()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    output.stdout
}

#[test]
fn cat_prints_a_file_and_a_layer_byte_for_byte() {
    let sandbox = Sandbox::new();
    let (layer, file) = cache(&sandbox);
    let path = file["path"].as_str().unwrap();
    let bytes = stdout(&sandbox, format!("cat ./cache {layer} {path}"));
    assert_eq!(bytes.len() as u64, file["bytes"].as_u64().unwrap());
    let slashed = format!("/{path}");
    assert_eq!(
        stdout(&sandbox, format!("cat ./cache {layer} {slashed}")),
        bytes
    );
    let whole = stdout(&sandbox, &["cat", "./cache#c03", &layer[..19]]);
    assert_eq!(Digest::of(&whole).to_string(), layer);
}

#[test]
fn cat_refuses_paths_that_are_no_files() {
    let sandbox = Sandbox::new();
    let (layer, file) = cache(&sandbox);
    let path = file["path"].as_str().unwrap();
    let near = format!("{path}x");
    let run = sandbox.run(format!("cat ./cache {layer} '{near}'"));
    assert_eq!(run.code, Some(1), "{run}");
    assert!(
        run.stderr.contains(&format!("did you mean `{path}`?")),
        "{run}"
    );
    let json = sandbox.run(format!("cat ./cache {layer} {path} --json"));
    assert_eq!(json.code, Some(2), "{json}");
}

#[test]
fn cat_prints_nothing_of_a_damaged_layer() {
    let sandbox = Sandbox::new();
    let (layer, file) = cache(&sandbox);
    let path = file["path"].as_str().unwrap();
    let hex = layer.strip_prefix("sha256:").unwrap();
    let blob = sandbox.path(format!("cache/blobs/sha256/{hex}"));
    let mut bytes = fs::read(&blob).unwrap();
    // The end of the stream: everything before it can be unpacked.
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&blob, bytes).unwrap();
    let run = sandbox.run(format!("cat ./cache {layer} {path}"));
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{run}");
}

#[test]
fn cat_keeps_binary_data_from_a_terminal() {
    let sandbox = Sandbox::new();
    let shown = sandbox.json("show demo#main --json");
    let layer = shown["layers"][0]["digest"].as_str().unwrap();
    let terminal = Terminal::start(&["cat", "demo", layer], 100, 24);
    terminal.wait("the refusal", |screen| {
        screen.contains("binary data is not printed on a terminal")
    });
    assert_eq!(terminal.end().0, 2);
}
