//! Explanations from the command that starts a build, and from no arguments at all.

use serde_json::{Value, json};

use super::from_dockerfile::{base_image, image_file, provenance};
use super::histories::{History, Store, counts};
use crate::support::command::{CommandLine, Run, Sandbox};

/// A checkout of a commit of `shop` in a home folder, with the caches in `cache`.
pub(super) struct Checkout {
    pub(super) sandbox: Sandbox,
    /// `NAME=FILE` of the base image.
    pub(super) image: String,
}

impl Checkout {
    pub(super) fn of(history: &History, place: usize) -> Self {
        let sandbox = Sandbox::new();
        let commit = &history.commits[place].name;
        let tree = history.trees.path().join("tree").join(commit);
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .arg(format!("{}/.", tree.display()))
            .arg(sandbox.path("."))
            .status();
        assert!(copied.unwrap().success());
        // Outside the context, so that it is not part of it.
        history
            .fixture
            .write_layout("local.json", &sandbox.path("cache"));
        std::fs::write(
            sandbox.path(".dockerignore"),
            "cache\n*.json\n!package*.json\n",
        )
        .unwrap();
        let (reference, digest) = base_image(&provenance(history, place));
        let file = image_file(&history.fixture, digest, &sandbox.path("."));
        let image = format!("{reference}={}", file.display());
        Self { sandbox, image }
    }

    /// Runs `why` with the base image, followed by `arguments`.
    pub(super) fn why(&self, arguments: impl CommandLine) -> Run {
        let first = format!("why --offline --image {}", self.image);
        self.sandbox.run(arguments.after(first))
    }

    pub(super) fn json(&self, arguments: impl CommandLine) -> Value {
        let run = self.why(arguments.after("--json"));
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.sandbox.path(name), text).unwrap();
    }
}

/// Returns the verdict on each step.
fn verdicts(document: &Value) -> Vec<String> {
    let steps = document["steps"].as_array().unwrap();
    let verdict = |step: &Value| format!("{} {} {}", step["id"], step["keys"], step["verdict"]);
    steps.iter().map(verdict).collect()
}

#[test]
fn a_command_is_explained_as_its_flags_are() {
    let history = History::of("shop", Store::Local);
    for place in 1..history.commits.len() {
        let checkout = Checkout::of(&history, place);
        let before = &history.commits[place - 1].name;
        let cache = format!("./cache#{before}");
        let from = format!("type=local,src=cache,tag={before}");
        let by_flags = checkout.json(format!("{cache} -f Dockerfile --context ."));
        assert!(!verdicts(&by_flags).is_empty(), "{by_flags:#}");
        let import = format!("--import-cache={from}");
        let cache_from = format!("--cache-from={from}");
        let commands: [&[&str]; 4] = [
            &["docker", "buildx", "build", &cache_from, "."],
            &["sudo", "docker", "build", "--cache-from", &from, "."],
            &["nerdctl", "build", "-f", "Dockerfile", &cache_from, "."],
            &[
                "buildctl",
                "build",
                "--frontend",
                "dockerfile.v0",
                "--local",
                "context=.",
                "--local",
                "dockerfile=.",
                &import,
            ],
        ];
        for command in commands {
            let found = checkout.json(command.after("--"));
            assert_eq!(verdicts(&found), verdicts(&by_flags), "{command:?}");
            assert_eq!(found["ref"], cache.as_str());
            assert_eq!(found["requests"].as_array().unwrap().len(), 1);
        }
    }
}

const BAKE: &str = r#"
group "default" {
  targets = ["web", "api"]
}
target "web" {
  target = "web"
  cache-from = ["type=local,src=cache,tag=c01"]
}
target "api" {
  target = "api"
  cache-to = ["type=local,dest=cache,tag=c01"]
}
target "far" {
  cache-from = ["type=registry,ref=cache.example.test/app:cache"]
}
"#;

