//! The selection of sources, and the results for several sources.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::support::command::{CommandLine, Sandbox};
use crate::support::registry::second::SecondRegistry;

/// Creates a sandbox whose `./cache` has the refs `main` and `pr-7`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    layout.tag("main", &layout.chain(&[layout.layer("a", 100)]));
    layout.tag("pr-7", &layout.chain(&[layout.layer("b", 100)]));
    sandbox
}

#[test]
fn invalid_sources_are_errors_with_a_suggestion() {
    let sandbox = sandbox();
    let cases = [
        "ls ./cache#mian",
        "show ./cache#something-else",
        "show ./cache",
        "show ./nowhere#main",
        "ls",
        "show",
        "du ./cache#main",
        "ls type=local",
        "ls type=locl,src=cache",
        "ls type=local,src=cache,tagg=main",
        "ls ./cache --colour never",
        "ls ./cache --color sometimes",
        "ls ./cache --timeout soon",
        "ls ./cache --concurrency 0",
        "show ./cache#main --provenance nowhere.json",
        "show ./cache#main --provenance cache/index.json",
        "show ./cache#main --provenance cache",
    ];
    let mut report = String::new();
    for case in cases {
        let run = sandbox.run(&case.split(' ').collect::<Vec<_>>());
        let warned = case.contains("tagg");
        assert!(warned || run.stdout.is_empty(), "{case}");
        writeln!(
            report,
            "$ {case}\n{}exit {}\n",
            run.stderr,
            run.code.unwrap()
        )
        .unwrap();
    }
    insta::assert_snapshot!(report, @r"
    $ ls ./cache#mian
    error: ./cache has no ref `mian`
      hint: did you mean `main`?
    exit 1

    $ show ./cache#something-else
    error: ./cache has no ref `something-else`
      hint: `cachelens ls ./cache` lists the 2 that it has
    exit 1

    $ show ./cache
    error: ./cache has 2 refs
      hint: name one, as in ./cache#main
    exit 2

    $ show ./nowhere#main
    error: nowhere does not exist
      hint: name the directory that `--cache-to type=local,dest=…` writes, or try `cachelens demo`
    exit 1

    $ ls
    error: no source is named, and none is configured
      hint: name a directory that type=local wrote, or try `demo`; `sources` in cachelens.toml works, too
    exit 2

    $ show
    error: the following required arguments were not provided:
      <SOURCE#REF>

    Usage: cachelens show <SOURCE#REF>

    For more information, try '--help'.
    exit 2

    $ du ./cache#main
    error: du sums up a whole store, and ./cache#main names one ref
      hint: `cachelens ls SOURCE#REF` gives the sizes of one ref
    exit 2

    $ ls type=local
    error: a source of type local needs `src`
      hint: add src=DIRECTORY
    exit 2

    $ ls type=locl,src=cache
    error: `type=locl` is no kind of cache
      hint: did you mean type=local?
    exit 2

    $ ls type=local,src=cache,tagg=main
    warning: a cache of type local has no attribute `tagg`; did you mean `tag`?
    exit 0

    $ ls ./cache --colour never
    error: unexpected argument '--colour' found

      tip: a similar argument exists: '--color'

    Usage: cachelens ls --color <WHEN> <SOURCE>...

    For more information, try '--help'.
    exit 2

    $ ls ./cache --color sometimes
    error: invalid value 'sometimes' for '--color <WHEN>'
      [possible values: auto, always, never]

    For more information, try '--help'.
    exit 2

    $ ls ./cache --timeout soon
    error: invalid value 'soon' for '--timeout <DURATION>': `soon` is not a duration; write it as 30d, 48h or 2w 3h

    For more information, try '--help'.
    exit 2

    $ ls ./cache --concurrency 0
    error: invalid value '0' for '--concurrency <N>': number would be zero for non-zero type

    For more information, try '--help'.
    exit 2

    $ show ./cache#main --provenance nowhere.json
    error: nowhere.json: cannot read it
      because: No such file or directory (os error 2)
      hint: name a file, a folder, `-`, an image, or an http(s) address
    exit 1

    $ show ./cache#main --provenance cache/index.json
    error: cache/index.json: not provenance: neither a statement nor a predicate of SLSA
      hint: evidence is provenance (mode=max), a build record, an LLB definition, a log, or cache debug data
    exit 1

    $ show ./cache#main --provenance cache
    error: cache: the image holds no provenance
      hint: build with `--attest type=provenance,mode=max`
    exit 1
    ");
}

#[test]
fn one_of_several_that_fails_leaves_the_rest() {
    let sandbox = sandbox();
    for command in ["ls", "du"] {
        let run = sandbox.run(format!("{command} ./nowhere ./cache ./cache#mian"));
        let expected = if command == "du" { Some(2) } else { Some(4) };
        assert_eq!(run.code, expected, "{run}");
        let run = sandbox.run(format!("{command} --json ./nowhere ./cache"));
        assert_eq!(run.code, Some(4));
        let document = run.json();
        assert_eq!(
            (&document["schema"], &document["command"]),
            (&json!(1), &json!(command))
        );
        assert_eq!(document["sources"].as_array().unwrap().len(), 1);
        assert_eq!(document["sources"][0]["source"], "./cache");
        let error = &document["errors"][0];
        assert_eq!(
            (&error["source"], &error["message"]),
            (&json!("./nowhere"), &json!("nowhere does not exist"))
        );
        assert!(error["hint"].as_str().unwrap().contains("type=local"));
        assert!(run.stderr.starts_with("error: nowhere does not exist\n"));
        let run = sandbox.run(format!("{command} ./cache ./nowhere"));
        assert_eq!(run.code, Some(4));
        assert!(run.stdout.contains("main") || command == "du");
    }
}

#[test]
fn without_a_source_those_of_the_configuration_are_meant() {
    let sandbox = sandbox();
    std::fs::write(
        sandbox.path("cachelens.toml"),
        "sources = [\"cache#main\", \"demo\"]\n",
    )
    .unwrap();
    let document = sandbox.json("ls --json");
    let refs = |source: usize| {
        document["sources"][source]["refs"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((refs(0), refs(1)), (1, 9));
}

#[test]
fn quiet_leaves_results_and_errors() {
    let sandbox = sandbox();
    let mut arguments = vec!["ls", "type=local,src=cache,tagg=main", "./nowhere"];
    let run = sandbox.run(&arguments);
    assert!(run.stderr.contains("warning: ") && run.stderr.contains("error: "));
    arguments.push("--quiet");
    let quiet = sandbox.run(&arguments);
    assert!(
        !quiet.stderr.contains("warning: ") && quiet.stderr.contains("error: "),
        "{}",
        quiet.stderr
    );
    assert_eq!((quiet.code, quiet.stdout), (run.code, run.stdout));
}

#[test]
fn the_log_is_written_to_the_given_file() {
    let sandbox = sandbox();
    let run = sandbox.run("ls ./cache -v");
    assert!(
        run.stderr.contains("scanned source=\"./cache\" refs=2"),
        "{}",
        run.stderr
    );
    let run = sandbox.run("ls ./cache --log-file log");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert!(
        std::fs::read_to_string(sandbox.path("log"))
            .unwrap()
            .contains("scanned")
    );
    let run = sandbox.run("ls ./cache --log-file no/such/folder");
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr
            .starts_with("error: the log file cannot be written"),
        "{}",
        run.stderr
    );
}

#[test]
fn global_flags_are_accepted_before_and_after_the_command() {
    let sandbox = Sandbox::new();
    let (before, after) = (
        sandbox.json("--json du demo"),
        sandbox.json("du demo --json"),
    );
    assert_eq!(before, after);
    // Only the first word can be a command.
    let run = sandbox.run("demo du");
    assert_eq!(run.code, Some(2), "{run}");
}

#[test]
fn sources_are_accepted_as_written_in_scripts() {
    let sandbox = sandbox();
    for arguments in [
        &["ls", " type=local,dest=cache,mode=max "][..],
        &["ls", "--cache-to=type=local,dest=cache,mode=max"],
        &["ls", "--cache-from type=local,src=cache"],
        &["ls", "--cache-to", "type=local,dest=cache"],
        &[
            "ls",
            "--export-cache=type=local,dest=cache",
            "--import-cache",
            "./cache",
        ],
        &["ls", "cache-to = [\"type=local,dest=cache\"]"],
        &["ls", "- type=local,src=cache"],
        &["ls", "oci:cache:main"],
        &[
            "ls",
            "type=local,mode=max,dest=cache,compression=zstd,force-compression=true,ignore-error=true,reset=true",
        ],
    ] {
        let run = sandbox.run(arguments);
        assert_eq!(run.code, Some(0), "{arguments:?}: {run}");
        assert!(run.stdout.contains("main"), "{arguments:?}: {run}");
        assert_eq!(run.stderr, "", "{arguments:?}");
    }
    for (source, message, hint) in [
        (
            "type=registry,ref=${IMAGE_NAME}:cache",
            "the variable `${IMAGE_NAME}` was not expanded",
            "put its value in its place",
        ),
        (
            "type=local,dest=$RUNNER_TEMP/cache",
            "the variable `$RUNNER_TEMP` was not expanded",
            "put its value",
        ),
        (
            "type=local,dst=./cache",
            "needs `src`, and has no attribute `dst`",
            "did you mean `dest`?",
        ),
        (
            "type=s3,buckt=b",
            "needs `bucket`, and has no attribute `buckt`",
            "did you mean `bucket`?",
        ),
    ] {
        let run = sandbox.run(format!("ls {source}"));
        assert_eq!(run.code, Some(2), "{run}");
        assert!(
            run.stderr.contains(message) && run.stderr.contains(hint),
            "{run}"
        );
    }
    let run = sandbox.run("ls docker://127.0.0.1:1/acme/app:main --timeout 2s");
    assert!(
        run.stderr.contains("127.0.0.1:1 cannot be reached"),
        "{run}"
    );
    assert!(!run.stderr.contains("docker://"), "{run}");
}

/// A Compose file that declares an existing cache, one that no build has written yet, and one on
/// another host.
const COMPOSE: &str = "\
services:
  web:
    build:
      context: .
      cache_from:
        - type=local,src=./cache
        - type=local,src=./later
        - type=registry,ref=registry.invalid/app:cache
";

#[test]
fn without_a_source_reading_commands_use_declared_caches() {
    let sandbox = sandbox();
    std::fs::write(sandbox.path("compose.yaml"), COMPOSE).unwrap();
    for command in ["ls", "du", "blobs"] {
        let run = sandbox.run(format!("{command} --json"));
        // The other host is contacted only if the user names it.
        assert_eq!(run.code, Some(4), "{command}: {run}");
        let document = run.json();
        let sources = document["sources"].as_array().unwrap();
        assert_eq!(sources.len(), 1, "{command}: {run}");
        assert!(
            sources[0]["source"].as_str().unwrap().ends_with("cache"),
            "{command}: {run}"
        );
        let errors = document["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{command}: {run}");
        let refused = errors[0]["source"].as_str().unwrap();
        assert!(
            refused.starts_with("registry.invalid/app"),
            "{command}: {run}"
        );
    }
}

#[test]
fn deleting_commands_use_no_declared_source() {
    let sandbox = sandbox();
    std::fs::write(sandbox.path("compose.yaml"), COMPOSE).unwrap();
    for command in ["prune", "repair"] {
        let run = sandbox.run(format!("{command} --yes"));
        assert_eq!(run.code, Some(2), "{command}: {run}");
    }
}

#[test]
fn a_plan_takes_what_files_here_declare() {
    let sandbox = sandbox();
    std::fs::write(sandbox.path("compose.yaml"), COMPOSE).unwrap();
    for command in ["prune", "repair"] {
        let run = sandbox.run(format!("{command} --json"));
        // The other host is contacted only if the user names it.
        assert_eq!(run.code, Some(4), "{command}: {run}");
        let document = run.json();
        let sources = document["sources"].as_array().unwrap();
        assert_eq!(sources.len(), 1, "{command}: {run}");
        let planned = sources[0]["plan"]["source"].as_str().unwrap();
        assert!(planned.ends_with("cache"), "{command}: {run}");
        let refused = document["errors"][0]["source"].as_str().unwrap();
        assert!(refused.starts_with("registry.invalid/app"), "{run}");
    }
}

#[test]
fn a_source_of_a_file_that_names_a_ref_stands_for_its_store() {
    let registry = SecondRegistry::with("mini");
    let sandbox = sandbox();
    let repository = format!("{}/mini-cache", registry.host());
    let config = sandbox.path("mine.toml");
    let text = format!("sources = [\"./cache\", \"{repository}:c01\", \"{repository}:c02\"]\n");
    std::fs::write(&config, text).unwrap();
    let config = ["--config", config.to_str().unwrap()];
    let planned = sandbox.json(config[..].after("prune --json"));
    let sources = planned["sources"].as_array().unwrap().iter();
    let names: Vec<_> = sources
        .map(|source| source["plan"]["source"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[1], repository);
    let page = sandbox.run(config[..].after("report --format markdown"));
    assert_eq!(page.code, Some(0), "{page}");
    assert!(page.stdout.contains(&repository), "{page}");
    // SOURCE means what it says.
    let one = format!("{repository}:c01");
    for command in ["prune", "report"] {
        assert_eq!(
            sandbox.run(format!("{command} '{one}'")).code,
            Some(2),
            "{command}"
        );
    }
}

#[test]
fn a_ref_that_may_not_be_read_is_a_part_that_failed() {
    let sandbox = Sandbox::obeying_modes();
    let mut layout = sandbox.layout();
    let manifest = layout.chain(&[layout.layer("a", 100)]);
    layout.tag("main", &manifest);
    let path = layout.blob_path(&manifest);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
    for command in ["ls", "du", "blobs"] {
        let run = sandbox.run(format!("{command} ./cache --json"));
        assert_eq!(run.code, Some(4), "{command}: {run}");
        let error = &run.json()["errors"][0];
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("main could not be read"), "{message}");
        let causes = error["causes"].to_string();
        assert!(causes.contains("Permission denied"), "{causes}");
    }
    let shown = sandbox.run("show ./cache#main");
    assert_eq!(shown.code, Some(4), "{shown}");
    assert!(!shown.stdout.contains("0 B"), "{shown}");
    // A manifest that is not stored is a fault of the cache, not of the reading.
    layout.lose(&manifest);
    assert_eq!(sandbox.run("ls ./cache").code, Some(0));
}

#[test]
fn addresses_and_words_that_mean_a_source_are_suggested() {
    let sandbox = Sandbox::new();
    let mut report = String::new();
    for source in [
        "https://ghcr.io/acme/app:cache",
        "https://github.com/acme/app",
        "https://user:hunter2@ghcr.io/acme/app",
        "alpine",
    ] {
        let run = sandbox.run(format!("ls {source}"));
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
        writeln!(report, "{}exit {}", run.stderr, run.code.unwrap()).unwrap();
    }
    insta::assert_snapshot!(report, @r"
    error: a source is not named by the address of a web page
      hint: write ghcr.io/acme/app:cache
    exit 2
    error: a source is not named by the address of a web page
      hint: write gha:acme/app
    exit 2
    error: `https://` names no kind of source
      hint: name a directory (./cache), an image (ghcr.io/acme/app:buildcache), s3://bucket/prefix, gha:owner/repo, demo or a `type=…` string
    exit 2
    error: alpine does not exist
      hint: name the directory that `--cache-to type=local,dest=…` writes; the image on Docker Hub is docker.io/library/alpine
    exit 1
    ");
}
