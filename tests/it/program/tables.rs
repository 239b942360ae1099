//! What people see.

use super::ageless;
use crate::support::command::{Run, Sandbox};
use crate::support::fixture::Fixture;

#[test]
fn ls_lists_the_refs_of_the_demo() {
    insta::assert_snapshot!(ageless(&Sandbox::new().run(&["ls", "demo"])), @r"
    REF          KIND AGE      SIZE  ONLY HERE  LAYERS  RESULTS  KEYS ONLY
    main         cache AGE  95.9 KiB    6.0 KiB       6        4         17
    pr-14        cache AGE   237 KiB    148 KiB      17       15         10
    pr-12        cache AGE   237 KiB   97.1 KiB      17       15         10
    pr-9         cache AGE   174 KiB   33.8 KiB      12       10         14
    release-1.0  cache AGE   174 KiB   46.2 KiB      12       10         13
    pr-5         cache AGE   162 KiB   33.9 KiB      12        9         13  ! 1 blob missing
    exit 0
    ");
}

#[test]
fn ls_narrows_by_name_and_by_filter() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(ageless(&sandbox.run(&["ls", "demo#main"])), @r"
    REF   KIND AGE      SIZE  ONLY HERE  LAYERS  RESULTS  KEYS ONLY
    main  cache AGE  95.9 KiB    6.0 KiB       6        4         17
    exit 0
    ");
    insta::assert_snapshot!(ageless(&sandbox.run(&["ls", "demo", "--filter", "ref~^pr- state:missing"])), @r"
    REF   KIND AGE     SIZE  ONLY HERE  LAYERS  RESULTS  KEYS ONLY
    pr-5  cache AGE  162 KiB   33.9 KiB      12        9         13  ! 1 blob missing
    exit 0
    ");
    insta::assert_snapshot!(ageless(&sandbox.run(&["ls", "demo", "--filter", "size>1T"])), @r"
    none of the 6 refs matches
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
    demo  6 refs
    STATE    OBJECTS      SIZE  SHARE
    live          64   652 KiB   80 %  reached from a ref
    orphan        16   149 KiB   18 %  reached from no ref
    partial        1  16.8 KiB    2 %  unfinished uploads
    total         81   818 KiB –
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
    let arguments = ["show", "./cache#c03", "--provenance", provenance, "--filter", "step~COPY", "--quiet"];
    insta::assert_snapshot!(ageless(&sandbox.run(&arguments)), @r"
    c03  cache  sha256:89b800309d6319d26ac4277afe8f25ccbcf4cfc20b8778c2f647ad695519b419
    144 KiB, 65.8 KiB only here
    age AGE (TIME, from the cache config)

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
    insta::assert_snapshot!(ageless(&demo), @r"
    pr-9  cache  sha256:0203fd39c3caea72bb71acc7bdbb5f1fa2f57e75cc89e6d2f2c1537dbd54917c
    174 KiB, 33.8 KiB only here
    age AGE (TIME, from the cache config)

       STEP                                          WHERE              SIZE     CHAIN AGE  ALSO IN  KEY
    ✓  WORKDIR /app                                  Dockerfile:2       92 B  47.3 KiB AGE        3  807b3e8722c6
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
    // The help ends some lines with spaces, which no editor keeps.
    let help = |arguments: &[&str]| {
        let run = Sandbox::new().run(arguments).to_string();
        run.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(help(&["--help"]), @r"
    Opens BuildKit remote caches, shows what is in them, prunes them, and says why builds missed them

    Usage: cachelens [OPTIONS] [SOURCE]...
           cachelens <COMMAND>

    Commands:
      ls           List the refs of a cache, with their sizes and ages
      show         Show one ref: its steps and layers
      why          Tell why each step of a build hit or missed its cache
      diff         Tell what changed between two refs, by cache key
      du           Sum up what is live, orphaned, missing and unknown
      check        Find what breaks builds, what endangers them, and what is waste; a gate for CI
      prune        Plan what goes from a cache and why, and with --yes or --apply delete it
      demo         Open the terminal UI on the built-in cache
      completions  Print a completion script for a shell
      man          Print the manual page
      config       Say where the configuration is, what it amounts to, and whether it is right

    Arguments:
      [SOURCE]...
              The caches to open in the terminal UI.

              A directory (./cache, oci:DIR), a bucket (s3://bucket/prefix), a repository or a ref of it
              in a registry (ghcr.io/acme/app, ghcr.io/acme/app:buildcache), the store of a registry on
              disk (registry-dir:PATH), the cache of a repository on GitHub (gha:owner/repo), the
              built-in one (demo), or what stands in --cache-to or --cache-from (type=…). SOURCE#REF
              selects one ref.

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Why steps ran:
          --build <EVIDENCE>
              What tells of a build: with SOURCE#REF, why its steps ran is shown at once

          --baseline <EVIDENCE>
              The same of an earlier build, to tell what changed since

          --context <DIR>
              The build context on the disk; NAME=DIR for a named one

    Global options:
          --json
              Print one JSON document instead of tables

          --config <FILE>
              Read this configuration file instead of looking for cachelens.toml

          --color <WHEN>
              When to use colours; NO_COLOR turns them off, too

              Possible values:
              - auto:   On a terminal, unless NO_COLOR is set
              - always: Always
              - never:  Never

              [default: auto]

      -q, --quiet
              Print results and errors only: no progress, no warnings

      -v...
              Log to standard error; twice and three times for more

          --log-file <FILE>
              Log to a file

          --concurrency <N>
              How many documents are read at once

          --timeout <DURATION>
              Give up on a source that does not answer for this long, as in 30s or 5m

          --write
              Let the terminal UI delete what a plan shows and a person confirms

          --read-only
              Change nothing in any store, whatever --write or the configuration allow

          --no-touch
              Read nothing where reading counts as a use: the contents of GitHub Actions caches

    Registries:
          --username <NAME>
              The user to log in as, instead of the login that Docker or Podman keep

          --password-stdin
              Read the password, or a token in its place, from standard input

          --ca <FILE>
              Trust the authority in this file, too

          --client-cert <FILE>
              Show this certificate to registries; needs --client-key

          --client-key <FILE>
              The key of that certificate

          --plain-http
              Speak HTTP without encryption

          --verify-blobs
              Ask for each blob whether it is there, which a registry does not list

          --no-cache
              Keep no copies of manifests on disk, and use none

    Buckets:
          --no-sign-request
              Ask without credentials, as public buckets allow; `no_sign_request=true` in a source is
              about that one

    A SOURCE is a directory (./cache, oci:dir), a bucket (s3://…), an image or repository
    (ghcr.io/acme/app), `gha:OWNER/REPOSITORY`, a `type=…` string as builds take it, or `demo`.
    SOURCE#REF names one ref of it.

    Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 a gate found something, 4 done in part,
    130 interrupted.
    exit 0
    ");
    insta::assert_snapshot!(help(&["show", "-h"]), @r"
    Show one ref: its steps and layers

    Usage: cachelens show [OPTIONS] <SOURCE#REF>

    Arguments:
      <SOURCE#REF>  The ref to show, as ./cache#main. A source with one ref needs no #REF

    Options:
          --provenance <EVIDENCE>  Name the steps by what tells of the build that wrote the ref: its
                                   provenance (SLSA, mode=max), a build record, an LLB definition, a
                                   daemon's cache debug data; or an image, for the provenance beside it
          --filter <FILTER>        Show only records that match, as in 'step~npm state:key-only size>1M'
      -h, --help                   Print help (see more with '--help')

    Global options:
          --json                Print one JSON document instead of tables
          --config <FILE>       Read this configuration file instead of looking for cachelens.toml
          --color <WHEN>        When to use colours; NO_COLOR turns them off, too [default: auto]
                                [possible values: auto, always, never]
      -q, --quiet               Print results and errors only: no progress, no warnings
      -v...                     Log to standard error; twice and three times for more
          --log-file <FILE>     Log to a file
          --concurrency <N>     How many documents are read at once
          --timeout <DURATION>  Give up on a source that does not answer for this long, as in 30s or 5m
          --write               Let the terminal UI delete what a plan shows and a person confirms
          --read-only           Change nothing in any store, whatever --write or the configuration allow
          --no-touch            Read nothing where reading counts as a use: the contents of GitHub
                                Actions caches

    Registries:
          --username <NAME>     The user to log in as, instead of the login that Docker or Podman keep
          --password-stdin      Read the password, or a token in its place, from standard input
          --ca <FILE>           Trust the authority in this file, too
          --client-cert <FILE>  Show this certificate to registries; needs --client-key
          --client-key <FILE>   The key of that certificate
          --plain-http          Speak HTTP without encryption
          --verify-blobs        Ask for each blob whether it is there, which a registry does not list
          --no-cache            Keep no copies of manifests on disk, and use none

    Buckets:
          --no-sign-request  Ask without credentials, as public buckets allow; `no_sign_request=true` in
                             a source is about that one
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
        assert!(!plain.stdout.contains('\x1b') && colored.stdout.contains('\x1b'), "{command:?}");
        let painted = |run: &Run| Run { stdout: escape.replace_all(&run.stdout, "").into_owned(), ..run.clone() };
        assert_eq!(ageless(&painted(&colored)), ageless(&plain), "{command:?}");
        // Nobody looks at a pipe; and whoever asks for colours in spite of NO_COLOR gets them.
        let mut asked = sandbox.command();
        let asked = Run::new(asked.env("NO_COLOR", "1").args(command).args(["--color", "always"]).output().unwrap());
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
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = sandbox.run(&["completions", shell]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{shell}");
        for word in ["cachelens", "du", "--provenance", "--color"] {
            assert!(run.stdout.contains(word.trim_start_matches('-')), "{shell}: {word}");
        }
    }
    let page = sandbox.run(&["man"]);
    assert_eq!((page.code, page.stderr.as_str()), (Some(0), ""));
    assert!(page.stdout.contains(".TH cachelens 1") && page.stdout.contains("BuildKit"));
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
    assert_eq!(sandbox.run(&["config", "check", "--json"]).code, sandbox.run(&["config", "check"]).code);
    assert_eq!(sandbox.run(&["config", "path", "--json"]).json()["path"], serde_json::Value::Null);

    let home = std::fs::canonicalize(sandbox.path("")).unwrap();
    let run = |arguments: &[&str]| sandbox.run(arguments).to_string().replace(home.to_str().unwrap(), "~");
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
    theme = "dark"  # default
    mouse = true  # default

    [scan]
    concurrency = 3  # ./cachelens.toml:3
    timeout = "1m 30s"  # --timeout

    [retention]
    grace = "2d"  # default
    zone = "UTC"  # default
    exit 0
    "#);
    let path = home.join("cachelens.toml");
    assert_eq!(sandbox.run(&["config", "path"]).stdout, format!("{}\n", path.display()));

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
