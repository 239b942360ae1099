//! The output for people.

use super::ageless;
use crate::support::command::{Run, Sandbox};
use crate::support::fixture::Fixture;

#[test]
fn ls_lists_the_refs_of_the_demo() {
    insta::assert_snapshot!(ageless(&Sandbox::new().run(&["ls", "demo"])), @r"
    REF            KIND AGE     SIZE  ONLY HERE  LAYERS  RESULTS  KEYS ONLY
    main           cache AGE  237 KiB    109 KiB      17       15         10
    pr-18          cache AGE  237 KiB   96.8 KiB      17       15         10
    pr-14          cache AGE  237 KiB    190 KiB      17       15         10
    pr-9           cache AGE  174 KiB   33.5 KiB      12       10         14
    web-amd64-386  cache AGE  522 KiB    522 KiB      13       10          6
    release-1.1    cache AGE  174 KiB   46.0 KiB      12       10         13
    pr-5           cache AGE  161 KiB   33.6 KiB      12        9         13  ! 1 blob missing
    pr-3           cache AGE  206 KiB   40.8 KiB      15       13         12
    release-1.0    cache AGE  237 KiB   72.1 KiB      17       15         10
    exit 0
    ");
}

#[test]
fn ls_narrows_by_name_and_by_filter() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(ageless(&sandbox.run(&["ls", "demo#main"])), @r"
    REF   KIND AGE     SIZE  ONLY HERE  LAYERS  RESULTS  KEYS ONLY
    main  cache AGE  237 KiB    109 KiB      17       15         10
    exit 0
    ");
    insta::assert_snapshot!(ageless(&sandbox.run(&["ls", "demo", "--filter", "ref~^pr- state:missing"])), @r"
    REF   KIND AGE     SIZE  ONLY HERE  LAYERS  RESULTS  KEYS ONLY
    pr-5  cache AGE  161 KiB   33.6 KiB      12        9         13  ! 1 blob missing
    exit 0
    ");
    insta::assert_snapshot!(ageless(&sandbox.run(&["ls", "demo", "--filter", "size>1T"])), @r"
    none of the 9 refs matches
    exit 0
    ");
    insta::assert_snapshot!(ageless(&sandbox.run(&["ls", "demo", "--filter", "size>>1T"])), @r"
    error: invalid value 'size>>1T' for '--filter <FILTER>': `>1T` is not a size; write it as 500MB, 1.5GiB or a number of bytes

    For more information, try '--help'.
    exit 2
    ");
}

#[test]
fn du_sums_up_the_demo() {
    insta::assert_snapshot!(ageless(&Sandbox::new().run(&["du", "demo"])), @r"
    demo  9 refs
    STATE    OBJECTS      SIZE  SHARE
    live         111   1.5 MiB   80 %  reached from a ref
    orphan        30   335 KiB   18 %  reached from no ref
    partial        1  30.2 KiB    2 %  unfinished uploads
    total        142   1.8 MiB –
    missing        1  12.3 KiB –  named by a ref, not stored: importing builds fail
    exit 0
    ");
    insta::assert_snapshot!(ageless(&Sandbox::new().run(&["du", "demo#main"])), @r"
    error: du sums up a whole store, and demo#main names one ref
      hint: `cachelens ls SOURCE#REF` gives the sizes of one ref
    exit 2
    ");
}

#[test]
fn show_names_steps_by_the_provenance_that_it_is_given() {
    let sandbox = Sandbox::new();
    let mini = Fixture::named("mini");
    mini.write_layout("local.json", &sandbox.path("cache"));
    insta::assert_snapshot!(ageless(&sandbox.run(&["show", "./cache#c03"])), @r"
    c03  cache  sha256:89b800309d6319d26ac4277afe8f25ccbcf4cfc20b8778c2f647ad695519b419
    144 KiB, 65.8 KiB only here
    age AGE (TIME, from the cache config)
    mode max: 6 steps with a result, 138 KiB; an export with mode=min would keep 1 of them, 77.5 KiB

       STEP                 WHERE      SIZE     CHAIN AGE  ALSO IN  KEY
    ✓  FILE · 57a5ab45ee83 –          92 B  47.3 KiB AGE        2  57a5ab45ee83
    ✓  COPY · 9152319c3986 –         144 B  47.5 KiB AGE        2  9152319c3986
    ✓  RUN · 950c3ebe26fe –      30.2 KiB   108 KiB AGE –  950c3ebe26fe
    ✓  COPY · d77d59e96cc3 –      30.3 KiB  77.5 KiB AGE –  d77d59e96cc3
    ✓  RUN · eb40ed05e2e0 –      30.2 KiB  77.7 KiB AGE        2  eb40ed05e2e0
    ✓  COPY · ec5c52795367 –         159 B  77.8 KiB AGE        1  ec5c52795367

    ✓ the result can be loaded   ○ only the key is left   ! broken   (5 sources and files not listed)
    steps have no names without evidence: give the build's provenance with --provenance FILE

    LAYER  ON  BLOB                     SIZE AGE  USED BY  TYPE
        0   5  sha256:91515830334b  30.2 KiB AGE        1  tar+gzip
        1   4  sha256:a92b01cb35a4      92 B AGE        5  tar+gzip
        2 –  sha256:cb59a7ae8e38  22.9 KiB AGE        6  tar+gzip
        3   4  sha256:e3f0942e5d10  30.3 KiB AGE        1  tar+gzip
        4   2  sha256:e5fd60b45f5b  24.3 KiB AGE        6  tar+gzip
        5   6  sha256:ec362a02b0df     159 B AGE        2  tar+gzip
        6   7  sha256:f2160b0a3f4c  30.2 KiB AGE        3  tar+gzip
        7   1  sha256:fd3bff49ef46     144 B AGE        4  tar+gzip
    exit 0
    ");
    let provenance = mini.path("provenance/c03.json");
    let provenance = provenance.to_str().unwrap();
    let arguments = ["show", "./cache#c03", "--provenance", provenance];
    insta::assert_snapshot!(ageless(&sandbox.run(&arguments)), @r"
    c03  cache  sha256:89b800309d6319d26ac4277afe8f25ccbcf4cfc20b8778c2f647ad695519b419
    144 KiB, 65.8 KiB only here
    age AGE (TIME, from the cache config)
    mode max: 6 steps with a result, 138 KiB; an export with mode=min would keep 1 of them, 77.5 KiB

       STEP                                       WHERE             SIZE     CHAIN AGE  ALSO IN  KEY
    ✓  WORKDIR /src                               Dockerfile:2      92 B  47.3 KiB AGE        2  57a5ab45ee83
    ✓  COPY go.mod ./                             Dockerfile:3     144 B  47.5 KiB AGE        2  9152319c3986
    ✓  RUN go mod download                        Dockerfile:4  30.2 KiB  77.7 KiB AGE        2  eb40ed05e2e0
    ✓  COPY main.go ./                            Dockerfile:5     159 B  77.8 KiB AGE        1  ec5c52795367
    ✓  RUN go build -race                         Dockerfile:6  30.2 KiB   108 KiB AGE –  950c3ebe26fe
    ✓  COPY --from=build /src/bin /usr/local/bin  Dockerfile:9  30.3 KiB  77.5 KiB AGE –  d77d59e96cc3

    ✓ the result can be loaded   ○ only the key is left   ! broken   (5 sources and files not listed)

    LAYER  ON  BLOB                     SIZE AGE  USED BY  TYPE
        0   5  sha256:91515830334b  30.2 KiB AGE        1  tar+gzip
        1   4  sha256:a92b01cb35a4      92 B AGE        5  tar+gzip
        2 –  sha256:cb59a7ae8e38  22.9 KiB AGE        6  tar+gzip
        3   4  sha256:e3f0942e5d10  30.3 KiB AGE        1  tar+gzip
        4   2  sha256:e5fd60b45f5b  24.3 KiB AGE        6  tar+gzip
        5   6  sha256:ec362a02b0df     159 B AGE        2  tar+gzip
        6   7  sha256:f2160b0a3f4c  30.2 KiB AGE        3  tar+gzip
        7   1  sha256:fd3bff49ef46     144 B AGE        4  tar+gzip
    exit 0
    ");
    let arguments = [
        "show",
        "./cache#c03",
        "--provenance",
        provenance,
        "--filter",
        "step~COPY",
        "--quiet",
    ];
    insta::assert_snapshot!(ageless(&sandbox.run(&arguments)), @r"
    c03  cache  sha256:89b800309d6319d26ac4277afe8f25ccbcf4cfc20b8778c2f647ad695519b419
    144 KiB, 65.8 KiB only here
    age AGE (TIME, from the cache config)
    mode max: 6 steps with a result, 138 KiB; an export with mode=min would keep 1 of them, 77.5 KiB

       STEP                                       WHERE             SIZE     CHAIN AGE  ALSO IN  KEY
    ✓  COPY go.mod ./                             Dockerfile:3     144 B  47.5 KiB AGE        2  9152319c3986
    ✓  COPY main.go ./                            Dockerfile:5     159 B  77.8 KiB AGE        1  ec5c52795367
    ✓  COPY --from=build /src/bin /usr/local/bin  Dockerfile:9  30.3 KiB  77.5 KiB AGE –  d77d59e96cc3

    ✓ the result can be loaded   ○ only the key is left   ! broken   (3 sources and files not listed)

    LAYER  ON  BLOB                     SIZE AGE  USED BY  TYPE
        0   5  sha256:91515830334b  30.2 KiB AGE        1  tar+gzip
        1   4  sha256:a92b01cb35a4      92 B AGE        5  tar+gzip
        2 –  sha256:cb59a7ae8e38  22.9 KiB AGE        6  tar+gzip
        3   4  sha256:e3f0942e5d10  30.3 KiB AGE        1  tar+gzip
        4   2  sha256:e5fd60b45f5b  24.3 KiB AGE        6  tar+gzip
        5   6  sha256:ec362a02b0df     159 B AGE        2  tar+gzip
        6   7  sha256:f2160b0a3f4c  30.2 KiB AGE        3  tar+gzip
        7   1  sha256:fd3bff49ef46     144 B AGE        4  tar+gzip
    exit 0
    ");
}

#[test]
fn show_marks_what_is_broken() {
    let demo = Sandbox::new().run(&["show", "demo#pr-9"]);
    let shown = ageless(&demo);
    // The times in the demo move with the clock, and so does the digest of a ref.
    let mut words = shown.split_whitespace();
    let digest = words.find(|word| word.starts_with("sha256:")).unwrap();
    insta::assert_snapshot!(shown.replace(digest, "DIGEST"), @r"
    pr-9  cache  DIGEST
    174 KiB, 33.5 KiB only here
    age AGE (TIME, from the cache config)
    mode max: 10 steps with a result, 165 KiB; an export with mode=min would keep 1 of them, 90.0 KiB

       STEP                                          WHERE              SIZE     CHAIN AGE  ALSO IN  KEY
    ✓  WORKDIR /app                                  Dockerfile:2       92 B  47.3 KiB AGE        4  807b3e8722c6
    ✓  COPY package.json package-lock.json ./        Dockerfile:3      227 B  47.5 KiB AGE        1  1704e8bf5aa9
    ✓  RUN npm ci                                    Dockerfile:4   49.9 KiB  97.5 KiB AGE        1  da55fffb9aa4
    ✓  COPY web ./web                                Dockerfile:7      217 B  97.7 KiB AGE        1  91cc5c91f640
    ✓  RUN npm run build                             Dockerfile:9   12.2 KiB   110 KiB AGE –  2f70e536a1a3
    ○  WORKDIR /src                                  Dockerfile:12 – – – –  57a5ab45ee83
    ○  COPY go.mod ./                                Dockerfile:13 – – – –  9152319c3986
    ○  RUN go mod download                           Dockerfile:14 – – – –  eb40ed05e2e0
    ○  COPY api ./api                                Dockerfile:15 – – – –  4fdf24ecf9ed
    ○  RUN go build -trimpath ./api                  Dockerfile:16 – – – –  f71fe2ce3783
    ✓  RUN npm test && echo ok > /report.txt         Dockerfile:20  12.3 KiB   110 KiB AGE        1  4fd7e03af922
    ✓  COPY --from=api /src/bin /usr/local/bin       Dockerfile:24  30.2 KiB  77.5 KiB AGE        1  d77d59e96cc3
    ✓  COPY --from=web /app/dist /srv                Dockerfile:25  12.2 KiB  89.7 KiB AGE –  5d74d000bc05
    ✓  COPY --from=test /report.txt /srv/report.txt  Dockerfile:26     142 B  89.8 KiB AGE –  e0d7b2d4c880
    ✓  COPY assets /srv/assets                       Dockerfile:27     162 B  90.0 KiB AGE –  89d21dcbb083

    ✓ the result can be loaded   ○ only the key is left   ! broken   (9 sources and files not listed)

    LAYER  ON  BLOB                     SIZE AGE  USED BY  TYPE
        0   9  sha256:001116737758     162 B AGE        1  tar+gzip
        1   3  sha256:054ef814d3f8  24.3 KiB AGE       10  tar+gzip
        2   1  sha256:0bec145d0a37  30.2 KiB AGE        4  tar+gzip
        3 –  sha256:1a292d1e779b  22.9 KiB AGE       10  tar+gzip
        4   8  sha256:2a0d76d72550  12.2 KiB AGE        1  tar+gzip
        5  10  sha256:31df03953a07  49.9 KiB AGE        4  tar+gzip
        6   1  sha256:72c55f3d491d      92 B AGE        6  tar+gzip
        7   2  sha256:7346edfd8969  12.2 KiB AGE        3  tar+gzip
        8   5  sha256:c0962b0d593e     217 B AGE        3  tar+gzip
        9   7  sha256:df24817f71af     142 B AGE        2  tar+gzip
       10   6  sha256:ebef9d620c51     227 B AGE        5  tar+gzip
       11   8  sha256:f64ba9bd8b1b  12.3 KiB AGE        1  tar+gzip
    exit 0
    ");
}

#[test]
fn help_says_what_there_is() {
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
      blobs        List the blobs of a cache: live, orphaned, missing and shared ones
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

              This overrides --write and the configuration.

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
          --context <DIR>          The build context, for the steps of a Dockerfile
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
fn colours_change_nothing_but_the_colours() {
    let sandbox = Sandbox::new();
    let escape = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
    for command in [&["ls", "demo"][..], &["du", "demo"], &["show", "demo#main"]] {
        let plain = sandbox.run(command);
        let colored = sandbox.run(&[command, &["--color", "always"]].concat());
        assert!(
            !plain.stdout.contains('\x1b') && colored.stdout.contains('\x1b'),
            "{command:?}"
        );
        let painted = |run: &Run| Run {
            stdout: escape.replace_all(&run.stdout, "").into_owned(),
            ..run.clone()
        };
        assert_eq!(ageless(&painted(&colored)), ageless(&plain), "{command:?}");
        // A pipe gets no colours, but an explicit request for colours overrides NO_COLOR.
        let mut asked = sandbox.command();
        let asked = Run::new(
            asked
                .env("NO_COLOR", "1")
                .args(command)
                .args(["--color", "always"])
                .output()
                .unwrap(),
        );
        assert_eq!(ageless(&asked), ageless(&colored), "{command:?}");
        for when in ["auto", "never"] {
            let run = sandbox.run(&[command, &["--color", when]].concat());
            assert_eq!(ageless(&run), ageless(&plain), "{command:?} {when}");
        }
    }
}

#[test]
fn completions_and_the_manual_come_from_the_same_arguments() {
    let sandbox = Sandbox::new();
    for shell in ["elvish", "powershell"] {
        let run = sandbox.run(&["completions", shell]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{shell}");
        for word in ["cachelens", "du", "--provenance", "--color"] {
            assert!(
                run.stdout.contains(word.trim_start_matches('-')),
                "{shell}: {word}"
            );
        }
    }
    let page = sandbox.run(&["man"]);
    assert_eq!((page.code, page.stderr.as_str()), (Some(0), ""));
    assert!(page.stdout.contains(".TH CACHELENS 1") && page.stdout.contains("BuildKit"));
    assert_eq!(sandbox.run(&["completions", "tcsh"]).code, Some(2));
}

#[test]
fn config_says_where_it_is_what_holds_and_whether_it_is_right() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run(&["config", "path"]), @r"
    error: there is no configuration file; the defaults are in effect
      hint: write cachelens.toml here, or in the `cachelens` folder of your configuration directory
    exit 1
    ");
    assert_eq!(
        sandbox.run(&["config", "check", "--json"]).code,
        sandbox.run(&["config", "check"]).code
    );
    assert_eq!(
        sandbox.run(&["config", "path", "--json"]).json()["path"],
        serde_json::Value::Null
    );

    let home = std::fs::canonicalize(sandbox.path("")).unwrap();
    let run = |arguments: &[&str]| {
        sandbox
            .run(arguments)
            .to_string()
            .replace(home.to_str().unwrap(), "~")
    };
    let write = |text: &str| std::fs::write(sandbox.path("cachelens.toml"), text).unwrap();
    write("sources = [\"./a\", \"demo\"]\n[scan]\nconcurency = 3\n");
    insta::assert_snapshot!(run(&["config", "check"]), @r"
    error: ~/cachelens.toml:3:1: unknown key `concurency` in [scan]
     3 | concurency = 3
       | ^^^^^^^^^^
       = did you mean `concurrency`?
    exit 2
    ");
    write("sources = [\"./a\", \"demo\"]\n[scan]\nconcurrency = 3\n");
    insta::assert_snapshot!(run(&["config", "check"]), @r"
    ~/cachelens.toml is right
    exit 0
    ");
    insta::assert_snapshot!(run(&["config", "print", "--timeout", "90s", "--quiet"]), @r#"
    sources = [
        "~/a",  # ./cachelens.toml:1
        "demo",  # ./cachelens.toml:1
    ]

    [ui]
    theme = "auto"  # default
    mouse = true  # default

    [scan]
    concurrency = 3  # ./cachelens.toml:3
    timeout = "1m 30s"  # --timeout

    [state]
    keep = true  # default

    [retention]
    grace = "2d"  # default
    settle = "30s"  # default
    zone = "UTC"  # default
    exit 0
    "#);
    let path = home.join("cachelens.toml");
    assert_eq!(
        sandbox.run(&["config", "path"]).stdout,
        format!("{}\n", path.display())
    );

    write("sources = 3\n");
    insta::assert_snapshot!(run(&["ls"]), @r"
    error: ~/cachelens.toml:1:11: expected an array of strings
     1 | sources = 3
       |           ^
    exit 2
    ");
    insta::assert_snapshot!(run(&["ls", "--config", "nowhere.toml"]), @r"
    error: there is no configuration file `~/nowhere.toml`
    exit 2
    ");
}

#[test]
fn several_sources_have_headings_and_a_sum() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["ls", "demo", "./nowhere"]);
    assert!(run.stdout.starts_with("demo\nREF"), "{}", run.stdout);
    let run = sandbox.run(&["du", "demo", "demo"]);
    let last = run.stdout.lines().last().unwrap();
    insta::assert_snapshot!(last, @"2 sources  3.7 MiB stored, 2.9 MiB live, 670 KiB orphan");
}

#[test]
fn prune_says_how_long_the_grace_is() {
    let run = Sandbox::new().run(&["prune", "demo", "--grace", "200d"]);
    let notes: Vec<&str> = run.stdout.lines().rev().take(3).collect();
    let grace = "The grace is 200d: builds may still use blobs that are younger. A run after ";
    assert!(notes[2].starts_with(grace), "{}", run.stdout);
    assert!(
        notes[1].starts_with("No rule names a ref, so all refs stay"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_plan_shows_what_deleting_each_ref_alone_would_free() {
    let sandbox = Sandbox::new();
    let plan = sandbox.run(&["prune", "demo", "--drop-ref", "pr-*"]).stdout;
    let listed = sandbox.run(&["ls", "demo", "--columns", "ref,exclusive", "--no-headers"]);
    for line in listed.stdout.lines() {
        let (name, size) = line.split_once(' ').unwrap();
        let start = format!("ref      {name} ");
        let short = format!("ref   {name} ");
        let row = plan
            .lines()
            .find(|row| row.starts_with(&start) || row.starts_with(&short));
        let row = row.unwrap_or_else(|| panic!("no {name} in {plan}"));
        assert!(
            row.contains(&format!(" {}  ", size.trim())),
            "{size}: {row}"
        );
    }
    assert!(
        plan.contains("The size of a ref is what deleting it alone would free."),
        "{plan}"
    );
}
