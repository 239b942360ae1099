//! Composite actions and reusable workflows of the repository.

use super::Repository;

#[test]
fn flags_in_an_input_of_a_local_action_are_those_of_its_command() {
    let repository = Repository::new()
        .with(
            ".github/workflows/ci.yml",
            "on: push
jobs:
  image:
    steps:
      - uses: ./.github/actions/bake
        with:
          args: |
            --set app.cache-to=type=registry,ref=ghcr.io/acme/cache:app,mode=max
            --set app.cache-from=type=registry,ref=ghcr.io/acme/cache:app
  plain:
    uses: ./.github/workflows/build.yml
    with:
      flags: --cache-from type=gha,scope=plain
",
        )
        .with(
            ".github/actions/bake/action.yml",
            "inputs:
  args: {required: true}
runs:
  using: composite
  steps:
    - run: docker buildx bake ${{ inputs.args }}
      shell: bash
",
        );
    insta::assert_snapshot!(repository.declared(), @"
    .github/workflows/ci.yml:8 export type=registry,ref=ghcr.io/acme/cache:app,mode=max by docker buildx bake for app
    .github/workflows/ci.yml:9 import type=registry,ref=ghcr.io/acme/cache:app by docker buildx bake for app
    .github/workflows/ci.yml:13 import type=gha,scope=plain by docker buildx for plain
    ");
}

#[test]
fn the_called_file_gives_the_direction_of_an_input() {
    let repository = Repository::new()
        .with(
            ".github/workflows/ci.yml",
            "on: push
jobs:
  image:
    uses: ./.github/workflows/build.yml
    with:
      caches: type=gha,scope=read
      target-cache: type=gha,scope=written,mode=max
      build_args: BUILDKIT_INLINE_CACHE=1
      other: type=image,name=ghcr.io/acme/app
",
        )
        .with(
            ".github/workflows/build.yml",
            "on:
  workflow_call:
    inputs:
      caches: {type: string}
jobs:
  build:
    steps:
      - uses: docker/build-push-action@v6
        with:
          cache-from: ${{ inputs.caches }}
          cache-to: |
            ${{ inputs.target-cache }}
          outputs: ${{ inputs.other }}
          build-args: ${{ inputs.build_args }}
",
        );
    let declared = repository.declared();
    let passed: Vec<&str> = declared
        .lines()
        .filter(|line| line.starts_with(".github/workflows/ci.yml"))
        .collect();
    insta::assert_snapshot!(passed.join("\n"), @"
    .github/workflows/ci.yml:6 import type=gha,scope=read by docker/build-push-action for image
    .github/workflows/ci.yml:7 export type=gha,scope=written,mode=max by docker/build-push-action for image
    .github/workflows/ci.yml:8 export type=inline by docker/build-push-action for image
    ");
}

/// An action that puts flags into the environment of its job.
const CONFIGURE: &str = "runs:
  using: composite
  steps:
    - shell: bash
      run: |
        args=(--cache-from \"type=gha,scope=${NAME}\")
        args+=(--cache-to \"type=gha,scope=${NAME},mode=max\")
        echo \"CACHE_ARGS=${args[*]}\" >> $GITHUB_ENV
";

#[test]
fn flags_that_an_action_puts_into_the_environment_are_used_by_its_job() {
    let repository = Repository::new()
        .with(".github/actions/configure/action.yml", CONFIGURE)
        .with(
            ".github/workflows/ci.yml",
            "on: push
jobs:
  image:
    steps:
      - uses: ./.github/actions/configure
      - run: docker buildx build $CACHE_ARGS .
",
        );
    insta::assert_snapshot!(repository.declared(), @"
    .github/actions/configure/action.yml:6 import type=gha,scope=* by docker buildx for image # * stands for NAME
    .github/actions/configure/action.yml:7 export type=gha,scope=*,mode=max by docker buildx for image # * stands for NAME
    ");
}

#[test]
fn flags_of_an_action_count_where_no_job_is_seen_to_use_them() {
    let repository = Repository::new().with(".github/actions/configure/action.yml", CONFIGURE);
    insta::assert_snapshot!(repository.declared(), @"
    .github/actions/configure/action.yml:6 import type=gha,scope=* by docker build for - # * stands for NAME
    .github/actions/configure/action.yml:7 export type=gha,scope=*,mode=max by docker build for - # * stands for NAME
    ");
}

#[test]
fn a_value_of_the_matrix_is_not_replaced_by_the_text_after_or() {
    let repository = Repository::new().with(
        ".github/workflows/ci.yml",
        "on: push
jobs:
  image:
    strategy: {matrix: {include: [{end: ''}, {end: -arm}]}}
    steps:
      - uses: docker/build-push-action@v6
        with:
          cache-to: type=registry,ref=ghcr.io/acme/app:cache${{ matrix.end || '' }}
",
    );
    insta::assert_snapshot!(repository.declared(), @".github/workflows/ci.yml:8 export type=registry,ref=ghcr.io/acme/app:cache* by docker/build-push-action for image # * stands for matrix.end || ''");
}

#[test]
fn a_called_workflow_sets_up_its_builder_itself() {
    let repository = Repository::new().with(
        ".github/workflows/ci.yml",
        "on: push
jobs:
  image:
    uses: acme/shared/.github/workflows/build.yml@main
    with:
      cache-to: type=gha,mode=max,scope=image
",
    );
    let codes: Vec<&str> = repository.codes();
    assert!(!codes.contains(&"docker-driver"), "{codes:?}");
    assert!(!codes.contains(&"no-runtime-token"), "{codes:?}");
}

#[test]
fn capitals_in_the_name_of_a_repository_are_a_mistake() {
    let repository = Repository::new().with(
        "build.sh",
        "docker buildx build --cache-from type=registry,ref=ghcr.io/Acme/App:Main .\n",
    );
    let found = repository.found();
    let mut uppercase = found.findings.iter().filter(|f| f.code == "uppercase");
    let hint = uppercase.next().and_then(|finding| finding.hint.as_deref());
    assert_eq!(
        hint,
        Some("Write `type=registry,ref=ghcr.io/acme/app:Main`.")
    );
}

#[test]
fn the_targets_of_bake_name_their_dockerfiles() {
    let repository = Repository::new()
        .with("Dockerfile", "FROM a AS one\nFROM b AS two\n")
        .with(
            ".github/workflows/ci.yml",
            "on: push
jobs:
  image:
    steps:
      - uses: docker/setup-buildx-action@v3
      - uses: docker/bake-action@v6
        with:
          files: compose.yaml
          set: |
            *.cache-to=type=gha
            *.cache-from=type=gha
",
        )
        .with(
            "compose.yaml",
            "services:
  app: {build: {context: ., dockerfile: app.Dockerfile}}
  database: {image: postgres}
",
        );
    let found = repository.found();
    let of_mode = found
        .findings
        .iter()
        .find(|f| f.code == "mode-min")
        .unwrap();
    assert!(!of_mode.message.contains("stages"), "{}", of_mode.message);
    // Compose builds one service, so the pattern means that one.
    assert_eq!(repository.findings("overwritten"), [""; 0]);
    assert_eq!(repository.findings("default-scope"), [""; 0]);
}
