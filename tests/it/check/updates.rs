//! Old results of steps that update packages, and a rule that drops them: both by the Dockerfile
//! alone.

use std::fs;

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use super::{codes, ended};
use crate::repair::local::cache;
use crate::support::command::{CommandLine, Sandbox};
use crate::support::layout::{CONFIG, LAYER, LayoutBuilder};

const DOCKERFILE: &str = "FROM base.example.test/base:1\n\
    RUN apt-get update && apt-get upgrade -y\n\
    RUN make\n";

/// A directory with a cache of the Dockerfile, both of whose steps were built years ago.
struct Old {
    sandbox: Sandbox,
    image: String,
}

impl Old {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        fs::write(sandbox.path("Dockerfile"), DOCKERFILE).unwrap();
        let digest = format!("sha256:{}", "5".repeat(64));
        let config = json!({"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"]}, "rootfs": {"type": "layers", "diff_ids": []}});
        let image = json!({ "digest": digest, "config": config });
        fs::write(sandbox.path("base.json"), image.to_string()).unwrap();
        let image = format!(
            "base.example.test/base:1={}",
            sandbox.path("base.json").display()
        );
        let old = Self { sandbox, image };
        let mut made = old.sandbox.layout();
        let layers = [made.layer("updated", 40), made.layer("made", 40)];
        let mut other = LayoutBuilder::new(old.sandbox.path("other"));
        let any = other.chain(&[other.layer("any", 40)]);
        other.tag("main", &any);
        // The keys that a build would look for.
        let why = old.sandbox.json(format!(
            "why ./other#main -f Dockerfile --platform linux/amd64 --offline --image '{}' --json",
            old.image
        ));
        let keys: Vec<&Value> = why["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| &step["keys"][0])
            .collect();
        let root = Digest::of(b"/").to_string();
        // A record is named by the key of the operation and the number of its output.
        let output = |key: &Value| {
            let text = format!("{}@0", key.as_str().unwrap());
            Digest::of(text.as_bytes()).to_string()
        };
        let step = |key: &Value, below: usize, layer: usize| {
            json!({
                "digest": output(key),
                "inputs": [[{"link": below, "selector": root}]],
                "layers": [{"layer": layer, "createdAt": "2024-02-01T00:00:00Z"}],
            })
        };
        let blob = |layer: &Value| layer["digest"].clone();
        let config = json!({
            "layers": [{"blob": blob(&layers[0]), "parent": -1}, {"blob": blob(&layers[1]), "parent": 0}],
            "records": [{"digest": digest}, step(keys[0], 0, 0), step(keys[1], 1, 1)],
        });
        assert_eq!(layers[0]["mediaType"], LAYER);
        let config = made.blob(CONFIG, config.to_string());
        let manifest = made.manifest(&config, &layers);
        made.tag("main", &manifest);
        old
    }

    /// Returns the flags that name the steps.
    fn described(&self) -> [&str; 7] {
        [
            "-f",
            "Dockerfile",
            "--platform",
            "linux/amd64",
            "--offline",
            "--image",
            &self.image,
        ]
    }
}

#[test]
fn old_results_of_package_updates_are_found() {
    let old = Old::new();
    let check = |age: &str| {
        let flags = ["check", "./cache", "--json", "--max-update-age", age];
        old.sandbox.run(old.described().after(&flags[..]))
    };
    let report = ended(&check("30d"), 3);
    assert_eq!(codes(&report), ["update-too-old"]);
    let finding = &report["findings"][0];
    assert_eq!(finding["ref"], "main");
    assert_eq!(
        finding["subject"],
        "RUN apt-get update && apt-get upgrade -y"
    );
    assert_eq!(codes(&ended(&check("300y"), 0)), Vec::<&str>::new());
    // Nothing names the steps without the Dockerfile: the limit is not checked, so it fails.
    let flags = ["check", "./cache", "--json", "--max-update-age", "30d"];
    let report = ended(&old.sandbox.run(&flags), 3);
    assert_eq!(codes(&report), ["limit-not-checked"]);
    // A Dockerfile without the age is a mistake.
    let run = old.sandbox.run("check ./cache -f Dockerfile");
    assert_eq!(run.code, Some(2), "{run}");
}

#[test]
fn the_age_of_updates_can_be_configured() {
    let old = Old::new();
    let config = old.sandbox.path("cachelens.toml");
    fs::write(&config, "[check]\nmax_update_age = \"30d\"\n").unwrap();
    let check = |flags: &[&str]| {
        let arguments = [&["check", "./cache", "--json"], flags, &old.described()].concat();
        old.sandbox.run(&arguments)
    };
    assert_eq!(codes(&ended(&check(&[]), 3)), ["update-too-old"]);
    // The flag wins.
    let lenient = ended(&check(&["--max-update-age", "300y"]), 0);
    assert_eq!(codes(&lenient), Vec::<&str>::new());
    let printed = old.sandbox.run("config print");
    let line = "[check]\nmax_update_age = \"30d\"  # ./cachelens.toml:2\n";
    assert!(printed.stdout.contains(line), "{printed}");

    fs::write(&config, "[check]\nmax_update_age = 30\n").unwrap();
    let refused = check(&[]);
    assert_eq!(refused.code, Some(2), "{refused}");
    let said = "expected a duration in quotes";
    assert!(refused.stderr.contains(said), "{refused}");
    // Names of steps without an age are a mistake, as before.
    fs::remove_file(&config).unwrap();
    let refused = check(&[]);
    assert_eq!(refused.code, Some(2), "{refused}");
    let context = old.sandbox.run("check ./cache --context .");
    assert_eq!(context.code, Some(2), "{context}");
}

#[test]
fn a_rule_drops_chosen_results_by_the_dockerfile_alone() {
    let old = Old::new();
    let config = old.sandbox.path("cachelens.toml");
    let rule = "[retention]\ngrace = \"0s\"\n[[retention.rule]]\nname = \"updates\"\n\
        match = { ref = \"*\" }\nkeep = { last = 9 }\n\
        drop_records = \"age>30d step~'apt-get (update|upgrade)'\"\n";
    fs::write(&config, rule).unwrap();
    let config = config.to_str().unwrap();
    let flags = ["prune", "./cache", "--config", config, "--json"];
    // Without names nothing is chosen.
    let plan = old.sandbox.json(&flags);
    assert_eq!(plan["plan"]["delete"], json!([]), "{plan}");
    let dir = old.sandbox.path("cache");
    let before = cache(&dir, "main").hits(|_| true).unwrap();
    assert_eq!(before.len(), 2);
    let run = old
        .sandbox
        .run(old.described().after("--yes".after(&flags[..])));
    let done = ended(&run, 0);
    assert_eq!(done["outcome"]["done"], 1, "{done}");
    assert_eq!(done["plan"]["delete"][0]["kind"], "results");
    // The step above it keeps its key and its result.
    let after = cache(&dir, "main").hits(|_| true).unwrap();
    assert_eq!(after.len(), 1);
    assert!(after.is_subset(&before));
}
