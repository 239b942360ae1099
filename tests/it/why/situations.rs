//! Builds recorded with BuildKit, one change each: a build that exported a cache, a change, and a
//! build on a builder that knew nothing and imported that cache. The log of the second build shows
//! what ran.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::thread;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::support::command::Sandbox;

/// The forms in which a user may have evidence of the second build.
const FORMS: [(&str, &str); 4] = [
    ("provenance alone", "--build after.json"),
    (
        "provenance, baseline and context",
        "--build after.json --baseline before.json --context context",
    ),
    (
        "all of these and the log",
        "--build after.json --build after.rawjson --baseline before.json --context context",
    ),
    (
        "Dockerfile and log",
        "-f context/Dockerfile --context context --build after.rawjson",
    ),
];

/// Unpacks the situations into a home folder, and returns their names.
pub(super) fn unpack(sandbox: &Sandbox) -> Vec<String> {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/situations.tar.gz");
    let file = fs::File::open(archive).unwrap();
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    // Modes are part of the keys.
    archive.set_preserve_permissions(true);
    archive.unpack(sandbox.path("")).unwrap();
    let entries = fs::read_dir(sandbox.path("")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = paths
        .filter(|path| path.join("blobs.txt").exists())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    for name in &names {
        let home = sandbox.path(name);
        let blobs = home.join("cache/blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        for blob in fs::read_to_string(home.join("blobs.txt")).unwrap().lines() {
            fs::hard_link(sandbox.path("blobs").join(blob), blobs.join(blob)).unwrap();
        }
        fs::rename(home.join("index.json"), home.join("cache/index.json")).unwrap();
        let version = r#"{"imageLayoutVersion":"1.0.0"}"#;
        fs::write(home.join("cache/oci-layout"), version).unwrap();
    }
    names
}

/// What the log of a build shows of one operation.
#[derive(Default, Clone)]
struct Vertex {
    name: String,
    is_cached: bool,
    starts: Vec<String>,
    inputs: usize,
}

impl Vertex {
    /// Returns the right verdict. Without inputs, the first start is only the computation of the
    /// key (`solver/jobs.go`).
    fn verdict(&self) -> &'static str {
        let only_key = self.inputs == 0 && self.starts.len() < 2;
        if self.is_cached || self.starts.is_empty() || only_key {
            "hit"
        } else {
            "miss"
        }
    }
}

/// Reads a log in the form of `--progress=rawjson`, by the digest of the operation.
fn vertices(log: &Path) -> BTreeMap<String, Vertex> {
    let mut found: BTreeMap<String, Vertex> = BTreeMap::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let Ok(update) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        for state in update["vertexes"].as_array().into_iter().flatten() {
            let vertex = found
                .entry(state["digest"].as_str().unwrap().to_owned())
                .or_default();
            state["name"].as_str().unwrap().clone_into(&mut vertex.name);
            vertex.is_cached |= state["cached"] == true;
            vertex.inputs = state["inputs"].as_array().map_or(vertex.inputs, Vec::len);
            if let Some(started) = state["started"].as_str()
                && !vertex.starts.iter().any(|known| known == started)
            {
                vertex.starts.push(started.to_owned());
            }
        }
    }
    found
}

/// How many verdicts were wrong, undecided and right.
#[derive(Default)]
struct Tally {
    wrong: Vec<String>,
    undecided: usize,
    right: usize,
}

impl Tally {
    /// Compares the steps of an explanation with the log.
    fn add(&mut self, name: &str, document: &Value, logged: &BTreeMap<String, Vertex>) {
        for step in document["steps"].as_array().unwrap() {
            let text = step["name"].as_str().unwrap();
            let same_name = || {
                let ends = format!("] {text}");
                let mut all = logged
                    .values()
                    .filter(|vertex| vertex.name.ends_with(&ends));
                all.next().filter(|_| all.next().is_none())
            };
            let by_digest = step["vertex"]
                .as_str()
                .and_then(|digest| logged.get(digest));
            let (Some(vertex), Some(verdict)) =
                (by_digest.or_else(same_name), step["verdict"].as_str())
            else {
                continue;
            };
            if text.starts_with("FROM ") {
                continue;
            }
            match verdict {
                "unknown" => self.undecided += 1,
                _ if verdict == vertex.verdict() => self.right += 1,
                _ => self.wrong.push(format!("{name}: {text}: {verdict}")),
            }
        }
    }
}

/// Returns the arguments for a situation, or `None` if it does not have such evidence.
fn arguments(name: &str, form: &str) -> Option<String> {
    let has_log = form.contains("rawjson");
    match name {
        // A build that fails writes no metadata.
        "failed" if form.contains("after.json") => return None,
        // Only the log shows that the import failed.
        "missing-import" if !has_log => return None,
        _ => {}
    }
    let mut form = form.to_owned();
    if form.contains("-f ") {
        let options = match name {
            "image-context" => " --build-context tools=docker-image://127.0.0.1:5057/base:2",
            "named-context" => " --build-context extra=context/extra",
            "build-stage-of-a-target" => " --target deps",
            "mode-min-other-target" => " --target build",
            _ => "",
        };
        form.push_str(options);
    }
    if name.starts_with("own-ignore-file") {
        form = form.replace("-f context/Dockerfile", "-f context/docker/api.Dockerfile");
    }
    Some(form)
}