#[test]
fn each_target_of_a_bake_is_explained() {
    let history = History::of("shop", Store::Local);
    let checkout = Checkout::of(&history, 1);
    checkout.write("docker-bake.hcl", BAKE);
    let found = checkout.json("-- docker buildx bake");
    let targets = found["targets"].as_array().unwrap();
    let names: Vec<&Value> = targets.iter().map(|target| &target["name"]).collect();
    assert_eq!(names, ["web", "api"]);
    assert_eq!(found["requests"].as_array().unwrap().len(), 2);
    let hits = |target: &Value| target["summary"]["hit"].as_u64().unwrap();
    assert_eq!(found["summary"]["miss"], 0, "{found:#}");
    assert_eq!(hits(&targets[0]) + hits(&targets[1]), hits(&found));
    let of_api = |step: &&Value| step["target"] == "api";
    let steps = found["steps"].as_array().unwrap().iter().filter(of_api);
    assert!(steps.count() > 4, "{found:#}");
    // `api` imports nothing.
    let notes = targets[1]["notes"].to_string();
    assert!(
        notes.contains("explained against the cache that it exports to"),
        "{notes}"
    );

    let run = checkout.why("-- docker buildx bake");
    assert!(
        run.stdout.contains("target web, ./cache#c01: 5 hit"),
        "{run:?}"
    );
    assert!(
        run.stdout.contains("target api, ./cache#c01: 5 hit"),
        "{run:?}"
    );
}

#[test]
fn hosts_named_by_a_file_are_not_contacted() {
    let history = History::of("shop", Store::Local);
    let checkout = Checkout::of(&history, 1);
    checkout.write("docker-bake.hcl", BAKE);
    let run = checkout.why("-- docker buildx bake far");
    assert_eq!(run.code, Some(2), "{run:?}");
    let hint = "name it: cachelens why cache.example.test/app:cache -- docker buildx bake far";
    assert!(run.stderr.contains(hint), "{run:?}");
    // The user names another cache in the command, and a directory has no host.
    let set = "--set=far.cache-from=type=local,src=cache,tag=c01";
    let run = checkout.why(format!("-- docker buildx bake {set} far"));
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn without_arguments_the_one_target_here_is_explained() {
    let history = History::of("shop", Store::Local);
    let checkout = Checkout::of(&history, 1);
    let run = checkout.why("");
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stderr.contains("no file here declares a cache"),
        "{run:?}"
    );

    let compose = "services:\n  api:\n    build:\n      context: .\n      target: api\n      \
                   cache_from: [\"type=local,src=cache,tag=c01\"]\n";
    checkout.write("compose.yaml", compose);
    let found = checkout.json("");
    assert_eq!(found["requests"][0]["name"], "api", "{found:#}");
    assert_eq!(counts(&found), [5, 0, 0]);

    checkout.write("docker-bake.hcl", BAKE);
    let run = checkout.why("");
    assert_eq!(run.code, Some(2), "{run:?}");
    for command in [
        "docker compose build api",
        "docker buildx bake web",
        "docker buildx bake far",
    ] {
        let line = format!("  cachelens why -- {command}\n");
        assert!(run.stdout.contains(&line), "{run:?}");
    }
}

/// Returns a checkout whose last commit is the one before the build that its log `c05` is of, and
/// the arguments of `why`. The build exported over the ref that it imported.
fn exported_over_its_ref(history: &History) -> (Checkout, Vec<String>) {
    let place = history.commits.iter().position(|of| of.name == "c05");
    let place = place.unwrap();
    let checkout = Checkout::of(history, place);
    let now = std::fs::read(checkout.sandbox.path("web/index.js")).unwrap();
    let earlier = history.trees.path().join("tree/c04/web/index.js");
    std::fs::copy(earlier, checkout.sandbox.path("web/index.js")).unwrap();
    checkout.write("web/old.js", "old\n");
    for arguments in [
        &["init", "-q"][..],
        &["add", "web", "Dockerfile", ".dockerignore"],
        &["commit", "-q", "-m", "before"],
    ] {
        git(&checkout.sandbox, arguments);
    }
    std::fs::write(checkout.sandbox.path("web/index.js"), now).unwrap();
    std::fs::remove_file(checkout.sandbox.path("web/old.js")).unwrap();
    let log = history.fixture.path("logs/c05.rawjson");
    let arguments = [
        "--build",
        log.to_str().unwrap(),
        "--baseline=git:HEAD",
        "--",
        "docker",
        "build",
        "--cache-from=type=local,src=cache,tag=c05",
        ".",
    ];
    (checkout, arguments.map(str::to_owned).to_vec())
}

