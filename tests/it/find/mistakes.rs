//! Each mistake: its severity, what it costs, and the corrected line.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Repository;

/// A repository with every mistake.
fn with_every_mistake() -> Repository {
    Repository::new()
        .with(".github/workflows/m.yml", r#"name: m
on: [pull_request, push]
jobs:
  many:
    strategy:
      matrix:
        platform: [linux/amd64, linux/arm64]
    steps:
      - uses: docker/setup-buildx-action@v3
        with: {version: v0.19.0}
      - uses: docker/build-push-action@v6
        with:
          cache-from: gha
          cache-to: type=gha, mode=max
      - uses: docker/build-push-action@v6
        with:
          tags: ghcr.io/acme/x:latest
          cache-from: type=registry,ref=ghcr.io/acme/x:latest,mode=max
          cache-to: type=registry,ref=ghcr.io/acme/x:latest,mod=max
      - uses: docker/build-push-action@v6
        with:
          tags: ghcr.io/acme/inline:1
          cache-to: type=inline,mode=max
  two:
    steps:
      - uses: depot/build-push-action@v1
        with:
          cache-from: type=s3,bucket=b,region=r,name=a;b,prefix=p
          cache-to: type=s3,bucket=b,region=r,name=a;b,prefix=p,secret_access_key=x
      - uses: docker/build-push-action@v6
        with:
          cache-from: type=registry,ref=1.dkr.ecr.us-east-1.amazonaws.com/a:${{ github.sha }}
          cache-to: |
            # comment
            type=registry,ref=1.dkr.ecr.us-east-1.amazonaws.com/a:${{ github.sha }}
            scope=x,mode=max
      - uses: docker/build-push-action@v6
        with:
          tags: ghcr.io/${{ github.repository }}:1
          cache-from: type=registry,ref=ghcr.io/${{ github.repository }}:other
          cache-to: type=registry,ref=ghcr.io/${{ github.repository }}:cache-${{ github.ref_name }},mode=max
  three:
    steps:
      - uses: docker/bake-action@v6
        with:
          set: |
            "*.cache-to=type=gha,scope=x"
      - run: docker buildx build --cache-to type=local,dest=/tmp/c --cache-from type=local,src=/tmp/c --cache-from acme/foo .
      - run: docker buildx build --cache-to type=gha,scope=run .
"#)
        .with("Dockerfile", r"FROM a AS b
FROM c
")
        .with("envd.sh", r"envd build --import-cache type=registry,ref=a/cache:1 --import-cache type=registry,ref=a/cache:2
")
        .with("config/deploy.yml", r"service: s
image: a/b
registry: {server: ghcr.io}
builder:
  cache: {type: registry, image: ghcr.io/a/c}
")
        .with("docker-bake.hcl", r#"target "x" {
  cache_from = ["type=gha"]
  cache-to = ["type=local,dest=out"]
}
target "y" {
  cache-to = ["type=local,dest=out"]
}
"#)
}

#[test]
fn every_mistake_has_its_cost_and_a_corrected_line() {
    let found = with_every_mistake().found();
    let mut codes = BTreeSet::new();
    let mut text = String::new();
    for finding in &found.findings {
        if !codes.insert(finding.code) {
            continue;
        }
        let severity = finding.severity.word();
        let hint = finding.hint.as_deref().unwrap_or("-");
        writeln!(
            text,
            "{severity} {} {}:{}",
            finding.code, finding.file, finding.line
        )
        .unwrap();
        writeln!(text, "  {}\n  {hint}", finding.message).unwrap();
    }
    insta::assert_snapshot!(text, @r#"
    error bare-type .github/workflows/m.yml:13
      `gha` without `type=` is the image docker.io/library/gha, so no cache is used.
      Write `type=gha`.
    error gha-legacy .github/workflows/m.yml:14
      v0.19.0 is pinned: it uses the first version of GitHub's cache service, which is switched off.
      Use buildx 0.21 and BuildKit 0.20, or newer.
    error fork-pr .github/workflows/m.yml:19
      The workflow runs for pull requests. The token of a fork may not push, so its builds fail at this export.
      Write `type=registry,ref=ghcr.io/acme/x:latest,mod=max,ignore-error=true`, or export only if github.event_name is not pull_request.
    error same-ref-as-image .github/workflows/m.yml:19
      The cache and the image have one name, ghcr.io/acme/x:latest: each overwrites the other.
      Write `type=registry,ref=ghcr.io/acme/x:buildcache,mod=max`, and import that.
    error literal-secret .github/workflows/m.yml:29
      The credential `secret_access_key` is written into the file.
      Write `type=s3,bucket=b,region=r,name=a;b,prefix=p` and give the credential in the environment, from a secret of the CI system.
    error comment-in-list .github/workflows/m.yml:34
      `#` does not begin a comment inside of `cache-to`, so the build fails.
      Remove the line, or move it above the key.
    error ecr-manifest .github/workflows/m.yml:35
      Amazon ECR refuses cache manifests that are no images; BuildKit before 0.21 writes those.
      Write `type=registry,ref=1.dkr.ecr.us-east-1.amazonaws.com/a:${{ github.sha }},image-manifest=true,oci-mediatypes=true`.
    error missing-type .github/workflows/m.yml:36
      The cache has no type, so the build fails.
      Add `type=…` in front.
    error uppercase .github/workflows/m.yml:40
      The name of the repository or its owner may have capitals, which no reference may: then the build fails.
      Run `echo "NAME=${GITHUB_REPOSITORY,,}" >> "$GITHUB_ENV"` in an earlier step, and write `${{ env.NAME }}`.
    error slash-in-tag .github/workflows/m.yml:41
      A branch name may have a slash, which no tag may: then the build fails.
      Run `echo "TAG=${GITHUB_REF_NAME//\//-}" >> "$GITHUB_ENV"` in an earlier step, and write `${{ env.TAG }}`. Or use the pull request's number.
    error quoted-override .github/workflows/m.yml:47
      Quotes in an override are part of its text, so no target matches it.
      Write *.cache-to=type=gha,scope=x
    error docker-driver .github/workflows/m.yml:48
      The job sets up no builder. The default driver exports caches only with the containerd image store; else the build fails.
      Add a step `uses: docker/setup-buildx-action@v3` in front.
    error server-twice config/deploy.yml:5
      Kamal puts `ghcr.io` in front of the image, so the cache is ghcr.io/ghcr.io/a/c.
      Write `image: a/c`.
    warning blank-after-comma .github/workflows/m.yml:14
      A blank after a comma becomes part of the attribute's name, so the attribute is not read.
      Write `type=gha,mode=max`.
    warning default-scope .github/workflows/m.yml:14
      Each job of the matrix (platform) exports to the default scope: each overwrites the others.
      Write `type=gha,mode=max,scope=${{ matrix.platform }}`, and import that.
    warning never-imported .github/workflows/m.yml:14
      the default scope is exported, but nothing in the repository imports it: the export only costs time.
      Import it where the next build runs: `type=gha`.
    warning overwritten .github/workflows/m.yml:19
      Each job of the matrix (platform) exports to ghcr.io/acme/x:latest: each overwrites the others.
      Write `type=registry,ref=ghcr.io/acme/x:latest-${{ strategy.job-index }},mod=max`, and import that.
    warning unknown-attribute .github/workflows/m.yml:19
      An export of type=registry has no attribute `mod`, so it is ignored or the build fails.
      Write `type=registry,ref=ghcr.io/acme/x:latest,mode=max`.
    warning inline-max .github/workflows/m.yml:23
      An inline cache holds the layers of the last stage only; `mode=max` has no effect.
      Write `type=inline`, or export to a registry with `mode=max`.
    warning only-first-name .github/workflows/m.yml:28
      Of several names BuildKit imports the first only: a.
      Write an import for each name: `type=s3,bucket=b,region=r,name=a,prefix=p` and `type=s3,bucket=b,region=r,name=b,prefix=p`.
    warning mode-min .github/workflows/m.yml:29
      Dockerfile has 2 stages, but without `mode=max` only the layers of the last one are exported.
      Write `type=s3,bucket=b,region=r,name=a;b,prefix=p,mode=max`.
    warning per-commit .github/workflows/m.yml:32
      The name changes with every commit, so the next build imports a cache that does not exist.
      Also export and import a name that does not change, such as `type=registry,ref=1.dkr.ecr.us-east-1.amazonaws.com/a:main`.
    warning never-exported .github/workflows/m.yml:40
      ghcr.io/*:other is imported, but nothing in the repository exports it, so it never hits.
      Import the cache that .github/workflows/m.yml:41 exports: `type=registry,ref=ghcr.io/${{ github.repository }}:cache-${{ github.ref_name }}`.
    warning image-without-cache .github/workflows/m.yml:48
      acme/foo is an image without a cache: nothing here builds it with an inline cache.
      Build it with `--build-arg BUILDKIT_INLINE_CACHE=1`, or export a cache and import that.
    warning no-runtime-token .github/workflows/m.yml:49
      `run:` steps do not get ACTIONS_RUNTIME_TOKEN, so the gha cache is skipped.
      Add a step `uses: crazy-max/ghaction-github-runtime@v3` in front, or build with docker/build-push-action.
    warning not-ignored docker-bake.hcl:3
      out is in neither .gitignore nor .dockerignore: it is sent with the context and may be committed.
      Add `out/` to .gitignore and .dockerignore.
    warning flag-twice envd.sh:1
      envd reads --import-cache once: of 2 only the last counts.
      Remove `--import-cache type=registry,ref=a/cache:1`.
    info import-mode .github/workflows/m.yml:18
      `mode` belongs to an export; an import ignores it.
      Write `type=registry,ref=ghcr.io/acme/x:latest`.
    info depot-unneeded .github/workflows/m.yml:28
      Depot keeps the layers of builds by itself; importing and exporting a cache only costs time.
      Remove cache-from and cache-to.
    info prefix-slash .github/workflows/m.yml:28
      BuildKit joins the prefix and the folders without a slash: `pblobs/`.
      Write `type=s3,bucket=b,region=r,name=a;b,prefix=p/`.
    info cache-beside-images .github/workflows/m.yml:41
      The cache is a tag in the repository of the image, so lists of images show it.
      Write `type=registry,ref=ghcr.io/${{ github.repository }}-cache:cache-${{ github.ref_name }},mode=max`, and import that.
    info same-place .github/workflows/m.yml:48
      The directory is read and written in one place: old layers are never removed, so it only grows.
      Write `type=local,dest=/tmp/c,reset=true`, or export to another directory and move it afterwards.
    info tmpfs .github/workflows/m.yml:48
      /tmp may be held in memory, and is lost with the machine.
      Write `type=local,dest=${{ runner.temp }}/c`, which is a directory on disk.
    "#);
}

#[test]
fn the_image_of_devcontainers_ci_has_an_inline_cache() {
    let step = |image: &str| {
        format!(
            "on: push
jobs:
  dev:
    steps:
      - uses: devcontainers/ci@v0.3
        with:
          imageName: ghcr.io/acme/dev
          cacheFrom: {image}
"
        )
    };
    let own = Repository::new().with(".github/workflows/d.yml", step("ghcr.io/acme/dev"));
    assert!(own.findings("image-without-cache").is_empty());
    let other = Repository::new().with(".github/workflows/d.yml", step("ghcr.io/acme/base"));
    assert_eq!(
        other.findings("image-without-cache"),
        [".github/workflows/d.yml:8"]
    );
}

#[test]
fn workflows_for_one_image_may_share_a_scope() {
    let workflow = |context: &str| {
        format!(
            "on: push
jobs:
  build:
    steps:
      - uses: docker/setup-buildx-action@v3
      - uses: docker/build-push-action@v6
        with:
          context: {context}
          cache-from: type=gha,scope=x
          cache-to: type=gha,scope=x,mode=max
"
        )
    };
    let shared = Repository::new()
        .with(".github/workflows/ci.yml", workflow("api"))
        .with(".github/workflows/release.yml", workflow("api"));
    assert!(shared.findings("overwritten").is_empty());
    let several = shared.with(".github/workflows/web.yml", workflow("web"));
    let found = [
        ".github/workflows/ci.yml:10",
        ".github/workflows/release.yml:10",
        ".github/workflows/web.yml:10",
    ];
    assert_eq!(several.findings("overwritten"), found);
}

#[test]
fn a_target_named_by_the_matrix_is_one_target() {
    let workflow = |target: &str| {
        format!(
            "on: push
jobs:
  bake:
    strategy:
      matrix: {{name: [a, b]}}
    steps:
      - uses: docker/setup-buildx-action@v3
      - uses: docker/bake-action@v6
        with:
          targets: |
            one
            two
          set: |
            {target}.cache-from=type=gha,scope=${{{{ matrix.name }}}}
            {target}.cache-to=type=gha,scope=${{{{ matrix.name }}}},mode=max
"
        )
    };
    let path = ".github/workflows/b.yml";
    let one = Repository::new().with(path, workflow("app-${{ matrix.name }}"));
    assert!(one.findings("overwritten").is_empty());
    let all = Repository::new().with(path, workflow("app-*"));
    assert_eq!(all.findings("overwritten"), [".github/workflows/b.yml:15"]);
}

#[test]
fn an_inline_cache_without_tags_is_only_that_of_its_own_build() {
    let repository = Repository::new()
        .with(
            "api.sh",
            "docker build --build-arg BUILDKIT_INLINE_CACHE=1 --cache-from acme/api:latest .\n",
        )
        .with("web.sh", "docker build --cache-from acme/web:latest .\n");
    assert_eq!(repository.findings("image-without-cache"), ["web.sh:1"]);
}

#[test]
fn each_tag_strategy_of_tsops_that_changes_is_per_commit() {
    let found = |strategy: &str| {
        let text = format!(
            "export default {{
  project: 'shop',
  images: {{ registry: 'reg.io', tagStrategy: '{strategy}', cache: {{ type: 'registry' }} }},
  apps: {{
    api: {{ build: {{ type: 'dockerfile', context: '.', dockerfile: 'Dockerfile' }} }},
  }},
}}
"
        );
        let repository = Repository::new().with("tsops.config.ts", text);
        repository.findings("per-commit").len()
    };
    for strategy in ["git-sha", "git-tag", "timestamp"] {
        assert_eq!(found(strategy), 1, "{strategy}");
    }
    assert_eq!(found("main"), 0);
}

#[test]
fn only_directories_of_the_checkout_must_be_ignored() {
    let found = |dest: &str| {
        let text = format!("docker buildx build --cache-to \"type=local,dest={dest}\" .\n");
        let repository = Repository::new().with("build.sh", text);
        repository.findings("not-ignored").len()
    };
    assert_eq!(found(".cache/x"), 1);
    assert_eq!(found("$PWD/.cache/x"), 1);
    assert_eq!(found("${HOME}/.cache/x"), 0);
    assert_eq!(found("D:/cache"), 0);
}

#[test]
fn a_kind_without_type_has_no_other_mistake() {
    let repository = Repository::new().with(
        ".github/workflows/ci.yml",
        "on: pull_request
jobs:
  image:
    steps:
      - uses: docker/setup-buildx-action@v3
      - uses: docker/build-push-action@v6
        with:
          cache-to: inline
",
    );
    let found = repository.found().findings;
    let codes: Vec<&str> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["bare-type"]);
}
