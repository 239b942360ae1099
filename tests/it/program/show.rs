//! `show` as a table.

use std::fs;

use super::ageless;
use crate::support::command::Sandbox;
use crate::support::fixture::Fixture;

#[test]
fn show_names_steps_from_given_provenance() {
    let sandbox = Sandbox::new();
    let mini = Fixture::named("mini");
    mini.write_layout("local.json", &sandbox.path("cache"));
    insta::assert_snapshot!(ageless(&sandbox.run("show ./cache#c03")), @r"
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
fn show_marks_key_only_steps() {
    let demo = Sandbox::new().run("show demo#pr-9");
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
fn the_files_of_a_context_prove_names_from_provenance() {
    let sandbox = Sandbox::new();
    let shop = Fixture::named("shop");
    shop.write_layout("local.json", &sandbox.path("cache"));
    let trees = shop.trees();
    let context = trees.path().join("tree/c07");
    // Its steps would have names of their own.
    fs::remove_file(context.join("Dockerfile")).unwrap();
    let provenance = shop.path("provenance/c07.json");
    let command = format!(
        "show ./cache#c07 --json --provenance '{}'",
        provenance.display()
    );
    let proved = |command: String| {
        let document = sandbox.run(command).json();
        let records = document["records"].as_array().unwrap();
        let is_proved = records
            .iter()
            .filter(|record| record["certainty"] == "proved");
        is_proved.count()
    };
    assert_eq!(proved(command.clone()), 3);
    assert_eq!(
        proved(format!("{command} --context '{}'", context.display())),
        21
    );
    let run = sandbox.run(format!("{command} --context ./absent"));
    assert_eq!(run.code, Some(2), "{run:?}");
    assert_eq!(run.stderr, "error: --context: ./absent does not exist\n");
}
