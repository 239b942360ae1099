//! The `--json` documents, compared with their schemas. Every document that any test reads is
//! checked, too (`support::command`), for all kinds of stores.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::support::command::{CommandLine, Sandbox};
use crate::support::fixture::Fixture;
use crate::support::schema::{assert_valid, coverage, faults, name_of, names, schema};

/// Optional fields that only stores on other machines have, or that they do not have. The tests of
/// these stores check their documents.
const REMOTE: [&str; 14] = [
    ".sources[].bucket",
    ".sources[].groups",
    ".sources[].not_known",
    ".sources[].quota",
    ".sources[].shared_by_repositories",
    ".sources[].superseded",
    ".sources[].unseen",
    ".sources[].visibility",
    "$outcome.deletion_method",
    "$plan.delete[].aliases",
    "$plan.delete[].untagged",
    "$plan.disk",
    "$ref.branch",
    "$ref.previous_of",
];

/// A criterion that no local cache can fail, because it does not know when a ref was used.
const NEVER_FAILS: &str = "$criteria.used_within";

/// A home with a cache that BuildKit wrote, and files that declare caches.
struct Checkout {
    sandbox: Sandbox,
    documents: Vec<Value>,
}

impl Checkout {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        Fixture::named("mini").write_layout("local.json", &sandbox.path("cache"));
        let workflow = "jobs:\n  a:\n    runs-on: x\n    steps:\n      \
            - run: docker build --cache-from type=registry,ref=acme/App:cache .\n";
        fs::create_dir_all(sandbox.path(".github/workflows")).unwrap();
        fs::write(sandbox.path(".github/workflows/a.yml"), workflow).unwrap();
        let compose = "services:\n  api:\n    build:\n      context: .\n      \
            dockerfile_inline: FROM scratch\n      cache_from: ['type=local,src=cache']\n  \
            web:\n    build:\n      context: .\n      cache_from: ['type=local,src=cache']\n";
        fs::write(sandbox.path("compose.yml"), compose).unwrap();
        Self {
            sandbox,
            documents: Vec::new(),
        }
    }

    /// Runs a command with more arguments, and keeps its document.
    fn document(&mut self, command: &str, more: impl CommandLine) -> &Value {
        let mut words = more.after(command);
        words.insert(1, "--json".to_owned());
        let run = self.sandbox.run(words.clone());
        let document = run.json();
        assert_eq!(document.get("errors"), None, "{words:?}: {run}");
        self.documents.push(document);
        self.documents.last().unwrap()
    }

    /// Documents about what a store holds.
    fn views(&mut self) {
        let provenance = Fixture::named("mini").path("provenance/c03.json");
        let provenance = ["--provenance", provenance.to_str().unwrap()];
        let shown = self.document("show demo#main", "");
        let layer = shown["layers"][0]["digest"].as_str().unwrap().to_owned();
        for words in [
            "ls demo",
            "ls ./cache demo",
            "du demo",
            "du ./cache demo",
            "du ./cache#c* --history",
            "diff ./cache --since 1d",
            "blobs demo",
            "blobs ./cache",
            "diff demo#main demo#pr-14",
            "check demo --max-orphan 1%",
            "check --mode",
            "check ./cache --verify",
            "find",
            "version",
            "report ./cache demo -o page.html",
        ] {
            self.document(words, "");
        }
        self.document("show ./cache#c03", &provenance);
        self.document("diff ./cache#c01 ./cache#c03", &provenance);
        self.document("files demo", layer.as_str());
        self.document("files demo#main", format!("{layer} --filter kind:file"));
    }

    /// Documents about builds.
    fn builds(&mut self) {
        let provenance = |name: &str| {
            let path = Fixture::named("mini").path(format!("provenance/{name}.json"));
            path.to_str().unwrap().to_owned()
        };
        let (old, new) = (provenance("c01"), provenance("c03"));
        self.document("why ./cache#c01", format!("--build {new} --baseline {old}"));
        self.document("why", format!("--history {old} {new}"));
        // Two targets without an answer, and what a command asks for.
        self.document("why", "");
        let flags = "--cgroup-parent a --shm-size 1g --ulimit nofile=3 --add-host a:1.2.3.4";
        let build = ["--show-request", "--", "docker", "buildx", "build", "."];
        let flags: Vec<&str> = build.into_iter().chain(flags.split_whitespace()).collect();
        self.document("why", &flags);
        for command in [
            "buildctl build --frontend dockerfile.v0 --opt hostname=a --local context=.",
            "docker compose build",
        ] {
            let command: Vec<&str> = command.split_whitespace().collect();
            self.document("why", command[..].after("--show-request --"));
        }
        fs::write(self.sandbox.path("Dockerfile"), "FROM scratch\nCOPY x /\n").unwrap();
        fs::write(self.sandbox.path("x"), "x").unwrap();
        self.document("why", "-- docker compose build");
    }

    /// Documents about plans and runs.
    fn plans(&mut self) {
        for words in [
            "prune ./cache --orphans-only",
            "prune ./cache demo --drop-ref c0* --grace 0s",
            "prune ./cache demo --now --drop-ref c0* --grace 0s --fail-if-frees 1B",
            "prune ./cache --now --drop-ref c01 --grace 0s --fail-if-frees 1B",
            "prune ./cache --keep-last 1 --keep-within 1d --keep-hourly 1 --keep-daily 1 \
             --keep-weekly 1 --keep-monthly 1 --keep-yearly 1 --keep-generations 1 --grace 0s",
            "prune ./cache --keep-last 1 --grace 0s",
            "prune ./cache --keep-within 1d --grace 0s",
            "prune ./cache demo --orphans-only --yes --settle 1ms",
            "repair demo",
            "repair demo --yes --settle 1ms",
        ] {
            self.document(words, "");
        }
        let drop = "prune ./cache --drop-ref c01 --grace 0s --now --yes --confirm ./cache";
        let run = self.document(drop, "");
        let journal = run["outcome"]["journal"].as_str().unwrap().to_owned();
        self.document("prune --undo", journal.as_str());
        // Each command carries out the plans of the other one, too.
        let mini = Fixture::named("mini");
        mini.write_layout("local.json", &self.sandbox.path("again"));
        let results = "prune ./again --grace 0s --plan-out results.json --records";
        self.document(results, "age>1d");
        self.document("repair --settle 1ms --apply results.json", "");
        mini.write_layout("local.json", &self.sandbox.path("other"));
        let shown = self.document("show ./other#c03", "");
        let layer = shown["layers"].as_array().unwrap().last().unwrap();
        let blob = layer["digest"]
            .as_str()
            .unwrap()
            .replace("sha256:", "sha256/");
        fs::remove_file(self.sandbox.path("other/blobs").join(blob)).unwrap();
        self.document("prune ./other --drop-ref c01 --grace 0s", "");
        self.document("repair ./other --grace 0s --plan-out repair.json", "");
        self.document("prune --apply repair.json", "");
    }

    /// Documents about the configuration.
    fn settings(&mut self) {
        for words in [
            "config path",
            "config print",
            "init --stdout",
            "init",
            "init --yes",
            "config check",
        ] {
            self.document(words, "");
        }
        fs::write(self.sandbox.path("cachelens.toml"), "sources = []\n").unwrap();
        self.document("init --yes", "");
        // Its rules protect the refs.
        fs::remove_file(self.sandbox.path("cachelens.toml")).unwrap();
    }
}