fn explained(sandbox: &Sandbox, name: &str, form: &str) -> Option<Value> {
    let arguments = arguments(name, form)?;
    let mut command = sandbox.command();
    command.current_dir(sandbox.path(name));
    command.args(format!("why ./cache {arguments} --json").split(' '));
    let run = crate::support::command::Run::new(command.output().unwrap());
    assert_eq!(run.code, Some(0), "{name} {form}: {run}");
    Some(run.json())
}

/// A situation with its log, and its explanation from each form of evidence that it has.
struct Explained {
    name: String,
    logged: BTreeMap<String, Vertex>,
    documents: [Option<Value>; FORMS.len()],
}

/// All situations, explained once for all tests.
static SITUATIONS: LazyLock<Vec<Explained>> = LazyLock::new(|| {
    let sandbox = Sandbox::new();
    let explain = |name: &String| Explained {
        logged: vertices(&sandbox.path(name).join("after.rawjson")),
        documents: FORMS.map(|(_, form)| explained(&sandbox, name, form)),
        name: name.clone(),
    };
    let names = unpack(&sandbox);
    let (first, second) = names.split_at(names.len() / 2);
    // Two tests wait for them, so two threads are free.
    thread::scope(|scope| {
        let second = scope.spawn(|| second.iter().map(explain).collect::<Vec<_>>());
        let mut all: Vec<Explained> = first.iter().map(explain).collect();
        all.extend(second.join().unwrap());
        all
    })
});

