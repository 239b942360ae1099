//! Files that are large, broken or malicious.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::Repository;

#[test]
fn a_large_yaml_file_is_read_up_to_the_limit_with_a_note() {
    let mut text = String::from("services:\n");
    for number in 0..60_000 {
        text += &format!(
            "  s{number}:\n    image: reg/x:{number}\n    environment:\n      A: {number}\n"
        );
        if number == 30_000 {
            text +=
                "  needle:\n    build:\n      context: .\n      cache_from: [reg/needle:cache]\n";
        }
    }
    let repository = Repository::new().with("compose.yaml", text);
    let started = Instant::now();
    insta::assert_snapshot!(repository.declared(), @"compose.yaml:120009 import type=registry,ref=reg/needle:cache by compose for needle");
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(repository.findings("skipped"), ["compose.yaml:1"]);
}

#[test]
fn skips_aliases_that_expand_without_end() {
    let mut text =
        String::from("a0: &a0 [cache, cache, cache, cache, cache, cache, cache, cache, cache]\n");
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        text += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    let repository = Repository::new().with("compose.yaml", text);
    assert_eq!(repository.declared(), "");
    assert_eq!(repository.findings("skipped").len(), 1);
}

#[test]
fn survives_deep_nesting_in_every_language() {
    let deep = |head: &str, part: &str| format!("{head} cache {}", part.repeat(100_000));
    let repository = Repository::new()
        .with(".github/workflows/a.yml", deep("x:", "["))
        .with("docker-bake.hcl", deep("x =", "["))
        .with("other-bake.hcl", deep("x =", "!"))
        .with("more-bake.json", deep("{\"target\":", "["))
        .with("tsops.config.ts", deep("export default", "("))
        .with("a.sh", deep("echo", "$("))
        .with("b.sh", deep("echo", "${a:-"))
        .with("c.sh", deep("", "if a; then "))
        .with("Makefile", deep("X =", "$("))
        .with("Jenkinsfile", deep("", "{"))
        .with("justfile", deep("a :=", "("));
    assert_eq!(repository.declared(), "");
}

#[test]
fn links_and_ignored_files_are_not_read() {
    let repository = Repository::new()
        .with(
            "real.sh",
            "docker buildx build --cache-from type=gha,scope=real .\n",
        )
        .with(
            "out/ignored.sh",
            "docker buildx build --cache-from type=gha,scope=ignored .\n",
        )
        .with(
            ".git/hooks/x.sh",
            "docker buildx build --cache-from type=gha,scope=hook .\n",
        )
        .with(
            "node_modules/x/y.sh",
            "docker buildx build --cache-from type=gha,scope=module .\n",
        )
        .with(".gitignore", "out/\n");
    std::os::unix::fs::symlink("real.sh", repository.path().join("link.sh")).unwrap();
    insta::assert_snapshot!(repository.declared(), @"real.sh:1 import type=gha,scope=real by docker buildx for -");
}

