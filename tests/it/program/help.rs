//! `--help` of the program and of `show`.

use crate::support::command::Sandbox;

#[test]
fn help_lists_commands_and_options() {
    // The help ends some lines with spaces, which editors remove.
    let help = |arguments: &[&str]| {
        let run = Sandbox::new().run(arguments).to_string();
        run.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(help(&["--help"]), @r"
    Inspect, check and prune BuildKit remote caches, and explain cache misses

    Usage: cachelens [OPTIONS] [SOURCE]...
           cachelens <COMMAND>

    Commands:
      ls           List the refs of a cache, with their sizes and ages
      show         Show one ref: its steps and layers
      why          Explain why each step of a build hit or missed its cache
      diff         Compare two refs by cache key
      du           Show how much of a cache is live, orphaned, missing and unknown
      blobs        List the blobs of a cache: live, orphaned, missing or shared
      files        List the files of a layer, by its digest or the step that made it
      cat          Print a file of a layer, or the layer as it is stored
      check        Find faults, risks and waste in a cache; usable as a CI gate
      report       Write one page about caches, as HTML or Markdown
      find         Find the caches that a repository declares, and mistakes in them
      init         Write a cachelens.toml from the caches that a repository declares
      prune        Plan deletions from a cache; delete with --yes or --apply
      repair       Plan repairs for findings of check; repair with --yes or --apply
      demo         Open the terminal UI on the built-in cache
      completions  Print a completion script for a shell
      man          Print a manual page, or write all of them
      help         Print the flags of a command, or a topic of the manual
      config       Locate, print or check the configuration
      version      Print the version, commit and platform

    Arguments:
      [SOURCE]...
              The caches to open in the terminal UI.

              A directory (./cache, oci:DIR), a bucket (s3://bucket/prefix), a repository or a ref of it
              in a registry (ghcr.io/acme/app, ghcr.io/acme/app:buildcache), the store of a registry on
              disk (registry-dir:PATH), the cache of a repository on GitHub (gha:owner/repo), the
              built-in one (demo), or a value of --cache-to or --cache-from (type=…). SOURCE#REF selects
              one ref; with a `*` in REF, all that match.

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Why steps ran:
          --build <EVIDENCE>
              Evidence of a build; with SOURCE#REF, its causes are shown first

          --baseline <EVIDENCE>
              Evidence of an earlier build, to show the changes since then

          --context <DIR>
              The build context on disk; NAME=DIR for a named context

    Global options:
          --json
              Print one JSON document instead of tables

          --config <FILE>
              Read this configuration file instead of looking for cachelens.toml

          --color <WHEN>
              When to use colours; NO_COLOR also disables them

              Possible values:
              - auto:   On a terminal, unless NO_COLOR is set
              - always: Always
              - never:  Never

              [default: auto]

      -q, --quiet
              Print results and errors only: no progress, no warnings

      -v, --verbose...
              Log to standard error; repeat for more (-vv, -vvv)

          --log-file <FILE>
              Log to a file

          --concurrency <N>
              Read at most N documents at once

          --timeout <DURATION>
              Limit a request, with its retries and pauses, to this time, such as 30s

          --theme <THEME>
              Colours of the terminal UI; auto follows the background of the terminal

          --plain
              Show a numbered menu of text instead of the terminal UI, without cursor movements

          --write
              Allow deletions in the terminal UI; each plan needs a confirmation

          --read-only
              Never change a store.

              The terminal UI then ignores --write, and commands refuse to change a store.

          --no-touch
              Skip reads that count as a use.

              Reading the contents of a GitHub Actions cache counts as a use of it.

          --no-state
              Keep no records of scans in the state directory, and no consent to contact a host

    Registries:
          --username <NAME>
              Log in as this user instead of with the login of Docker or Podman

          --password-stdin
              Read the password or token from standard input

          --ca <FILE>
              Also trust the certificate authority in this file

          --client-cert <FILE>
              The client certificate for registries; needs --client-key

          --client-key <FILE>
              The key of the client certificate

          --plain-http
              Use HTTP without TLS

          --verify-blobs
              Check that each referenced blob exists, with one request per blob

          --no-disk-cache
              Neither write nor read copies of manifests on disk

    Buckets:
          --no-sign-request
              Send requests without credentials, for public buckets.

              For one source only, use `no_sign_request=true` in it.

    A SOURCE is a directory (./cache, oci:dir), a bucket (s3://…), an image or repository
    (ghcr.io/acme/app), `gha:OWNER/REPOSITORY`, a `type=…` string as in --cache-to, or `demo`.
    SOURCE#REF selects one ref.

    Exit codes: 0 success, 1 failure, 2 usage or configuration error, 3 a gate failed, 4 partial
    success, 130 interrupted.

    Help: `cachelens help` lists the topics of the manual. --help also shows the global options (--json,
    --config, --color, --quiet, -v, logins, …).
    exit 0
    ");
    insta::assert_snapshot!(help(&["show", "-h"]), @r"
    Show one ref: its steps and layers

    Usage: cachelens show [OPTIONS] <SOURCE#REF>

    Arguments:
      <SOURCE#REF>  The ref to show, such as ./cache#main

    Options:
          --provenance <EVIDENCE>  Name the steps from evidence of the build that wrote the ref
          --context <DIR>          The build context, for the steps that copy its files
          --filter <FILTER>        Show only matching records, such as 'step~npm state:key-only'
      -h, --help                   Print help (see more with '--help')

    The build, as a Dockerfile describes it:
      -f, --file <DOCKERFILE>           The Dockerfile to explain; `-` reads standard input
          --build-context <NAME=VALUE>  An additional context
          --build-arg <NAME[=VALUE]>    A build argument; the default value is from the environment
          --target <STAGE>              The stage to build
          --platform <PLATFORM>         The target platforms, such as linux/arm64
          --label <NAME=VALUE>          A label of the image; it changes no cache key
          --network <MODE>              The network of commands: default, host or none
          --no-cache                    The build does not use the cache
          --no-cache-filter <STAGE>     The build does not use the cache for these stages
          --add-host <NAME:IP>          An addition to /etc/hosts
          --shm-size <SIZE>             The size of /dev/shm
          --ulimit <NAME=SOFT:HARD>     A limit of a resource
          --cgroup-parent <GROUP>       The control group of commands
          --image <NAME=EVIDENCE>       Resolve a base image from this evidence
          --offline                     Do not contact registries for base images
    exit 0
    ");
}

#[test]
fn only_flags_of_the_build_are_below_its_heading() {
    for command in ["why", "show", "check", "prune"] {
        let help = Sandbox::new().run(format!("{command} -h")).stdout;
        let (options, build) = help
            .split_once("\nThe build, as a Dockerfile describes it:\n")
            .unwrap();
        assert!(build.contains("--build-arg"), "{help}");
        for flag in ["--format", "--fail-on", "--summary", "--help", "COMMAND"] {
            assert!(!build.contains(flag), "{command}: {flag}\n{help}");
        }
        assert!(options.contains("--help"), "{help}");
    }
}

#[test]
fn each_line_of_the_list_of_commands_fits_80_columns() {
    let help = Sandbox::new().run("-h").stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    assert!(commands.lines().count() > 15, "{help}");
    for line in commands.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(!line.starts_with("    "), "{line}");
    }
}
