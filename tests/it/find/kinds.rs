//! One test per kind of file, for its special features.

use super::Repository;

#[test]
fn workflow_steps_use_conditions_inputs_and_outputs() {
    let repository = Repository::new().with(
        ".github/workflows/ci.yml",
        "on:
  workflow_call:
    inputs:
      scope: {type: string, default: web}
jobs:
  image:
    steps:
      - id: cache
        run: echo \"to=type=gha,scope=out,mode=max\" >> \"$GITHUB_OUTPUT\"
      - uses: docker/build-push-action@v6
        with:
          cache-from: type=gha,scope=${{ matrix.app }}-${{ inputs.scope }}
          cache-to: ${{ github.event_name != 'pull_request' && format('type=gha,scope={0}', matrix.app) || '' }}
      - uses: docker/build-push-action@v6
        with:
          cache-to: ${{ steps.cache.outputs.to }}
      - if: false
        uses: docker/build-push-action@v6
        with:
          cache-to: type=gha,scope=never
",
    );
    insta::assert_snapshot!(repository.declared(), @r#"
    .github/workflows/ci.yml:12 import type=gha,scope=*-web by docker/build-push-action for image # * stands for matrix.app
    .github/workflows/ci.yml:13 export type=gha,scope=* by docker/build-push-action for image # * stands for matrix.app; if github.event_name != 'pull_request'
    .github/workflows/ci.yml:16 export type=gha,scope=out,mode=max by docker/build-push-action for image
    "#);
}

#[test]
fn bake_evaluates_functions_matrices_conditions_and_overrides() {
    let repository = Repository::new()
        .with(
            "docker-bake.hcl",
            "variable \"SHA\" {}
function \"refs\" {
  params = [name]
  variadic_params = tags
  result = [for tag in tags : \"type=registry,ref=reg.io/${name}:${lower(tag)}\"]
}
target \"app\" {
  name = \"app-${item.name}\"
  matrix = { item = [{ name = \"x\" }, { name = \"y\" }] }
  cache-from = refs(item.name, \"A\", \"B\")
  args = { BUILDKIT_INLINE_CACHE = 1 }
}
target \"db\" {
  cache-to = [\"type=gha\"]
  cache-from = notequal(\"\", SHA) ? [\"type=gha,scope=${SHA}\"] : [\"type=gha,scope=none\"]
}
",
        )
        .with(
            "docker-bake.override.hcl",
            "target \"db\" {\n  cache-to = [\"type=inline\"]\n}\n",
        );
    insta::assert_snapshot!(repository.declared(), @r#"
    docker-bake.hcl:5 import type=registry,ref=reg.io/x:a by bake for app-x
    docker-bake.hcl:5 import type=registry,ref=reg.io/x:b by bake for app-x
    docker-bake.hcl:5 import type=registry,ref=reg.io/y:a by bake for app-y
    docker-bake.hcl:5 import type=registry,ref=reg.io/y:b by bake for app-y
    docker-bake.hcl:11 export type=inline by bake for app-x
    docker-bake.hcl:11 export type=inline by bake for app-y
    docker-bake.hcl:15 import type=gha,scope=* by bake for db # * stands for SHA; if notequal("", SHA)
    docker-bake.hcl:15 import type=gha,scope=none by bake for db # if not notequal("", SHA)
    docker-bake.override.hcl:2 export type=inline by bake for db
    "#);
}

#[test]
fn a_script_is_followed_through_branches_functions_and_loops() {
    let repository = Repository::new().with(
        "build.sh",
        "REG=${REG:-reg.io}
args=(--cache-from \"type=registry,ref=$REG/a:main\")
if [[ -n \"$CI\" ]]; then
  args+=(--cache-to \"type=registry,ref=$REG/a:${BRANCH//\\//-},mode=max\")
fi
docker buildx build \"${args[@]}\" .
build() { docker buildx build --cache-to=type=gha,scope=\"$1\" .; }
build api
for name in one two; do
  docker buildx build --cache-from type=gha,scope=$name .
done
echo docker buildx build --cache-from type=gha,scope=printed .
DOCKER_BUILDKIT=0 docker build --cache-from acme/classic .
",
    );
    insta::assert_snapshot!(repository.declared(), @r#"
    build.sh:2 import type=registry,ref=reg.io/a:main by docker buildx for -
    build.sh:4 export type=registry,ref=reg.io/a:*,mode=max by docker buildx for - # * stands for BRANCH//\//-; if [[ -n "$CI" ]]
    build.sh:7 export type=gha,scope=api by docker buildx for -
    build.sh:10 import type=gha,scope=one by docker buildx for -
    build.sh:10 import type=gha,scope=two by docker buildx for -
    "#);
}

#[test]
fn tsops_follows_defaults_helpers_and_imports() {
    let repository = Repository::new()
        .with("caches.ts", "export const bucket = 'acme-cache'\nexport const gha = (scope: string) => ({ type: 'gha' as const, scope })\n")
        .with(
            "tsops.config.ts",
            "import { defineConfig } from 'tsops'
import { bucket, gha } from './caches'
const build = (name: string) => ({ type: 'dockerfile', context: `./${name}`, dockerfile: `./${name}/Dockerfile` })
export default defineConfig({
  project: 'shop',
  images: { registry: 'reg.io/acme/', includeProjectInName: true, tagStrategy: 'main', cache: { type: 'registry', inline: true } },
  apps: {
    api: { build: build('api') },
    web: { build: { ...build('web'), cache: gha('web') } },
    job: { build: { ...build('job'), cache: { type: 's3', bucket, region: 'r', prefix: 'p/' } } },
    off: { build: { ...build('off'), cache: false } },
    box: { build: { ...build('box'), cache: process.env.CI ? gha('box') : { type: 'local' } } },
    old: { image: 'redis' },
  },
})
",
        );
    insta::assert_snapshot!(repository.declared(), @"
    caches.ts:2 both type=gha,scope=box by tsops for box # if process.env.CI
    caches.ts:2 both type=gha,scope=web by tsops for web
    tsops.config.ts:6 export type=inline by tsops for api
    tsops.config.ts:6 both type=registry,ref=reg.io/acme/shop-api:main-cache by tsops for api
    tsops.config.ts:10 both type=s3,bucket=acme-cache,region=r,prefix=p/ by tsops for job
    tsops.config.ts:12 both type=local,dest=./buildkit-cache by tsops for box # if not process.env.CI
    ");
}

#[test]
fn compose_follows_anchors_extends_includes_and_variables() {
    let repository = Repository::new()
        .with(".env", "REG=reg.io\n")
        .with(
            "compose.yaml",
            "include: [infra/more.yaml]
x-build: &build
  cache_from: ['${REG}/app:cache']
services:
  a:
    build: {context: a, <<: *build}
  b:
    extends: a
    build: {cache_to: ['type=inline']}
  c:
    extends: {file: base.yaml, service: base}
",
        )
        .with(
            "base.yaml",
            "services:\n  base:\n    build:\n      cache_from: [acme/base:cache]\n",
        )
        .with(
            "infra/more.yaml",
            "services:\n  d:\n    build:\n      cache_from: ['${REG:?no}/d:${TAG}']\n",
        );
    insta::assert_snapshot!(repository.declared(), @"
    base.yaml:4 import type=registry,ref=acme/base:cache by compose for base
    base.yaml:4 import type=registry,ref=acme/base:cache by compose for c
    compose.yaml:3 import type=registry,ref=reg.io/app:cache by compose for a
    compose.yaml:3 import type=registry,ref=reg.io/app:cache by compose for b
    compose.yaml:9 export type=inline by compose for b
    infra/more.yaml:4 import type=registry,ref=reg.io/d:* by compose for d # * stands for TAG
    ");
}

#[test]
fn gitlab_follows_extends_references_and_includes() {
    let repository = Repository::new()
        .with(
            ".gitlab-ci.yml",
            "include: [{local: /ci/base.yml}]
variables: {CACHE: 'type=registry,ref=$CI_REGISTRY_IMAGE/cache'}
a:
  extends: .build
  variables: {NAME: a}
b:
  script:
    - !reference [.build, script]
    - docker buildx build --cache-to \"$CACHE:b,mode=max\" .
",
        )
        .with("ci/base.yml", ".build:\n  script:\n    - docker buildx build\n      --cache-from type=registry,ref=reg.io/$NAME:cache .\n");
    insta::assert_snapshot!(repository.declared(), @"
    .gitlab-ci.yml:9 export type=registry,ref=*/cache:b,mode=max by docker buildx for b # * stands for CI_REGISTRY_IMAGE
    ci/base.yml:4 import type=registry,ref=reg.io/a:cache by docker buildx for a
    ci/base.yml:4 import type=registry,ref=reg.io/*:cache by docker buildx for b # * stands for NAME
    ");
}

#[test]
fn kubernetes_and_tekton_run_buildctl_with_parameters() {
    let repository = Repository::new().with(
        "build.yaml",
        "apiVersion: batch/v1
kind: Job
metadata: {name: image}
spec:
  template:
    spec:
      containers:
        - env: [{name: REG, value: reg.io}]
          command: [buildctl-daemonless.sh]
          args:
            - build
            - --export-cache
            - type=registry,ref=$(REG)/x:cache,mode=max
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: task}
spec:
  params: [{name: cache, default: 'reg.io/t:cache'}]
  steps:
    - script: |
        buildctl build --import-cache type=registry,ref=$(params.cache)
",
    );
    insta::assert_snapshot!(repository.declared(), @"
    build.yaml:13 export type=registry,ref=reg.io/x:cache,mode=max by buildctl for image
    build.yaml:22 import type=registry,ref=reg.io/t:cache by buildctl for task
    ");
}

#[test]
fn kamal_joins_the_server_and_the_image_of_each_destination() {
    let repository = Repository::new()
        .with(
            "config/deploy.yml",
            "service: shop
image: acme/shop
registry: {server: ghcr.io}
builder:
  cache:
    type: registry
    image: ghcr.io/acme/cache
    options: mode=max
",
        )
        .with(
            "config/deploy.staging.yml",
            "builder:\n  cache:\n    type: gha\n",
        );
    insta::assert_snapshot!(repository.declared(), @"
    config/deploy.staging.yml:3 both type=gha,mode=max by kamal for shop
    config/deploy.yml:6 both type=registry,ref=ghcr.io/ghcr.io/acme/cache,mode=max by kamal for shop
    ");
    assert_eq!(repository.findings("server-twice"), ["config/deploy.yml:7"]);
}

#[test]
fn other_ci_systems_declare_in_their_own_words() {
    let repository = Repository::new()
        .with(
            ".circleci/config.yml",
            "commands:
  image:
    parameters: {name: {type: string}, tag: {type: string, default: cache}}
    steps:
      - run: docker buildx build --cache-from type=registry,ref=reg.io/<< parameters.name >>:<< parameters.tag >> .
jobs:
  build:
    steps:
      - image: {name: app}
",
        )
        .with(
            "azure-pipelines.yml",
            "variables: {REG: acr.io}
jobs:
  - job: image
    steps:
      - task: Docker@2
        inputs: {command: build, arguments: '--cache-from $(REG)/b:latest'}
",
        )
        .with(".buildkite/pipeline.yml", "steps:\n  - key: image\n    command: docker buildx build --cache-to type=registry,ref=bk.io/x:$$TAG .\n")
        .with("Earthfile", "img:\n  SAVE IMAGE --cache-from=acme/e:cache acme/e\n")
        .with(
            ".devcontainer/devcontainer.json",
            "// comment\n{\"name\": \"Dev\", \"build\": {\"cacheFrom\": \"ghcr.io/acme/dev\",},}\n",
        );
    insta::assert_snapshot!(repository.declared(), @"
    .buildkite/pipeline.yml:3 export type=registry,ref=bk.io/x:* by docker buildx for image # * stands for TAG
    .circleci/config.yml:5 import type=registry,ref=reg.io/app:cache by docker buildx for build
    .devcontainer/devcontainer.json:2 import type=registry,ref=ghcr.io/acme/dev by devcontainer for Dev
    Earthfile:2 import type=registry,ref=acme/e:cache by earthly for img
    azure-pipelines.yml:6 import type=registry,ref=acr.io/b:latest by docker build for image
    ");
}

#[test]
fn jenkins_follows_both_kinds_of_strings() {
    let repository = Repository::new().with(
        "Jenkinsfile",
        "pipeline {
  parameters { string(name: 'TAG', defaultValue: 'main') }
  environment { CACHE = 'reg.io/ci' }
  stages {
    stage('Image') {
      steps {
        // sh 'buildctl build --export-cache type=inline'
        sh '''
          buildctl build \\
            --export-cache type=registry,ref=${CACHE}:x
        '''
        sh \"docker buildx build --cache-from type=registry,ref=${env.CACHE}:${params.TAG}-${env.BRANCH_NAME} .\"
      }
    }
  }
}
",
    );
    insta::assert_snapshot!(repository.declared(), @"
    Jenkinsfile:10 export type=registry,ref=reg.io/ci:x by buildctl for Image
    Jenkinsfile:12 import type=registry,ref=reg.io/ci:main-* by docker buildx for Image # * stands for BRANCH_NAME
    ");
}