#[test]
fn shows_no_credentials() {
    let script = "docker buildx build \\\n\
        --cache-to type=s3,bucket=b,region=r,access_key_id=AKIA1,secret_access_key=hunter2,session_token=tok3n \\\n\
        --cache-to type=gha,token=hunter2,url=https://user:hunter2@cache.example/,mode=max \\\n\
        --cache-from type=registry,ref=user:hunter2@reg.example/x:cache .\n";
    let repository = Repository::new().with("build.sh", script);
    let json = serde_json::to_string(&repository.found()).unwrap();
    for secret in ["hunter2", "AKIA1", "tok3n"] {
        assert!(!json.contains(secret), "{secret} is shown: {json}");
    }
    insta::assert_snapshot!(repository.declared(), @"
    build.sh:2 export type=s3,bucket=b,region=r by docker buildx for -
    build.sh:3 export type=gha,url=https://cache.example/,mode=max by docker buildx for -
    build.sh:4 import type=registry,ref=reg.example/x:cache by docker buildx for -
    ");
}

/// Names of files of every kind.
const NAMES: [&str; 24] = [
    ".github/workflows/a.yml",
    "action.yml",
    "docker-bake.hcl",
    "docker-bake.json",
    "compose.yaml",
    ".gitlab-ci.yml",
    "tsops.config.ts",
    "a.sh",
    "a.ps1",
    "a.bat",
    "Makefile",
    "Taskfile.yml",
    "justfile",
    "Jenkinsfile",
    "Earthfile",
    ".devcontainer/devcontainer.json",
    "config/deploy.yml",
    ".circleci/config.yml",
    "azure-pipelines.yml",
    ".buildkite/pipeline.yml",
    ".woodpecker.yml",
    ".drone.yml",
    "k8s.yaml",
    "package.json",
];

/// Words in files of all kinds.
const WORDS: [&str; 48] = [
    "docker buildx build",
    "--cache-from",
    "--cache-to=",
    "type=gha",
    "type=registry,ref=",
    "${{ env.X }}",
    "${X:-y}",
    "$(X)",
    "{{.X}}",
    "<< p.x >>",
    "<%= ENV['X'] %>",
    "\"",
    "'",
    "`",
    "\\",
    "\n",
    "\n  ",
    "\n\t",
    ":",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "=",
    "|",
    "&",
    "<<EOF\n",
    "if",
    "then",
    "fi",
    "for x in",
    "do",
    "done",
    "case",
    "esac",
    "target \"x\"",
    "cache-from",
    "cache_to",
    "jobs",
    "steps",
    "run",
    "export default",
    "=>",
    "\u{10ffff}",
    "é",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_in_any_file_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut repository = Repository::new();
        let content = [b"cache ".as_slice(), &bytes].concat();
        for name in NAMES {
            repository = repository.with(name, &content);
        }
        repository.found();
    }

    #[test]
    fn any_words_in_any_file_never_panic(words in proptest::collection::vec(0..WORDS.len(), 0..120)) {
        let text: String = words.iter().map(|index| WORDS[*index]).collect::<Vec<_>>().join(" ");
        let mut repository = Repository::new();
        for name in NAMES {
            repository = repository.with(name, format!("cache {text}"));
        }
        repository.found();
    }
}

#[test]
fn text_in_utf_16_is_read() {
    let script = "$ref = 'type=gha,scope=wide'\r\ndocker buildx build --cache-from $ref .\r\n";
    let little: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = script.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let repository = Repository::new()
        .with("little.ps1", [[0xff, 0xfe].as_slice(), &little].concat())
        .with("big.ps1", [[0xfe, 0xff].as_slice(), &big].concat())
        .with("cut.ps1", [0xff, 0xfe, b'd'])
        .with("unmarked.ps1", little);
    insta::assert_snapshot!(repository.declared(), @r#"
    big.ps1:2 import type=gha,scope=wide by docker buildx for -
    little.ps1:2 import type=gha,scope=wide by docker buildx for -
    "#);
}

#[test]
fn a_byte_order_mark_and_line_ends_of_windows_change_nothing() {
    let files = [
        (
            "Makefile",
            "REG := reg.io/x\nimage:\n\tdocker buildx build \\\n\t  --cache-from $(REG):c .\n",
        ),
        (
            "justfile",
            "reg := \"reg.io/x\"\nimage:\n  docker buildx build --cache-from {{reg}}:c .\n",
        ),
        (
            "Jenkinsfile",
            "stage('A') {\n  sh '''\n    docker buildx build \\\n      --cache-from reg.io/x:c .\n  '''\n}\n",
        ),
        (
            "docker-bake.hcl",
            "target \"a\" {\n  cache-to = X == \"\" ? [] : [\"type=gha,scope=a\"]\n}\nvariable \"X\" {}\n",
        ),
        (
            "compose.yaml",
            "services:\n  a:\n    build:\n      context: .\n      cache_from: [reg.io/x:c]\n",
        ),
        (
            "b.ps1",
            "param([string]$Tag = 'c')\ndocker buildx build `\n  --cache-from reg.io/x:$Tag .\n",
        ),
    ];
    let declared = |change: &dyn Fn(&str) -> String| {
        let mut repository = Repository::new();
        for (path, text) in &files {
            repository = repository.with(path, change(text));
        }
        repository.declared()
    };
    let plain = declared(&|text| text.to_owned());
    assert_eq!(plain.lines().count(), files.len(), "{plain}");
    assert_eq!(declared(&|text| text.replace('\n', "\r\n")), plain);
    assert_eq!(declared(&|text| format!("\u{feff}{text}")), plain);
}
