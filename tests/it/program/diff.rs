//! The changes between two refs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::command::Sandbox;
use crate::support::fixture::Fixture;

fn shop() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    let shop = Fixture::named("shop");
    shop.write_layout("local.json", &sandbox.path("cache"));
    (
        sandbox,
        shop.path("provenance/c08.json")
            .to_str()
            .unwrap()
            .to_owned(),
    )
}

#[test]
fn diff_lists_added_removed_and_changed_steps() {
    let (sandbox, provenance) = shop();
    insta::assert_snapshot!(sandbox.run(format!("diff ./cache#c07 ./cache#c08 --provenance '{provenance}'")), @r"
    ./cache#c07 → ./cache#c08
    174 KiB → 237 KiB: 8 layers added (91.4 KiB), 3 removed (30.5 KiB)
    written 7s later

       STEP                                          WHERE            BEFORE     AFTER  WHAT              KEY
    ✓  WORKDIR /src                                  Dockerfile:12         –      91 B  has a result now  57a5ab45ee83
    ✓  COPY go.mod ./                                Dockerfile:13         –     147 B  has a result now  9152319c3986
    ✓  RUN go mod download                           Dockerfile:14         –  30.2 KiB  has a result now  eb40ed05e2e0
    ✓  COPY api ./api                                Dockerfile:15         –     174 B  has a result now  4fdf24ecf9ed
    +  RUN go build -trimpath ./api                  Dockerfile:16         –  30.2 KiB  new               f71fe2ce3783
    ~  COPY --from=api /src/bin /usr/local/bin       Dockerfile:24  30.2 KiB  30.2 KiB  inputs changed    d77d59e96cc3
    ~  COPY --from=web /app/dist /srv                Dockerfile:25  12.2 KiB  12.2 KiB  inputs changed    5d74d000bc05
    ~  COPY --from=test /report.txt /srv/report.txt  Dockerfile:26     139 B     142 B  inputs changed    e0d7b2d4c880
    ~  COPY assets /srv/assets                       Dockerfile:27     164 B     162 B  inputs changed    89d21dcbb083
    -  RUN · 765fb9258064                            –                     –         –  gone              765fb9258064

    14 keys are the same   (2 sources and files were added or removed)
    exit 0
    ");
    insta::assert_snapshot!(sandbox.run("diff ./cache#c04 ./cache#c05"), @r"
    ./cache#c04 → ./cache#c05
    237 KiB → 174 KiB: 6 layers added (37.2 KiB), 11 removed (98.1 KiB)
    written 6s later

       STEP                 WHERE    BEFORE     AFTER  WHAT                                 KEY
    ~  RUN · 4fd7e03af922   –      12.3 KiB  12.3 KiB  inputs changed                       4fd7e03af922
    ○  COPY · 4fdf24ecf9ed  –         174 B         –  its result is gone, the key is left  4fdf24ecf9ed
    ○  FILE · 57a5ab45ee83  –          92 B         –  its result is gone, the key is left  57a5ab45ee83
    ~  COPY · 5d74d000bc05  –      12.2 KiB  12.2 KiB  inputs changed                       5d74d000bc05
    ○  RUN · 765fb9258064   –      30.2 KiB         –  its result is gone, the key is left  765fb9258064
    ~  COPY · 89d21dcbb083  –         162 B     164 B  inputs changed                       89d21dcbb083
    ○  COPY · 9152319c3986  –         147 B         –  its result is gone, the key is left  9152319c3986
    ~  COPY · 91cc5c91f640  –         215 B     214 B  inputs changed                       91cc5c91f640
    ~  RUN · ab170239c0f6   –      12.2 KiB  12.2 KiB  inputs changed                       ab170239c0f6
    ~  COPY · e0d7b2d4c880  –         140 B     142 B  inputs changed                       e0d7b2d4c880
    ○  RUN · eb40ed05e2e0   –      30.2 KiB         –  its result is gone, the key is left  eb40ed05e2e0

    10 keys are the same   (6 sources and files were added or removed)
    steps have no names without evidence: give a build's provenance with --provenance FILE
    exit 0
    ");
}

#[test]
fn diff_of_a_ref_with_itself_is_reported_as_empty() {
    let (sandbox, _) = shop();
    insta::assert_snapshot!(sandbox.run("diff ./cache#c07 ./cache#c07"), @r"
    ./cache#c07 → ./cache#c07
    174 KiB → 174 KiB: 0 layers added (0 B), 0 removed (0 B)

    the same: 23 keys, with the same results
    exit 0
    ");
    let same = sandbox.json("diff ./cache#c07 ./cache#c07 --json");
    for list in [
        "added",
        "removed",
        "changed",
        "lost_results",
        "gained_results",
        "layers_added",
        "layers_removed",
    ] {
        assert_eq!(same[list], Value::Array(Vec::new()), "{list}");
    }
    assert_eq!(same["bytes_before"], same["bytes_after"]);
}

#[test]
fn diff_agrees_with_show_of_both_refs() {
    let (sandbox, _) = shop();
    let layout = sandbox.path("copy");
    Fixture::named("shop").write_layout("local.json", &layout);
    for pair in [
        ("c01", "c02"),
        ("c04", "c05"),
        ("c05", "c04"),
        ("c07", "c08"),
        ("c14", "c15"),
    ] {
        // The second ref comes from another source: records are matched by key, independent of
        // their source.
        let (old, new) = (format!("./cache#{}", pair.0), format!("./copy#{}", pair.1));
        let diff = sandbox.json(format!("diff {old} {new} --json"));
        let (old, new) = (
            sandbox.json(format!("show {old} --json")),
            sandbox.json(format!("show {new} --json")),
        );
        assert_eq!(
            (&diff["bytes_before"], &diff["bytes_after"]),
            (&old["ref"]["bytes"], &new["ref"]["bytes"])
        );
        let layers = |of: &Value| digests(&of["layers"], |_| true);
        assert_eq!(
            digests(&diff["layers_added"], |_| true),
            &layers(&new) - &layers(&old),
            "{pair:?}"
        );
        assert_eq!(
            digests(&diff["layers_removed"], |_| true),
            &layers(&old) - &layers(&new),
            "{pair:?}"
        );
        let (before, after) = (
            digests(&old["records"], |_| true),
            digests(&new["records"], |_| true),
        );
        let results = |of: &Value| digests(&of["records"], |record| record["state"] == "result");
        // An operation that only one ref has must be added or removed.
        assert!(
            digests(&diff["added"], |_| true).is_superset(&(&after - &before)),
            "{pair:?}"
        );
        assert!(
            digests(&diff["removed"], |_| true).is_superset(&(&before - &after)),
            "{pair:?}"
        );
        // An operation that both refs have, with a result in only one, must have lost or gained it.
        let both = &before & &after;
        let lost = &(&results(&old) - &results(&new)) & &both;
        assert!(
            digests(&diff["lost_results"], |_| true).is_superset(&lost),
            "{pair:?}"
        );
        let gained = &(&results(&new) - &results(&old)) & &both;
        let come = &digests(&diff["gained_results"], |_| true) | &digests(&diff["added"], |_| true);
        let come = &come | &digests(&diff["changed"], |_| true);
        assert!(come.is_superset(&gained), "{pair:?}");
    }
}

fn digests(list: &Value, is_meant: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let meant = list
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| is_meant(entry));
    meant
        .map(|entry| entry["digest"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn diff_reports_refs_that_it_cannot_compare() {
    let (sandbox, _) = shop();
    insta::assert_snapshot!(sandbox.run("diff ./cache#c07 ./cache#c99"), @r"
    error: ./cache has no ref `c99`
      hint: did you mean `c09`?
    exit 1
    ");
    insta::assert_snapshot!(sandbox.run("diff ./cache ./cache#c01"), @r"
    error: ./cache has 15 refs
      hint: name one, as in ./cache#c01
    exit 2
    ");
    insta::assert_snapshot!(sandbox.run("diff ./cache#c01 ./nowhere#c01"), @r"
    error: nowhere does not exist
      hint: name the directory that `--cache-to type=local,dest=…` writes, or try `cachelens demo`
    exit 1
    ");
    std::fs::remove_file(
        sandbox
            .path("cache/blobs/sha256")
            .join("6c508e11991eaece0c1704b2f379a30d4d57c1c2509b42d052a9f5cf64a0c0d7"),
    )
    .unwrap();
    insta::assert_snapshot!(sandbox.run("diff ./cache#c07 ./cache#c08"), @r"
    error: ./cache#c08 cannot be read
      because: sha256:6c508e11991eaece0c1704b2f379a30d4d57c1c2509b42d052a9f5cf64a0c0d7: the manifest is not stored: a build cannot import this ref
    exit 1
    ");
}
