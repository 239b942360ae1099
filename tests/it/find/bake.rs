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
