//! Defaults of a build command: the ref that BuildKit imports where none is named, and credentials.

use serde_json::{Value, json};

use super::from_command::Checkout;
use super::from_dockerfile::{base_image, provenance};
use super::histories::{History, Store};
use crate::support::command::CommandLine;

/// Renames a ref of the cache of a checkout.
fn rename(checkout: &Checkout, from: &str, to: &str) {
    let index = checkout.sandbox.path("cache/index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    let renamed = text.replace(&format!("\"{from}\""), &format!("\"{to}\""));
    assert_ne!(renamed, text);
    std::fs::write(index, renamed).unwrap();
}

fn build(cache: &str) -> [&str; 5] {
    ["--", "docker", "build", cache, "."]
}

fn causes(document: &Value) -> Vec<&str> {
    let causes = document["root_causes"].as_array().unwrap().iter();
    causes
        .map(|cause| cause["kind"].as_str().unwrap())
        .collect()
}

#[test]
fn an_import_without_a_tag_is_of_latest() {
    let history = History::of("shop", Store::Local);
    let checkout = Checkout::of(&history, 4);
    let named = checkout.json(&build("--cache-from=type=local,src=cache,tag=c04"));
    rename(&checkout, "c04", "latest");
    for cache in [
        "--cache-from=type=local,src=cache",
        "--cache-to=type=local,dest=cache,mode=max",
    ] {
        let found = checkout.json(&build(cache));
        let name = found["ref"].as_str().unwrap();
        assert!(name.ends_with("#latest"), "{name}");
        assert_eq!(found["summary"], named["summary"], "{cache}");
    }
}

#[test]
fn a_build_without_its_ref_imports_nothing() {
    let history = History::of("shop", Store::Local);
    let checkout = Checkout::of(&history, 4);
    for cache in [
        "--cache-from=type=local,src=cache",
        "--cache-from=type=local,src=cache,tag=none",
        "--cache-from=type=local,src=nowhere",
    ] {
        let run = checkout.why(build(cache)[..].after("--json"));
        assert_eq!(run.code, Some(0), "{run:?}");
        let found: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(found["summary"]["hit"], 0, "{cache}");
        assert_eq!(found["summary"]["unknown"], 0, "{cache}");
        assert!(found["summary"]["miss"].as_u64() > Some(10), "{cache}");
        for kind in causes(&found) {
            assert_eq!(kind, "import-failed", "{cache}");
        }
    }
    // A ref that the user names has to exist.
    let run = checkout.why("./cache#none -f Dockerfile");
    assert_eq!(run.code, Some(1), "{run:?}");
}

#[test]
fn requests_hold_no_credentials() {
    let history = History::of("shop", Store::Local);
    let checkout = Checkout::of(&history, 1);
    let bake = r#"
        target "app" {
            cache-from = ["type=s3,bucket=b,region=r,secret_access_key=SECRETA"]
            args = { NPM_TOKEN = "SECRETB" }
        }
    "#;
    checkout.write("docker-bake.hcl", bake);
    let cache = "--cache-from=type=s3,bucket=b,region=r,access_key_id=SECRETC,secret_access_key=SECRETD,session_token=SECRETE";
    let commands: [&[&str]; 2] = [
        &["docker", "buildx", "bake", "app"],
        &[
            "docker",
            "build",
            cache,
            "--cache-to=type=gha,token=SECRETF,url=https://cache.example.test",
            "--build-arg=NPM_TOKEN=SECRETG",
            "--label=note=plain",
            ".",
        ],
    ];
    for command in commands {
        for form in [&["--show-request"][..], &["--show-request", "--json"]] {
            let run = checkout.why(command.after("--".after(form)));
            assert_eq!(run.code, Some(0), "{run:?}");
            assert!(run.stdout.contains("bucket=b"), "{run:?}");
            assert!(!format!("{run:?}").contains("SECRET"), "{run:?}");
        }
    }
    let found = checkout.json("--show-request -- docker build --build-arg=VERSION=1 .");
    assert_eq!(found["requests"][0]["build_args"], json!({"VERSION": "1"}));
}

#[test]
fn an_image_file_may_hold_the_settings_of_a_container() {
    let history = History::of("shop", Store::Local);
    let checkout = Checkout::of(&history, 1);
    let (reference, _) = base_image(&provenance(&history, 1));
    let (_, path) = checkout.image.split_once('=').unwrap();
    let whole: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let explained = |config: &Value| {
        let file = json!({ "digest": whole["digest"], "config": config });
        let path = checkout.sandbox.path("given.json");
        std::fs::write(&path, file.to_string()).unwrap();
        let image = format!("{reference}={}", path.display());
        let arguments = [
            "why",
            "./cache#c01",
            "--context=.",
            "--offline",
            "--json",
            "--image",
            &image,
        ];
        let run = checkout.sandbox.run(&arguments);
        serde_json::from_str::<Value>(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
    };
    let right = explained(&whole["config"]);
    assert!(right["summary"]["hit"].as_u64() > Some(10), "{right:#}");
    let found = explained(&whole["config"]["config"]);
    assert_eq!(found["summary"]["miss"], 0, "{found:#}");
    assert!(found["summary"]["hit"].as_u64() > Some(10), "{found:#}");
    let unknown = explained(&json!({}));
    assert_eq!(unknown["summary"]["hit"], 0, "{unknown:#}");
    assert_eq!(unknown["summary"]["miss"], 0, "{unknown:#}");
    let notes = unknown["notes"].to_string();
    assert!(notes.contains("holds no configuration"), "{notes}");
}