#[test]
fn no_verdict_differs_from_the_log() {
    let mut lines = vec![format!("{} situations", SITUATIONS.len())];
    let mut wrong = Vec::new();
    for (place, (form, _)) in FORMS.iter().enumerate() {
        let mut tally = Tally::default();
        for situation in &*SITUATIONS {
            if let Some(document) = &situation.documents[place] {
                tally.add(&situation.name, document, &situation.logged);
            }
        }
        lines.push(format!(
            "{form}: {} wrong, {} undecided, {} right",
            tally.wrong.len(),
            tally.undecided,
            tally.right
        ));
        wrong.extend(tally.wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    insta::assert_snapshot!(lines.join("\n"), @r"
    92 situations
    provenance alone: 0 wrong, 168 undecided, 134 right
    provenance, baseline and context: 0 wrong, 44 undecided, 258 right
    all of these and the log: 0 wrong, 0 undecided, 309 right
    Dockerfile and log: 0 wrong, 3 undecided, 302 right
    ");
}

#[test]
fn a_known_image_is_not_blamed_without_an_earlier_build() {
    for name in ["swapped-steps", "removed-first-step"] {
        let mut all = SITUATIONS.iter();
        let situation = all.find(|situation| situation.name == name).unwrap();
        let document = situation.documents[0].as_ref().unwrap();
        let causes = document["root_causes"].as_array().unwrap();
        assert_eq!(causes[0]["kind"], "unexplained", "{name}: {document}");
        let detail = causes[0]["detail"].as_str().unwrap();
        assert!(
            detail.contains("--baseline shows which"),
            "{name}: {detail}"
        );
    }
}

#[test]
fn the_change_is_the_root_cause() {
    let mut lines = Vec::new();
    for situation in &*SITUATIONS {
        let Some(document) = &situation.documents[2] else {
            continue;
        };
        let causes = document["root_causes"].as_array().unwrap().iter();
        let mut causes: Vec<String> = causes
            .map(|cause| {
                let text = |field: &str| cause[field].as_str().unwrap();
                format!("{}: {}", text("kind"), text("detail"))
            })
            .collect();
        causes.dedup();
        let causes = match causes.join(" | ") {
            none if none.is_empty() => "-".to_owned(),
            causes => causes,
        };
        lines.push(format!("{}: {causes}", situation.name));
    }
    insta::assert_snapshot!(lines.join("\n").replace("127.0.0.1:5057/", ""), @r"
    add-host: option: add-host
    added-first-step: new-step: the earlier build had no such step
    added-step: new-step: the earlier build had no such step
    another-platform: platform: `linux/amd64` became `linux/386`
    argument-and-variable: build-arg: ONE was `1`, and is `2`; MODE was `dev`, and is `prod`
    argument-below-use: build-arg: V was `1`, and is `2`
    argument-of-a-label: -
    base-by-argument: build-arg: TAG was `1` (the default), and is `2`: FROM names another image
    base-moved: base-image: base:moving moved from sha256:6a3889505190 to sha256:479182e7539c
    bound-stage: content: src/index.js
    build-stage-of-a-target: -
    chmod-option: option: chmod
    chown: option: chown
    command-and-argument: command: `cat /proc/sys/kernel/random/uuid > /gcc` became `cat /proc/sys/kernel/random/uuid > /gcc-make`; ONE was `1`, and is `2`
    comment-only: -
    copy-all: content: Dockerfile
    copy-from-another-image: -
    copy-link-and-base-moved: base-image: base:moving2 moved from sha256:0447e8b9b262 to sha256:615eed2d4d7a
    default-of-an-argument: build-arg: V was `1`, and is `2`
    env-order: environment: the order of the variables changed
    escape-directive: -
    exclude-option: option: exclude
    exec-form: new-step: the earlier build had no such step
    file-added: file-added: src/new.js
    file-removed: file-removed: src/old.js
    file-renamed: file-added: src/main.js; removed: src/index.js
    folder-added: file-added: src/sub/.keep
    from-another-image: base-image: `base:1` became `base:2`
    from-another-stage: new-step: the earlier build had no such step
    git-added-moved: remote-content: git://127.0.0.1:9419/app.git#main moved from 0755e2ac687f to 0dd0f1c3ad81
    git-added-unmoved: -
    heredoc: heredoc: 1 line removed, 1 line added
    http-moved: remote-content: http://127.0.0.1:9420/file holds something else
    http-unmoved: -
    ignore-file-changed: file-removed: src/a.md
    image-context: base-image: `base:1` became `base:2`
    label-and-expose: -
    link-to-a-changed-file: content: v1.conf
    link-to-another-file: content: v2.conf
    missing-import: import-failed: buildx skipped the import: local cache import at gone skipped due to err: could not read gone/index.json: open gone/index.json: no such file or directory
    mode-min-other-target: not-exported: the cache was exported without its result, as mode=min does
    named-context: content: files of the build context changed; add --context DIR to see which
    network-none: network: the network mode `default` became `none`
    no-cache: no-cache: the build does not use the cache for it
    no-cache-add-heredoc: no-cache: the build does not use the cache for it
    no-cache-bind-context-after: no-cache: the build does not use the cache for it
    no-cache-bind-context-in-stage: no-cache: the build does not use the cache for it
    no-cache-bound-stage: no-cache: the build does not use the cache for it
    no-cache-copied-stage: no-cache: the build does not use the cache for it
    no-cache-copied-stage-with-other-files: no-cache: the build does not use the cache for it
    no-cache-copy-from-another-stage: no-cache: the build does not use the cache for it
    no-cache-copy-from-image: no-cache: the build does not use the cache for it
    no-cache-copy-from-in-stage: no-cache: the build does not use the cache for it
    no-cache-copy-then-run: no-cache: the build does not use the cache for it
    no-cache-filter: no-cache: the build does not use the cache for it
    no-cache-filter-of-the-last-stage: no-cache: the build does not use the cache for it
    no-cache-link: no-cache: the build does not use the cache for it
    no-cache-link-in-stage: no-cache: the build does not use the cache for it
    no-cache-run-then-copy: no-cache: the build does not use the cache for it
    no-cache-run-then-copy-from: no-cache: the build does not use the cache for it
    no-cache-run-then-run-copy: no-cache: the build does not use the cache for it
    no-cache-scratch-copy: no-cache: the build does not use the cache for it
    no-cache-stage-copied-in-the-middle: no-cache: the build does not use the cache for it
    no-cache-workdir: -
    one-of-two-stages-changes: content: src/index.js
    other-destination: command: `/a/` became `/b/`
    overwritten: content: package.json
    overwritten-without-a-change: -
    own-ignore-file: -
    own-ignore-file-and-a-change: content: src/index.js
    proxy-argument: -
    removed-first-step: step-removed: it followed `RUN cat /proc/sys/kernel/random/uuid > /gcc`, which was removed
    removed-step: step-removed: it followed `RUN cat /proc/sys/kernel/random/uuid > /make`, which was removed
    scratch-and-workdir: content: src/index.js
    scratch-and-workdir-unchanged: -
    secret-added: mount: `/run/secrets/other` was added
    shell-changed: command: the shell `/bin/sh -c` became `/bin/sh -e -c`
    source-date-epoch: build-arg: SOURCE_DATE_EPOCH was `1700000000`, and is `1700000100`
    stage-renamed: -
    swapped-steps: step-moved: it followed `RUN cat /proc/sys/kernel/random/uuid > /gcc`, and now follows `FROM base:1`
    two-arguments: build-arg: ONE was `1`, and is `2`; TWO was `1`, and is `2`
    two-bound-paths: content: one or more of package.json, src
    two-directories: content: b/y
    two-platforms-one-cached: platform: `linux/amd64` became `linux/386`
    two-stages-one-base-moves: base-image: `base:2` became `base:1`
    unused-argument: -
    user-and-mount: user-or-workdir: the user was set to `0:0`; `/scratch` was added
    warm-builder: content: src/index.js
    whitespace: -
    wildcard: file-added: c.json
    workdir-changed: user-or-workdir: the working directory `/a` became `/b`
    ");
}
