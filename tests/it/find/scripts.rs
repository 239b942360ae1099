//! Scripts inside of other files, and scripts of other shells.

use super::Repository;

#[test]
fn both_branches_of_a_template_in_a_taskfile_count() {
    let repository = Repository::new().with(
        "Taskfile.yml",
        "version: '3'
vars:
  SCOPE: '{{if .CI}}ci{{else}}local{{end}}'
tasks:
  build:
    cmds:
      - docker build --cache-from acme/{{if eq .ENV \"prod\"}}prod{{else}}dev{{end}}:cache .
      - docker buildx build {{if .PUSH}}--cache-to type=gha,scope=push{{end}} .
      - docker buildx build --cache-to type=gha,scope={{.SCOPE}} .
",
    );
    insta::assert_snapshot!(repository.declared(), @r#"
    Taskfile.yml:7 import type=registry,ref=acme/prod:cache by docker build for build # if eq .ENV "prod"
    Taskfile.yml:7 import type=registry,ref=acme/dev:cache by docker build for build # if not eq .ENV "prod"
    Taskfile.yml:8 export type=gha,scope=push by docker buildx for build # if .PUSH
    Taskfile.yml:9 export type=gha,scope=ci by docker buildx for build # if .CI
    Taskfile.yml:9 export type=gha,scope=local by docker buildx for build # if not .CI
    "#);
}

#[test]
fn a_here_document_in_circleci_is_printed() {
    let repository = Repository::new().with(
        ".circleci/config.yml",
        "version: 2.1
jobs:
  help:
    steps:
      - run: |
          cat \\<<EOF
          docker build --cache-from type=gha,scope=printed .
          EOF
          docker build --cache-from type=gha,scope=<< pipeline.number >> .
",
    );
    insta::assert_snapshot!(repository.declared(), @".circleci/config.yml:9 import type=gha,scope=* by docker build for help # * stands for pipeline.number");
}

#[test]
fn lines_of_a_folded_variable_keep_their_numbers() {
    let repository = Repository::new().with(
        ".gitlab-ci.yml",
        "variables:
  CACHE: >-
    --cache-from type=registry,ref=$CI_REGISTRY_IMAGE:cache
    --cache-to type=registry,ref=$CI_REGISTRY_IMAGE:cache,mode=max
app:
  script:
    - docker buildx build $CACHE .
",
    );
    insta::assert_snapshot!(repository.declared(), @"
    .gitlab-ci.yml:3 import type=registry,ref=*:cache by docker buildx for app # * stands for CI_REGISTRY_IMAGE
    .gitlab-ci.yml:4 export type=registry,ref=*:cache,mode=max by docker buildx for app # * stands for CI_REGISTRY_IMAGE
    ");
}

#[test]
fn a_condition_of_powershell_on_one_line_is_in_the_note() {
    let repository = Repository::new().with(
        "build.ps1",
        "$flags = @('--cache-from', 'type=gha,scope=ps')
if ($env:CI) { $flags += @('--cache-to', 'type=gha,scope=ps,mode=max') }
docker buildx build @flags .
",
    );
    insta::assert_snapshot!(repository.declared(), @r#"
    build.ps1:1 import type=gha,scope=ps by docker buildx for -
    build.ps1:2 export type=gha,scope=ps,mode=max by docker buildx for - # if [ -n "$CI" ]
    "#);
}

#[test]
fn thousands_of_jobs_of_gitlab_are_read_in_linear_time() {
    let mut text = String::new();
    for number in 0..4_000 {
        text.push_str(&format!("job{number}:\n  script: [make]\n"));
    }
    text.push_str("last:\n  script: docker build --cache-from type=gha,scope=last .\n");
    let repository = Repository::new().with(".gitlab-ci.yml", text);
    let start = std::time::Instant::now();
    insta::assert_snapshot!(repository.declared(), @".gitlab-ci.yml:8002 import type=gha,scope=last by docker build for last");
    // It was 20 times as long when each job searched all others.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn names_of_attributes_are_read_in_lower_case() {
    let repository = Repository::new().with(
        "build.sh",
        "docker buildx build --cache-to TYPE=registry,Ref=ghcr.io/Acme/app:Cache,Mode=max .\n",
    );
    insta::assert_snapshot!(repository.declared(), @"build.sh:1 export type=registry,ref=ghcr.io/Acme/app:Cache,mode=max by docker buildx for -");
}

#[test]
fn tsops_reads_json_and_the_defaults_of_destructured_names() {
    let repository = Repository::new()
        .with(
            "settings.json",
            "{ \"cache\": { \"bucket\": \"acme\", \"area\": \"eu\" } }\n",
        )
        .with(
            "tsops.config.ts",
            "import settings from './settings.json' with { type: 'json' }
const { bucket, area: folder, region = 'us-east-1' } = settings.cache
export default {
  project: 'shop',
  images: { registry: 'reg.io', tagStrategy: 'main' },
  apps: {
    api: { build: { type: 'dockerfile', context: '.', dockerfile: 'Dockerfile',
      cache: { type: 's3', bucket, region, prefix: `${folder}/` } } },
  },
}
",
        );
    insta::assert_snapshot!(repository.declared(), @"tsops.config.ts:8 both type=s3,bucket=acme,region=us-east-1,prefix=eu/ by tsops for api");
    assert!(repository.findings("skipped").is_empty());
}

#[test]
fn an_included_compose_file_gets_the_variables_of_its_entry() {
    let repository = Repository::new()
        .with(
            "compose.yaml",
            "include:\n  - path: infra/compose.yaml\n    env_file: infra/images.env\nservices: {}\n",
        )
        .with("infra/images.env", "REG=registry.example.com\n")
        .with(
            "infra/compose.yaml",
            "services:\n  proxy:\n    build: {context: ., cache_from: [\"${REG}/proxy:cache\"]}\n",
        );
    insta::assert_snapshot!(repository.declared(), @"infra/compose.yaml:3 import type=registry,ref=registry.example.com/proxy:cache by compose for proxy");
}

#[test]
fn run_steps_use_the_default_shell_of_the_workflow() {
    let repository = Repository::new().with(
        ".github/workflows/win.yml",
        "on: push
defaults:
  run:
    shell: pwsh
jobs:
  win:
    steps:
      - run: |
          $ref = \"type=registry,ref=ghcr.io/acme/win:$env:TAG\"
          docker buildx build --cache-from $ref `
            --cache-to type=gha .
      - shell: cmd
        run: docker buildx build --cache-from type=gha,scope=%SCOPE% .
",
    );
    insta::assert_snapshot!(repository.declared(), @"
    .github/workflows/win.yml:10 import type=registry,ref=ghcr.io/acme/win:* by docker buildx for win # * stands for TAG
    .github/workflows/win.yml:11 export type=gha by docker buildx for win
    .github/workflows/win.yml:13 import type=gha,scope=* by docker buildx for win # * stands for SCOPE
    ");
}

#[test]
fn batch_files_have_defaults_and_loops() {
    let repository = Repository::new().with(
        "build.bat",
        "@echo off
if \"%REG%\"==\"\" set \"REG=ghcr.io/acme\"
docker build --cache-from %REG%/bat:cache .
for %%n in (one two) do docker build --cache-from type=gha,scope=%%n .
docker build --cache-from type=local,src=C:\\cache\\app .
",
    );
    insta::assert_snapshot!(repository.declared(), @r"
    build.bat:3 import type=registry,ref=ghcr.io/acme/bat:cache by docker build for -
    build.bat:4 import type=gha,scope=one by docker build for -
    build.bat:4 import type=gha,scope=two by docker build for -
    build.bat:5 import type=local,src=C:\cache\app by docker build for -
    ");
}

#[test]
fn quoted_variables_are_one_round_of_a_loop_and_arguments_have_defaults() {
    let repository = Repository::new().with(
        "build.sh",
        "for tag in main \"$BRANCH\"; do
  docker build --cache-from acme/loop:$tag .
done
one() {
  local tag=\"${1:-latest}\"
  docker build --cache-from \"acme/one:$tag\" .
}
one \"$@\"
docker compose build --build-arg BUILDKIT_INLINE_CACHE=1 api web
",
    );
    insta::assert_snapshot!(repository.declared(), @"
    build.sh:2 import type=registry,ref=acme/loop:main by docker build for -
    build.sh:2 import type=registry,ref=acme/loop:* by docker build for - # * stands for BRANCH
    build.sh:6 import type=registry,ref=acme/one:latest by docker build for -
    build.sh:9 export type=inline by compose for api
    build.sh:9 export type=inline by compose for web
    ");
}

#[test]
fn the_type_is_printed_first() {
    let repository = Repository::new().with(
        "build.sh",
        "docker buildx build --cache-to mode=max,type=local,dest=/c --cache-from scope=a,type=gha .\n",
    );
    insta::assert_snapshot!(repository.declared(), @"
    build.sh:1 import type=gha,scope=a by docker buildx for -
    build.sh:1 export type=local,mode=max,dest=/c by docker buildx for -
    ");
}

#[test]
fn elements_of_an_array_without_quotes_are_split_into_words() {
    let repository = Repository::new().with(
        "build.sh",
        "P=()
P+=(\"--cache-to type=registry,ref=ghcr.io/acme/a:c,mode=max\")
P+=(\"--cache-from type=registry,ref=ghcr.io/acme/a:c\")
docker buildx build ${P[@]} .
docker buildx build \"${P[@]}\" other
",
    );
    insta::assert_snapshot!(repository.declared(), @"
    build.sh:2 export type=registry,ref=ghcr.io/acme/a:c,mode=max by docker buildx for -
    build.sh:3 import type=registry,ref=ghcr.io/acme/a:c by docker buildx for -
    ");
}

#[test]
fn a_test_of_a_variable_excludes_its_other_values() {
    let repository = Repository::new().with(
        "build.sh",
        "suffix=\"\"
while getopts s: option; do suffix=$OPTARG; done
if [[ -n \"$suffix\" ]]; then
  tag=\"cache-$suffix\"
else
  tag=cache
fi
docker buildx build --cache-to type=registry,ref=ghcr.io/acme/a:$tag .
repository=
[ -n \"$CI\" ] && repository=ghcr.io/acme/b
[ -z \"$repository\" ] || docker buildx build --cache-from type=registry,ref=$repository:c .
",
    );
    insta::assert_snapshot!(repository.declared(), @r#"
    build.sh:8 export type=registry,ref=ghcr.io/acme/a:cache by docker buildx for - # if not [[ -n "$suffix" ]]
    build.sh:8 export type=registry,ref=ghcr.io/acme/a:cache-* by docker buildx for - # * stands for suffix = OPTARG; if [[ -n "$suffix" ]]
    build.sh:11 import type=registry,ref=ghcr.io/acme/b:c by docker buildx for - # if not [ -z "$repository" ]; if [ -n "$CI" ]
    "#);
}

#[test]
fn a_branch_selects_the_program_together_with_its_flags() {
    let repository = Repository::new().with(
        "build.sh",
        "if [ -n \"$CACHE\" ]; then
  COMMAND=\"docker buildx build --load\"
  FLAGS=\"--cache-to type=gha,scope=a --cache-from type=gha,scope=a\"
else
  COMMAND=\"docker build\"
  FLAGS=
fi
$COMMAND $FLAGS .
",
    );
    insta::assert_snapshot!(repository.declared(), @r#"
    build.sh:3 import type=gha,scope=a by docker buildx for - # if [ -n "$CACHE" ]
    build.sh:3 export type=gha,scope=a by docker buildx for - # if [ -n "$CACHE" ]
    "#);
}

#[test]
fn shift_removes_several_arguments() {
    let repository = Repository::new().with(
        "build.sh",
        "build() {
  name=$1
  shift 2
  docker buildx build \"$@\" .
}
build one --cache-from=type=gha,scope=removed --cache-from=type=gha,scope=kept
",
    );
    insta::assert_snapshot!(repository.declared(), @"build.sh:6 import type=gha,scope=kept by docker buildx for -");
}

#[test]
fn a_directory_that_is_moved_is_read_under_its_new_name() {
    let repository = Repository::new().with(
        "build.sh",
        "cache=out/cache
docker buildx build --cache-from type=local,src=$cache --cache-to type=local,dest=${cache}_next,mode=max .
rm -rf \"$cache\"
mv \"${cache}_next\" \"$cache\"
docker buildx build --cache-from type=local,src=$DIR --cache-to type=local,dest=${DIR}_next,mode=max .
mv ${DIR}_next $DIR
",
    );
    assert_eq!(repository.findings("never-exported"), [""; 0]);
    assert_eq!(repository.findings("never-imported"), [""; 0]);
}

#[test]
fn the_value_of_a_variable_with_an_unknown_name_is_unknown() {
    let repository = Repository::new().with(
        "build.sh",
        "eval \"IMAGE=\\$$NAME\"
docker buildx build --cache-from type=registry,ref=${IMAGE}-cache:main .
",
    );
    insta::assert_snapshot!(repository.declared(), @"build.sh:2 import type=registry,ref=*-cache:main by docker buildx for - # * stands for IMAGE = NAME");
}

#[test]
fn a_blank_before_the_parentheses_of_a_function_is_allowed() {
    let repository = Repository::new().with(
        "build.sh",
        "add () {
  FLAGS+=(\"--cache-from=$1\")
}
build( ) { docker build \"${FLAGS[@]}\" .; }
add ghcr.io/acme/app:cache
build
",
    );
    insta::assert_snapshot!(repository.declared(), @"build.sh:2 import type=registry,ref=ghcr.io/acme/app:cache by docker build for -");
}

#[test]
fn a_word_for_a_variable_that_is_set_may_use_the_variable() {
    let repository = Repository::new().with(
        "build.sh",
        "if [ -n \"$CI\" ]; then more=\"mode=max\"; else more=; fi
docker buildx build --cache-to type=gha,scope=a${more:+,$more} .
",
    );
    insta::assert_snapshot!(repository.declared(), @r#"
    build.sh:2 export type=gha,scope=a by docker buildx for - # if not [ -n "$CI" ]
    build.sh:2 export type=gha,scope=a,mode=max by docker buildx for - # if [ -n "$CI" ]
    "#);
}

#[test]
fn sums_of_many_names_in_a_justfile_are_evaluated() {
    let repository = Repository::new().with(
        "justfile",
        "registry := env_var_or_default(\"REGISTRY\", \"ghcr.io/acme\")
cache := registry / \"app\" + \":cache\"
flags := if env(\"CI\", \"\") == \"true\" { \"--cache-to type=registry,ref=\" + cache + \",mode=max\" } else { \"\" }
build:
    docker buildx build {{flags}} .
",
    );
    insta::assert_snapshot!(repository.declared(), @r#"justfile:3 export type=registry,ref=ghcr.io/acme/app:cache,mode=max by docker buildx for build # if env("CI", "") == "true""#);
}
