//! What opens a declared cache, and mistakes that a pattern of targets does not have.

use super::Repository;

/// Returns what opens each declared cache, one a line.
fn opened(repository: &Repository, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let found = repository.found();
    let sources = found.declared.iter().map(|declaration| {
        let source = declaration.source(lookup);
        let source = source.map_or_else(|| "-".to_owned(), |source| source.to_string());
        format!("{}:{} {source}\n", declaration.file, declaration.line)
    });
    sources.collect()
}

#[test]
fn parts_known_only_inside_a_build_are_patterns_or_substituted() {
    let repository = Repository::new()
        .with(
            ".github/workflows/ci.yml",
            "on: push
jobs:
  image:
    steps:
      - uses: docker/build-push-action@v6
        with:
          cache-from: |
            type=registry,ref=ghcr.io/acme/app:pr-${{ github.event.number }}
            type=registry,ref=ghcr.io/${{ github.repository }}:${{ github.head_ref || github.ref_name }}
            type=gha,scope=${{ matrix.app }}-web
            type=gha,scope=x,repository=${{ github.repository }}
            type=s3,region=${{ vars.REGION }},bucket=b,prefix=p/,name=${{ matrix.app }}
            type=s3,region=x,bucket=b,prefix=${{ matrix.app }}/,name=x
            type=registry,ref=ghcr.io/${{ secrets.GITHUB_TOKEN }}/app:x
          cache-to: type=local,dest=/tmp/cache-${{ matrix.app }}
",
        )
        .with(
            ".gitlab-ci.yml",
            "build:
  script:
    - docker buildx build --cache-from type=registry,ref=$CI_REGISTRY_IMAGE/cache:$CI_COMMIT_REF_SLUG .
    - docker buildx build --cache-from type=registry,ref=registry.example/x:$CI_JOB_TOKEN .
",
        );
    insta::assert_snapshot!(opened(&repository, &|_| None), @r"
    .github/workflows/ci.yml:8 ghcr.io/acme/app:pr-*
    .github/workflows/ci.yml:9 -
    .github/workflows/ci.yml:10 gha:?scope=*-web
    .github/workflows/ci.yml:11 gha:?scope=x
    .github/workflows/ci.yml:12 s3://b/p/
    .github/workflows/ci.yml:13 -
    .github/workflows/ci.yml:14 -
    .github/workflows/ci.yml:15 -
    .gitlab-ci.yml:3 -
    .gitlab-ci.yml:4 registry.example/x:*
    ");
    let job = |name: &str| {
        let value = match name {
            "GITHUB_REPOSITORY" => "acme/app",
            "GITHUB_REF_NAME" => "main",
            "CI_REGISTRY_IMAGE" => "registry.gitlab.example/acme/app",
            "CI_COMMIT_REF_SLUG" => "topic",
            "CI_JOB_TOKEN" | "GITHUB_TOKEN" => "secret",
            _ => return None,
        };
        Some(value.to_owned())
    };
    insta::assert_snapshot!(opened(&repository, &job), @r"
    .github/workflows/ci.yml:8 ghcr.io/acme/app:pr-*
    .github/workflows/ci.yml:9 ghcr.io/acme/app:main
    .github/workflows/ci.yml:10 gha:?scope=*-web
    .github/workflows/ci.yml:11 gha:acme/app?scope=x
    .github/workflows/ci.yml:12 s3://b/p/
    .github/workflows/ci.yml:13 -
    .github/workflows/ci.yml:14 -
    .github/workflows/ci.yml:15 -
    .gitlab-ci.yml:3 registry.gitlab.example/acme/app/cache:topic
    .gitlab-ci.yml:4 registry.example/x:*
    ");
}

#[test]
fn a_pattern_of_targets_means_one_where_bake_builds_one() {
    let workflow = |target: &str| {
        format!(
            "on: push\njobs:\n  image:\n    steps:\n      - uses: docker/setup-buildx-action@v3\n      - uses: docker/bake-action@v6\n        with:\n          targets: {target}\n          set: |\n            *.cache-from=type=gha,scope=x\n            *.cache-to=type=gha,scope=x,mode=max\n"
        )
    };
    let bake = "group \"all\" {\n  targets = [\"one\", \"two\"]\n}\ntarget \"one\" {\n  dockerfile = \"a\"\n}\ntarget \"two\" {\n  dockerfile = \"b\"\n}\ntarget \"many\" {\n  name = \"many-${n}\"\n  matrix = { n = [\"a\", \"b\"] }\n}\n";
    for (target, findings) in [
        ("one", 0),
        ("all", 1),
        ("many", 1),
        ("one,two", 1),
        ("unknown", 1),
    ] {
        let repository = Repository::new()
            .with(".github/workflows/ci.yml", workflow(target))
            .with("docker-bake.hcl", bake);
        assert_eq!(
            repository.findings("overwritten").len(),
            findings,
            "{target}"
        );
    }
}

#[test]
fn a_variable_set_by_a_step_may_hold_the_matrix() {
    let workflow = |scope: &str| {
        format!(
            "on: push\njobs:\n  image:\n    strategy:\n      matrix:\n        platform: [linux/amd64, linux/arm64]\n    steps:\n      - run: echo \"PAIR=${{PLATFORM//\\//-}}\" >> \"$GITHUB_ENV\"\n        env:\n          PLATFORM: ${{{{ matrix.platform }}}}\n      - uses: docker/build-push-action@v6\n        with:\n          cache-from: type=gha,scope={scope}\n          cache-to: type=gha,scope={scope},mode=max\n"
        )
    };
    for (scope, findings) in [
        ("app-${{ env.PAIR }}", 0),
        ("app-${{ github.ref_name }}", 1),
        ("app", 1),
    ] {
        let repository = Repository::new().with(".github/workflows/ci.yml", workflow(scope));
        assert_eq!(
            repository.findings("overwritten").len(),
            findings,
            "{scope}"
        );
    }
}