#[test]
fn git_shows_changes_if_the_build_overwrote_its_ref() {
    let history = History::of("shop", Store::Local);
    let (checkout, arguments) = exported_over_its_ref(&history);
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let found = checkout.json(&arguments);
    let causes = found["root_causes"].as_array().unwrap();
    assert_eq!(causes.len(), 1, "{found:#}");
    assert_eq!(causes[0]["kind"], "content");
    assert_eq!(causes[0]["paths"], json!(["web/index.js", "web/old.js"]));
    let steps = found["steps"].as_array().unwrap().iter();
    let copies = steps.filter(|step| step["cause"]["kind"] == "content");
    for step in copies {
        let changes = &step["cause"]["changes"];
        assert_eq!(changes[0]["kind"], "content", "{step:#}");
        assert!(!changes[0]["diff"].as_array().unwrap().is_empty());
        assert_eq!(changes[1]["kind"], "file-removed", "{step:#}");
        assert_eq!(step["cause"]["also"][0]["kind"], "exported-since");
        assert!(step["seconds"].is_number(), "{step:#}");
    }
    // Without the revision, only the log says what ran.
    arguments.retain(|argument| *argument != "--baseline=git:HEAD");
    let found = checkout.json(&arguments);
    assert_eq!(found["root_causes"][0]["kind"], "exported-since");
}

/// What buildx writes with `--metadata-file`, unless the provenance is asked for with `mode=max`.
fn metadata(digest: &str, api_url: &str) -> String {
    json!({
        "buildx.build.provenance": {
            "buildType": "https://mobyproject.org/buildkit@v1",
            "materials": [{
                "uri": "pkg:docker/127.0.0.1%3A5055/base@latest?platform=linux%2Famd64",
                "digest": { "sha256": digest },
            }],
            "invocation": {
                "configSource": { "entryPoint": "Dockerfile" },
                "parameters": {
                    "frontend": "dockerfile.v0",
                    "args": { "build-arg:API_URL": api_url },
                },
                "environment": { "platform": "linux/amd64" },
            },
        },
        "buildx.build.ref": "o/o0/2tf7nr9xaj9kfwcw0h01vfngv",
    })
    .to_string()
}

#[test]
fn provenance_without_steps_gives_the_options_of_a_dockerfile() {
    let history = History::of("shop", Store::Local);
    let checkout = Checkout::of(&history, 1);
    let (_, digest) = base_image(&provenance(&history, 1));
    let command = [
        "docker",
        "build",
        "--cache-from=type=local,src=cache,tag=c01",
        ".",
    ];
    let named = ["./cache#c01", "-f", "Dockerfile", "--context", "."];
    for (api_url, expected) in [
        ("https://api.example.test", [15, 0, 0]),
        ("https://other.example.test", [11, 1, 3]),
    ] {
        checkout.write("metadata.json", &metadata(&digest.hex(), api_url));
        let evidence = ["--build", "metadata.json"];
        let by_flags = checkout.json(named.after(&evidence[..]));
        assert_eq!(counts(&by_flags), expected, "{by_flags:#}");
        let by_command = checkout.json(command.after("--".after(&evidence[..])));
        assert_eq!(counts(&by_command), expected, "{by_command:#}");
    }
    // Its digest of the base image counts, too.
    let arguments = [
        &["why", "--offline", "--build", "metadata.json"][..],
        &named,
    ];
    let run = checkout.sandbox.run(&arguments.concat());
    let words = "the evidence has its digest and not its configuration";
    assert!(run.stdout.contains(words), "{run}");
    // Without a Dockerfile, it is not enough.
    std::fs::remove_file(checkout.sandbox.path("Dockerfile")).unwrap();
    let arguments = ["why", "./cache#c01", "--build", "metadata.json"];
    let run = checkout.sandbox.run(&arguments);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("it was made with mode=min"), "{run}");
}

#[test]
fn steps_of_a_ref_are_named_by_the_dockerfile() {
    let history = History::of("shop", Store::Local);
    let checkout = Checkout::of(&history, 1);
    let named = |arguments: &[&str]| -> Vec<String> {
        let first = ["show", "./cache#c02", "--json"];
        let shown = checkout.sandbox.json(arguments.after(&first[..]));
        let records = shown["records"].as_array().unwrap().iter();
        let names = records.filter_map(|record| record["name"].as_str());
        names.map(str::to_owned).collect()
    };
    assert_eq!(named(&[]), [""; 0]);
    let image = ["--offline", "--image", &checkout.image];
    let names = named(&[&["-f", "Dockerfile", "--context", "."][..], &image].concat());
    for name in ["RUN npm ci", "COPY web ./web", "RUN go build ./api"] {
        assert!(names.iter().any(|found| found == name), "{name}: {names:?}");
    }
}

