//! `du` as a table, and sums of several sources.

use super::ageless;
use crate::support::command::Sandbox;

#[test]
fn du_sums_up_the_demo() {
    insta::assert_snapshot!(ageless(&Sandbox::new().run("du demo")), @r"
    demo  9 refs
    STATE    OBJECTS      SIZE  SHARE
    live         111   1.5 MiB   80 %  reached from a ref
    orphan        30   335 KiB   18 %  reached from no ref
    partial        1  30.2 KiB    2 %  unfinished uploads
    total        142   1.8 MiB –
    missing        1  12.3 KiB –  referenced but not stored: importing builds fail
    exit 0
    ");
    insta::assert_snapshot!(ageless(&Sandbox::new().run("du demo#main")), @r"
    error: du sums up a whole store, and demo#main names one ref
      hint: `cachelens ls SOURCE#REF` gives the sizes of one ref
    exit 2
    ");
}

#[test]
fn several_sources_have_headings_and_a_sum() {
    let sandbox = Sandbox::new();
    let run = sandbox.run("ls demo ./nowhere");
    assert!(run.stdout.starts_with("demo\nREF"), "{}", run.stdout);
    let run = sandbox.run("du demo demo");
    let last = run.stdout.lines().last().unwrap();
    insta::assert_snapshot!(last, @"2 sources  3.7 MiB stored, 2.9 MiB live, 670 KiB orphan");
}
