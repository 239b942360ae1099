//! Bake files that need others.

use super::Repository;

#[test]
fn an_unknown_parent_of_a_bake_target_is_left_out() {
    let repository = Repository::new().with(
        "docker-bake.hcl",
        "target \"app\" {
  inherits = [\"docker-metadata-action\", \"_common\"]
  cache-to = [\"type=gha,scope=app,mode=max\"]
}
target \"_common\" {
  cache-from = [\"type=gha,scope=app\"]
}
",
    );
    insta::assert_snapshot!(repository.declared(), @"
    docker-bake.hcl:3 export type=gha,scope=app,mode=max by bake for app
    docker-bake.hcl:6 import type=gha,scope=app by bake for app
    ");
}

#[test]
fn bake_files_that_a_command_joins_are_read_together() {
    let repository = Repository::new()
        .with(
            "vars.hcl",
            "variable \"REPO\" {\n  default = \"ghcr.io/acme\"\n}\n",
        )
        .with(
            "images.hcl",
            "target \"web\" {\n  cache-from = [\"type=registry,ref=${REPO}/web:cache\"]\n}\n",
        )
        .with(
            "build.sh",
            "docker buildx bake -f vars.hcl --file=images.hcl web\n",
        )
        .with(
            "api/docker-bake.ci.hcl",
            "target \"api\" {\n  cache-to = [\"type=gha,scope=${NAME}\"]\n}\n",
        )
        .with(
            "api/names.hcl",
            "variable \"NAME\" {\n  default = \"api\"\n}\n",
        )
        .with(
            ".github/workflows/ci.yml",
            "on: push
jobs:
  image:
    steps:
      - uses: docker/bake-action@v6
        with:
          workdir: api
          files: |
            names.hcl
            docker-bake.ci.hcl
            ${{ steps.meta.outputs.bake-file }}
          set: '*.cache-from=type=gha,scope=api'
",
        );
    insta::assert_snapshot!(repository.declared(), @"
    .github/workflows/ci.yml:12 import type=gha,scope=api by docker/bake-action for *
    api/docker-bake.ci.hcl:2 export type=gha,scope=api by bake for api
    images.hcl:2 import type=registry,ref=ghcr.io/acme/web:cache by bake for web
    ");
}

#[test]
fn a_bake_file_uses_names_of_the_default_files() {
    let repository = Repository::new()
        .with(
            "docker-bake.hcl",
            "variable \"REPO\" {
  default = \"ghcr.io/acme\"
}
target \"_base\" {
  cache-from = [\"type=registry,ref=${REPO}/base:cache\"]
}
",
        )
        .with(
            "docker-bake.ci.hcl",
            "target \"web\" {
  inherits = [\"_base\"]
  cache-to = [\"type=registry,ref=${REPO}/web:cache\"]
}
",
        );
    insta::assert_snapshot!(repository.declared(), @"
    docker-bake.ci.hcl:3 export type=registry,ref=ghcr.io/acme/web:cache by bake for web
    docker-bake.hcl:5 import type=registry,ref=ghcr.io/acme/base:cache by bake for web
    ");
}

#[test]
fn a_parent_with_its_own_dockerfile_is_built() {
    let repository = Repository::new().with(
        "docker-bake.hcl",
        "group \"default\" {
  targets = [\"debug\"]
}
target \"app\" {
  dockerfile = \"app.Dockerfile\"
  cache-to = [\"type=gha,scope=app\"]
}
target \"common\" {
  dockerfile = \"common.Dockerfile\"
  cache-to = [\"type=gha,scope=common\"]
}
target \"debug\" {
  inherits = [\"app\", \"common\"]
  cache-to = []
}
",
    );
    insta::assert_snapshot!(repository.declared(), @"docker-bake.hcl:6 export type=gha,scope=app by bake for app");
}