fn git(sandbox: &Sandbox, arguments: &[&str]) {
    let run = std::process::Command::new("git")
        .arg("-C")
        .arg(sandbox.path("."))
        .args(["-c", "user.name=a", "-c", "user.email=a@example.test"])
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("git is needed: {error}"));
    assert!(run.status.success(), "{run:?}");
}

#[test]
fn a_comparison_with_a_revision_runs_no_program_that_the_checkout_names() {
    let history = History::of("shop", Store::Local);
    let (checkout, arguments) = exported_over_its_ref(&history);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let program = |name: &str| {
        let ran = checkout.sandbox.path(name);
        format!("touch {}; cat", ran.display())
    };
    checkout.write(".git/info/attributes", "*.js filter=own\n");
    for (setting, value) in [
        ("core.fsmonitor", program("monitored")),
        ("filter.own.clean", program("cleaned")),
        ("filter.own.process", program("processed")),
        ("filter.own.required", "true".to_owned()),
    ] {
        git(&checkout.sandbox, &["config", setting, &value]);
    }
    let changed = |found: &Value| found["root_causes"][0]["paths"].to_string();
    let found = checkout.json(&arguments);
    assert!(changed(&found).contains("web/index.js"), "{found:#}");
    for name in ["monitored", "cleaned", "processed"] {
        assert!(!checkout.sandbox.path(name).exists(), "{name}");
    }
    // Git would end the name of this filter at its `=`, so nothing is compared.
    git(&checkout.sandbox, &["config", "filter.a=b.clean", "cat"]);
    let found = checkout.json(&arguments);
    assert!(!changed(&found).contains("web/index.js"), "{found:#}");
}

#[test]
fn without_arguments_the_one_build_of_a_workflow_is_explained() {
    let history = History::of("shop", Store::Local);
    let checkout = Checkout::of(&history, 1);
    let workflow = |cache: &str, arguments: &str| {
        let folder = checkout.sandbox.path(".github/workflows");
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!(
            "on: push\njobs:\n  image:\n    runs-on: ubuntu-latest\n    steps:\n      \
             - uses: docker/build-push-action@v6\n        with:\n          context: .\n          \
             cache-from: {cache}\n          {arguments}\n"
        );
        std::fs::write(folder.join("ci.yml"), text).unwrap();
    };
    workflow("type=local,src=cache,tag=c01", "target: api");
    let found = checkout.json("");
    assert_eq!(found["requests"][0]["target"], "api", "{found:#}");
    assert_eq!(counts(&found), [5, 0, 0]);

    // The file names the host, and the user did not.
    workflow("type=registry,ref=127.0.0.1:1/app:cache", "target: api");
    let run = checkout.why("");
    assert_eq!(run.code, Some(2), "{run:?}");
    let words = "127.0.0.1:1/app:cache is not contacted: a file names it, and you did not";
    assert!(run.stderr.contains(words), "{run:?}");

    // What only a job knows is left to the user.
    workflow(
        "type=local,src=cache,tag=c01",
        "build-args: V=${{ inputs.v }}",
    );
    let run = checkout.why("");
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stdout.contains("not all of its arguments are"),
        "{run:?}"
    );
}

#[test]
fn a_command_that_cannot_be_explained_has_a_hint() {
    let history = History::of("shop", Store::Local);
    let checkout = Checkout::of(&history, 1);
    let run = checkout.why("-- docker build .");
    assert_eq!(run.code, Some(2), "{run:?}");
    let hint = "cachelens why SOURCE#REF -- docker build .";
    assert!(run.stderr.contains(hint), "{run:?}");
    let run = checkout.why("./cache#c01 -- docker build .");
    assert!(run.stdout.starts_with("./cache#c01: 15 hit"), "{run:?}");
    let run = checkout.why("--target api -- docker build .");
    assert!(
        run.stderr.contains("write --target into the command"),
        "{run:?}"
    );
    let git = [
        "docker",
        "build",
        "--cache-from=type=local,src=cache,tag=c01",
        "https://example.test/a.git",
    ];
    let run = checkout.why(git[..].after("--"));
    assert!(
        run.stderr.contains("give a copy of the Dockerfile with -f"),
        "{run:?}"
    );
}
