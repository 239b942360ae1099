//! Sources whose refs are a pattern, and parts that a CI job gives.

use crate::support::command::Sandbox;

/// Makes a sandbox whose `./cache` has the refs `main`, `pr-7` and `pr-8`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    layout.tag("main", &layout.chain(&[layout.layer("a", 100)]));
    layout.tag("pr-7", &layout.chain(&[layout.layer("b", 100)]));
    layout.tag("pr-8", &layout.chain(&[layout.layer("c", 100)]));
    sandbox
}

#[test]
fn a_pattern_narrows_the_refs() {
    let sandbox = sandbox();
    for source in ["./cache#pr-*", "type=local,src=cache,tag=pr-*"] {
        let run = sandbox.run(format!("ls {source} --columns ref --no-headers"));
        assert_eq!(run.to_string(), "pr-7\npr-8\nexit 0", "{source}");
    }
    insta::assert_snapshot!(sandbox.run("ls ./cache#x-*"), @r"
    error: no ref of ./cache fits `x-*`
      hint: `cachelens ls ./cache` lists its refs
    exit 1
    ");
    insta::assert_snapshot!(sandbox.run("show ./cache#pr-*"), @r"
    error: ./cache has 2 refs that fit
      hint: name one, as in ./cache#pr-7
    exit 2
    ");
    insta::assert_snapshot!(sandbox.run("ls type=s3,bucket=b,prefix=a-*/"), @r"
    error: s3://b/a-*/ names no store
      hint: `*` may stand for refs: a tag, a name of an S3 manifest, a scope
    exit 2
    ");
    insta::assert_snapshot!(sandbox.run("ls ghcr.io/acme/*:x"), @r"
    error: the name of a repository cannot hold `*`
      hint: a `*` may stand for a tag or a part of one, as in ghcr.io/acme/app:pr-*
    exit 2
    ");
    // One ref fits.
    let one = sandbox.run("show ./cache#m*n --json");
    assert_eq!(one.json()["ref"]["name"], "main");
}

#[test]
fn a_job_gives_the_values_of_its_variables() {
    let sandbox = sandbox();
    for source in [
        "./cache#${{ github.ref_name }}",
        "type=local,src=cache,tag=$GITHUB_REF_NAME",
        "./cache#${CI_COMMIT_REF_SLUG}",
    ] {
        let mut command = sandbox.command();
        command.args(["ls", source, "--columns", "ref", "--no-headers"]);
        command.env("GITHUB_REF_NAME", "pr-8");
        command.env("CI_COMMIT_REF_SLUG", "pr-8");
        let output = command.output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "pr-8\n",
            "{source}"
        );
    }
    insta::assert_snapshot!(sandbox.run("ls type=local,src=$GITHUB_REF_NAME"), @r"
    error: the variable `$GITHUB_REF_NAME` was not expanded
      hint: put its value in its place: only GITHUB_… and CI_… variables of a running job are filled in
    exit 2
    ");
}

#[test]
fn a_pattern_limits_sums_and_reports_with_a_note() {
    let sandbox = sandbox();
    insta::assert_snapshot!(sandbox.run("du ./cache#pr-*"), @r"
    ./cache  2 of 3 refs fit `pr-*`
    OF THESE REFS  BLOBS     SIZE
    reached            6  1.9 KiB  reached from one of them
    theirs             6  1.9 KiB  reached from no other ref
    the rest of the store is not summed up: name the source without the pattern
    exit 0
    ");
    let document = sandbox.run("du ./cache#pr-* --json").json();
    insta::assert_snapshot!(document["sources"][0]["selected"].to_string(), @r#"{"only":{"blobs":6,"bytes":1980},"pattern":"pr-*","reached":{"blobs":6,"bytes":1980},"refs":2}"#);
    insta::assert_snapshot!(sandbox.run("prune ./cache#pr-*"), @r"
    error: prune works on a whole store, and ./cache#pr-* names the refs that fit `pr-*`
      hint: to delete these refs: cachelens prune ./cache --drop-ref 'pr-*'
    exit 2
    ");
    let page = sandbox.run("report ./cache#pr-* --format markdown").stdout;
    assert!(
        page.contains("Only the refs that fit `pr-*` are listed"),
        "{page}"
    );
    assert!(page.contains("| pr-") && !page.contains("| main"), "{page}");
}
