//! `ls` as a table.

use super::ageless;
use crate::support::command::Sandbox;

#[test]
fn ls_lists_the_refs_of_the_demo() {
    insta::assert_snapshot!(ageless(&Sandbox::new().run("ls demo")), @r"
    REF            KIND AGE     SIZE  ONLY HERE  LAYERS  RESULTS  KEYS ONLY
    main           cache AGE  237 KiB    109 KiB      17       15         10
    pr-18          cache AGE  237 KiB   96.8 KiB      17       15         10
    pr-14          cache AGE  237 KiB    190 KiB      17       15         10
    pr-9           cache AGE  174 KiB   33.5 KiB      12       10         14
    web-amd64-386  cache AGE  522 KiB    522 KiB      13       10          6
    release-1.1    cache AGE  174 KiB   46.0 KiB      12       10         13
    pr-5           cache AGE  161 KiB   33.6 KiB      12        9         13  ! 1 blob missing
    pr-3           cache AGE  206 KiB   40.8 KiB      15       13         12
    release-1.0    cache AGE  237 KiB   72.1 KiB      17       15         10
    exit 0
    ");
}

#[test]
fn ls_narrows_by_name_and_by_filter() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(ageless(&sandbox.run("ls demo#main")), @r"
    REF   KIND AGE     SIZE  ONLY HERE  LAYERS  RESULTS  KEYS ONLY
    main  cache AGE  237 KiB    109 KiB      17       15         10
    exit 0
    ");
    insta::assert_snapshot!(ageless(&sandbox.run("ls demo --filter 'ref~^pr- state:missing'")), @r"
    REF   KIND AGE     SIZE  ONLY HERE  LAYERS  RESULTS  KEYS ONLY
    pr-5  cache AGE  161 KiB   33.6 KiB      12        9         13  ! 1 blob missing
    exit 0
    ");
    insta::assert_snapshot!(ageless(&sandbox.run("ls demo --filter size>1T")), @r"
    none of the 9 refs matches
    exit 0
    ");
    insta::assert_snapshot!(ageless(&sandbox.run("ls demo --filter size>>1T")), @r"
    error: invalid value 'size>>1T' for '--filter <FILTER>': `>1T` is not a size; write it as 500MB, 1.5GiB or a number of bytes

    For more information, try '--help'.
    exit 2
    ");
}
