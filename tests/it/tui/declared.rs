//! The caches that a directory declares.

use std::fs;

use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};

const SMALL: (u16, u16) = (60, 16);
const USUAL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);

/// A directory with a Makefile, a bake file and a workflow. The cache in the Makefile exists.
fn checkout(cache: &str) -> TempDir {
    let checkout = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = checkout.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "Makefile",
        &format!(
            "image:\n\tdocker buildx build --cache-from type=local,src={cache} --cache-to type=local,dest={cache},mode=max .\n"
        ),
    );
    write(
        "docker-bake.hcl",
        "target \"web\" {\n  cache-to = [\"type=registry,ref=registry.example/shop:cache\"]\n}\n",
    );
    write(
        ".github/workflows/ci.yml",
        "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: docker/setup-buildx-action@v3\n      - uses: docker/build-push-action@v6\n        with:\n          cache-from: type=gha,scope=web-${{ github.ref_name }}\n          cache-to: type=gha,scope=web-${{ github.ref_name }},mode=max\n",
    );
    checkout
}

fn find(size: (u16, u16)) -> Journey {
    let checkout = checkout("./cache");
    let mut journey = Journey::in_directory(checkout.path(), Vec::new(), size);
    journey.press("F");
    journey
}

#[test]
fn declared_caches_are_sorted_by_severity() {
    insta::assert_snapshot!(find(SMALL).screen(), @r"
     cachelens › find                   5 declarations · ? help
    ────────────────────────────────────────────────────────────
       WHAT▴      CACHE                         WHERE
    ▸  ~ warning  ./cache is in neither .giti…  Makefile:2
       ~ warning  registry.example/shop:cache…  …cker-bake.hcl:2
       · hint     The directory is read and w…  Makefile:2
       · hint     Without `mode=max` only the…  …cker-bake.hcl:2
       ~ import   ./cache                       Makefile:2
       ~ export   ./cache,mode=max              Makefile:2
       ~ export   registry.example/shop:cache   …cker-bake.hcl:2
         import   type=gha,scope=web-*          …kflows/ci.yml:9
         export   type=gha,scope=web-*,mode=m…  …flows/ci.yml:10

    ───────────────────────────────────────────────────── 1/9 ──
     5 declarations · 2 warnings · 2 hints
     enter open  w why  / filter  s sort  space mark  i details
    ");
    insta::assert_snapshot!(find(USUAL).press("G").screen(), @r"
     cachelens › find                                       5 declarations · ? help
    ────────────────────────────────────────────────────────────────────────────────
       WHAT▴      CACHE                                   WHERE
       ~ warning  ./cache is in neither .gitignore nor …  Makefile:2
       ~ warning  registry.example/shop:cache is export…  docker-bake.hcl:2
       · hint     The directory is read and written in …  Makefile:2
       · hint     Without `mode=max` only the layers of…  docker-bake.hcl:2
       ~ import   ./cache                                 Makefile:2
       ~ export   ./cache,mode=max                        Makefile:2
       ~ export   registry.example/shop:cache             docker-bake.hcl:2
         import   type=gha,scope=web-*                    .github/workflows/ci.yml:9
    ▸    export   type=gha,scope=web-*,mode=max           …ithub/workflows/ci.yml:10

    ────────────────────────────────────────────────────────────────────────────────
       type=gha,scope=web-*,mode=max

       use        a build exports to it
       tool       docker/build-push-action
       target     build
       note       * stands for github.ref_name
       where      .github/workflows/ci.yml:10
    ───────────────────────────────────────────────────────────────────────── 9/9 ──
     5 declarations · 2 warnings · 2 hints
     enter open  w why  / filter  s sort  space mark  i details  e export
    ");
    insta::assert_snapshot!(find(LARGE).screen(), @r"
     cachelens › find                                                                               5 declarations · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT▴      CACHE                                     WHERE                       │ ~ warning  not-ignored
    ▸  ~ warning  ./cache is in neither .gitignore nor .d…  Makefile:2                  │ ./cache is in neither .gitignore
       ~ warning  registry.example/shop:cache is exported…  docker-bake.hcl:2           │ nor .dockerignore: it is sent
       · hint     The directory is read and written in on…  Makefile:2                  │ with the context and may be
       · hint     Without `mode=max` only the layers of t…  docker-bake.hcl:2           │ committed.
       ~ import   ./cache                                   Makefile:2                  │
       ~ export   ./cache,mode=max                          Makefile:2                  │ to do      Add `cache/` to
       ~ export   registry.example/shop:cache               docker-bake.hcl:2           │            .gitignore and
         import   type=gha,scope=web-*                      .github/workflows/ci.yml:9  │            .dockerignore.
         export   type=gha,scope=web-*,mode=max             .github/workflows/ci.yml:10 │ where      Makefile:2
                                                                                        │
                                                                                        │ type=local,src=./cache
                                                                                        │
                                                                                        │ use        a build imports it
                                                                                        │ tool       docker buildx
                                                                                        │ target     image
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
                                                                                        │
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/9 ──
     5 declarations · 2 warnings · 2 hints
     enter open  w why  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn details_and_copied_text_have_the_hint() {
    let mut journey = find(USUAL);
    journey.press("i");
    insta::assert_snapshot!(journey.screen(), @r"
     cachelens › find                                       5 declarations · ? help
    ────────────────────────────────────────────────────────────────────────────────
       WHAT▴      CACHE                                   WHERE
    ╭ Details ─────────────────────────────────────────────────────────────────────╮
    │ ~ warning  not-ignored                                                       │
    │ ./cache is in neither .gitignore nor .dockerignore: it is sent with the      │
    │ context and may be committed.                                                │
    │                                                                              │
    │ to do      Add `cache/` to .gitignore and .dockerignore.                     │
    │ where      Makefile:2                                                        │
    │                                                                              │
    │ type=local,src=./cache                                                       │
    │                                                                              │
    │ use        a build imports it                                                │
    │ tool       docker buildx                                                     │
    │ target     image                                                             │
    ╰──────────────────────────────────────────────────────────────────────────────╯

       to do      Add `cache/` to .gitignore and .dockerignore.
       where      Makefile:2
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────────────────────────── 1/9 ──
     5 declarations · 2 warnings · 2 hints
     esc close
    ");
    journey.press("esc y");
    insta::assert_snapshot!(journey.copied().unwrap(), @r"
    Makefile:2: not-ignored: ./cache is in neither .gitignore nor .dockerignore: it is sent with the context and may be committed.
    hint: Add `cache/` to .gitignore and .dockerignore.
    ");
    journey.press("/ 'path~Makefile enter G y");
    insta::assert_snapshot!(journey.copied().unwrap(), @"type=local,dest=./cache,mode=max");
}

#[test]
fn a_declared_directory_opens_and_a_host_only_when_asked_for() {
    let layout = Fixture::named("mini").layout("local.json");
    let cache = layout.path().to_str().unwrap();
    let checkout = checkout(cache);
    let mut journey = Journey::in_directory(checkout.path(), Vec::new(), USUAL);
    journey.press(": 'find enter / 'registry.example enter");
    // Viewing, marking and sorting open nothing; enter does.
    journey.press("i esc space s enter");
    journey.hides("does not answer");
    journey.press("g enter");
    journey.shows("does not answer");
    journey.press("esc / 'path~Makefile enter G enter");
    journey.shows("c01");
    // Back to the declarations; a second time, the source exists already.
    journey.press("q");
    journey.shows("cachelens › find");
    journey.press("enter");
    journey.shows("c01");
    journey.press("q q");
    journey.shows("1 source");
}

#[test]
fn values_known_only_inside_a_build_are_not_opened() {
    let checkout = checkout("./cache");
    let make = "image:\n\tdocker build --cache-from type=registry,ref=ghcr.io/$(OWNER)/app:x .\n";
    fs::write(checkout.path().join("Makefile"), make).unwrap();
    let mut journey = Journey::in_directory(checkout.path(), Vec::new(), USUAL);
    journey.press("F / 'path~Makefile enter G enter");
    journey.shows("only a build knows");
}

#[test]
fn a_pattern_opens_the_store_and_narrows_its_refs() {
    let layout = Fixture::named("mini").layout("local.json");
    let checkout = checkout("./cache");
    let make = format!(
        "image:\n\tdocker build --cache-from type=local,src={},tag=$(N)3 .\n",
        layout.path().display()
    );
    fs::write(checkout.path().join("Makefile"), make).unwrap();
    let mut journey = Journey::in_directory(checkout.path(), Vec::new(), LARGE);
    journey.press("F / 'path~Makefile enter G enter");
    let screen = journey.screen();
    assert!(
        screen.contains("c03") && !screen.contains("c01"),
        "{screen}"
    );
    assert!(screen.contains("ref:\"*3\""), "{screen}");
    // The store is there as a whole: another pattern opens no second one.
    journey.press("q q");
    journey.shows("1 source");
}

#[test]
fn without_declarations_the_screen_shows_how_to_add_one() {
    let empty = TempDir::new().unwrap();
    let layout = Fixture::named("mini").layout("local.json");
    let sources = vec![local("./mini", layout.path())];
    let mut journey = Journey::in_directory(empty.path(), sources, SMALL);
    insta::assert_snapshot!(journey.press("F").screen(), @r"
     cachelens › find       0 declarations · read-only · ? help
    ────────────────────────────────────────────────────────────
       WHAT▴      CACHE                         WHERE

       No file below this directory declares a build cache.
       Bake, Compose and CI files, Makefiles and scripts are
       read. A build declares one with --cache-to and
       --cache-from, as in:
         docker buildx build --cache-to type=local,dest=./cache
       --cache-from type=local,src=./cache .



    ────────────────────────────────────────────────────────────
     0 declarations
     enter open  w why  / filter  s sort  space mark  i details
    ");
    // Here it does nothing more.
    journey.press("F q");
    journey.shows("1 source");
}

#[test]
fn a_directory_that_cannot_be_searched_is_an_error() {
    let gone = TempDir::new().unwrap();
    let path = gone.path().join("gone");
    let mut journey = Journey::in_directory(&path, Vec::new(), USUAL);
    journey.press("F");
    journey.shows("cannot be searched");
}
