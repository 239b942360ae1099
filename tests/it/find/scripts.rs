//! Scripts inside of other files, and scripts of other shells.

use super::Repository;

#[test]
fn names_of_attributes_are_read_in_lower_case() {
    let repository = Repository::new().with(
        "build.sh",
        "docker buildx build --cache-to TYPE=registry,Ref=ghcr.io/Acme/app:Cache,Mode=max .\n",
    );
    insta::assert_snapshot!(repository.declared(), @"build.sh:1 export type=registry,ref=ghcr.io/Acme/app:Cache,mode=max by docker buildx for -");
}