/// Returns documents of all commands.
fn documents() -> Vec<Value> {
    let mut checkout = Checkout::new();
    checkout.views();
    checkout.builds();
    checkout.settings();
    checkout.plans();
    checkout.documents
}

#[test]
fn optional_fields_of_schemas_are_absent_in_some_documents_only() {
    let documents = documents();
    let mut wrong = Vec::new();
    for name in names() {
        let of_command = documents
            .iter()
            .filter(|document| name_of(document["command"].as_str().unwrap()) == name);
        if name != "failure" {
            assert!(of_command.clone().count() > 0, "{name}");
        }
        for (field, (has, lacks)) in coverage(&schema(&name), of_command) {
            // The fields of the whole document depend on the form that it has.
            let is_top = field.starts_with('.') && !field[1..].contains('.');
            if is_top || REMOTE.contains(&field.as_str()) || field == NEVER_FAILS {
                continue;
            }
            match (has, lacks) {
                (true, false) => wrong.push(format!("{name}: {field} is never absent")),
                (false, true) => wrong.push(format!("{name}: {field} is always absent")),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_has_a_schema() {
    let sandbox = Sandbox::new();
    let words = sandbox.run("complete -- cachelens ''").stdout;
    let commands = words.lines().map(|line| line.split('\t').next().unwrap());
    let is_command = |word: &&str| word.chars().all(|letter| letter.is_ascii_lowercase());
    let commands: BTreeSet<&str> = commands.filter(is_command).collect();
    assert!(commands.len() > 15, "{commands:?}");
    let mut used = BTreeSet::new();
    for command in commands {
        let document = sandbox
            .run(format!("{command} --no-such-flag --json"))
            .json();
        assert_eq!(document["command"], command);
        used.insert(name_of(command).to_owned());
    }
    assert_eq!(used, names().into_iter().collect());
    let run = sandbox.run("--no-such-flag --json");
    assert_eq!(run.json()["command"], "ui");
}

#[test]
fn a_document_of_a_failure_fits_as_well() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["ls", "./nowhere", "--json"][..],
        &["files", "demo", "no-such-layer", "--json"],
        &["prune", "./nowhere", "--json"],
        &["report", "./nowhere", "--json"],
        &["cat", "./nowhere", "layer", "--json"],
        &["report", "demo", "--json"],
        &["help", "prune", "--json"],
        &["man", "--json"],
        &["completions", "bash", "--json"],
        &["init", "--json"],
        &["demo", "--json"],
    ] {
        let document = sandbox.run(arguments).json();
        assert!(!document["errors"].as_array().unwrap().is_empty());
        assert_eq!(document["command"], arguments[0]);
    }
}

#[test]
fn the_schema_checker_finds_each_fault() {
    let schema = schema("blobs");
    let mut checkout = Checkout::new();
    let right = checkout.document("blobs demo", "").clone();
    let wrong = |pointer: &str, value: Value| {
        let mut document = right.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        faults(&schema, &document).len()
    };
    assert_valid(&right);
    for (pointer, value) in [
        ("/schema", json!(2)),
        ("/command", json!("ls")),
        ("/sources", json!({})),
        ("/sources/0/kind", json!("ftp")),
        ("/sources/0/blobs/0", json!({})),
        ("/sources/0/blobs/0/digest", json!("sha256:xyz")),
        ("/sources/0/blobs/0/bytes", json!(-1)),
        ("/sources/0/blobs/0/modified", json!("yesterday")),
    ] {
        assert!(wrong(pointer, value) > 0, "{pointer}");
    }
    let mut more = right.clone();
    more["sources"][0]["news"] = json!(1);
    assert_eq!(faults(&schema, &more).len(), 1);
}
