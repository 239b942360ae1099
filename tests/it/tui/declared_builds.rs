//! The builds of declared caches, explained.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};
use crate::why::from_dockerfile::image_file;

const LARGE: (u16, u16) = (120, 40);

/// A checkout of a commit of `shop`, next to its cache.
struct Checkout {
    folder: TempDir,
    cache: PathBuf,
}

impl Checkout {
    fn of(commit: &str) -> Self {
        let fixture = Fixture::named("shop");
        let folder = TempDir::new().unwrap();
        let tree = fixture.trees();
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .arg(tree.path().join("tree").join(commit))
            .arg(folder.path().join("checkout"))
            .status();
        assert!(copied.unwrap().success());
        let cache = folder.path().join("cache");
        fixture.write_layout("local.json", &cache);
        let provenance = fixture.path(format!("provenance/{commit}.json"));
        let text = fs::read_to_string(provenance).unwrap();
        let name = "127.0.0.1:5055/base:latest";
        let (_, digest) = text.split_once(&format!("{name}@")).unwrap();
        let digest = digest.split('"').next().unwrap().parse().unwrap();
        let image = image_file(&fixture, digest, folder.path());
        fs::write(
            folder.path().join("images"),
            format!("{name}={}\n", image.display()),
        )
        .unwrap();
        Self { folder, cache }
    }

    fn with(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join("checkout").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let cache = self.cache.to_str().unwrap();
        fs::write(path, text.replace("CACHE", cache)).unwrap();
        self
    }

    /// Finds the declarations, and stands on the last row that a filter leaves.
    fn find(&self, filter: &str) -> Journey {
        let checkout = self.folder.path().join("checkout");
        let mut journey = Journey::in_directory(&checkout, Vec::new(), LARGE);
        journey.press(&format!("F / '{filter} enter G"));
        journey
    }
}

/// The verdicts on the steps, one a line.
fn steps(journey: &Journey) -> String {
    let screen = journey.screen();
    let rows = screen
        .lines()
        .map(|line| line.trim_start_matches(['▸', ' ']).trim_end());
    let is_step = |line: &&str| {
        ["✓ hit", "✗ miss", "? undecided"]
            .iter()
            .any(|v| line.starts_with(v))
    };
    let found = rows.filter(is_step);
    found.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn w_on_a_bake_target_explains_its_next_build() {
    let checkout = Checkout::of("c05").with(
        "docker-bake.hcl",
        "target \"shop\" {\n  cache-from = [\"type=local,src=CACHE,tag=c04\"]\n}\n",
    );
    let mut journey = checkout.find("path~bake");
    journey.press("w");
    insta::assert_snapshot!(steps(&journey), @r"
    ✓ hit          WORKDIR /app                        2  result                     │ Dockerfile:19 · stage test
    ✓ hit          COPY package.json package-lock…     3  result                     │
    ✓ hit          RUN npm ci                          4  result                     │ verdict    ✗ it runs
    ✗ miss       ▸ COPY web ./web  +2                  7  –            1 content     │ in cache   nothing of it
    ✓ hit          WORKDIR /src                       12  result                     │
    ✓ hit          COPY go.mod ./                     13  result                     │ Why
    ✓ hit          RUN go mod download                14  result                     │ files changed: web/index.js
    ✓ hit          COPY api ./api                     15  result                     │ → copy files that change often in
    ✓ hit          RUN go build ./api                 16  result                     │ a later step, or exclude unneeded
    ✓ hit          COPY --from=api /src/bin /usr/…    24  result                     │ files with .dockerignore
    ? undecided    COPY --from=web /app/dist /srv     25  ?            not settled   │
    ? undecided    COPY --from=test /report.txt /…    26  ?            not settled   │ 1 file
    ? undecided    COPY assets /srv/assets            27  ?            not settled   │ ~ web/index.js  content 20 bytes
    ");
    journey.shows("build docker buildx bake shop");
    journey.shows("files changed: web/index.js");
    journey.press("q");
    journey.shows("cachelens › find");
}

#[test]
fn w_on_an_action_fills_in_its_file_target_and_arguments() {
    let checkout = Checkout::of("c04").with(
        ".github/workflows/ci.yml",
        "on: push
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: docker/build-push-action@v6
        with:
          context: .
          file: Dockerfile
          target: web
          build-args: |
            API_URL=https://other.example.test
          cache-from: type=local,src=CACHE,tag=c03
",
    );
    let mut journey = checkout.find("kind:import");
    journey.press("w");
    insta::assert_snapshot!(steps(&journey), @r"
    ✓ hit   WORKDIR /app                               2  result                     │
    ✓ hit   COPY package.json package-lock.json ./     3  result                     │ verdict    ✗ it runs
    ✓ hit   RUN npm ci                                 4  result                     │ in cache   nothing of it
    ✓ hit   COPY web ./web                             7  result                     │
    ✗ miss  RUN npm run build                          9  –            1 unexplained │ Why
    ");
    journey.shows("build docker buildx build -f Dockerfile --target web --build-arg API_URL=");
}

#[test]
fn w_on_a_compose_service_explains_its_next_build() {
    let checkout = Checkout::of("c05").with(
        "compose.yaml",
        "services:\n  web:\n    build:\n      context: .\n      target: web\n      cache_from:\n        - type=local,src=CACHE,tag=c04\n",
    );
    let mut journey = checkout.find("kind:import");
    journey.press("w");
    insta::assert_snapshot!(steps(&journey), @r"
    ✓ hit     WORKDIR /app                             2  result                     │
    ✓ hit     COPY package.json package-lock.json…     3  result                     │ verdict    ✗ it runs
    ✓ hit     RUN npm ci                               4  result                     │ in cache   nothing of it
    ✗ miss  ▸ COPY web ./web  +1                       7  –            1 content     │
    ");
}

#[test]
fn a_command_with_unknown_parts_is_completed_by_the_user() {
    let checkout = Checkout::of("c05").with(
        ".github/workflows/ci.yml",
        "on: push
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: docker/build-push-action@v6
        with:
          context: .
          target: ${{ matrix.stage }}
          cache-from: type=local,src=CACHE,tag=c04
",
    );
    let mut journey = checkout.find("kind:import");
    journey.press("w");
    journey.shows("--target '{matrix.stage}' --cache-from type=local,src=");
    journey.press("enter");
    journey.shows("replace {matrix.stage} by its value");
    // The line is a command like any other.
    journey.press("ctrl-u");
    let import = format!("type=local,src={},tag=c04", checkout.cache.display());
    let command = format!("docker buildx build --target web --cache-from {import} .");
    for word in command.split(' ') {
        journey.press(&format!("'{word}")).press("space");
    }
    journey.press("enter enter");
    insta::assert_snapshot!(steps(&journey), @r"
    ✓ hit     WORKDIR /app                             2  result                     │
    ✓ hit     COPY package.json package-lock.json…     3  result                     │ verdict    ✗ it runs
    ✓ hit     RUN npm ci                               4  result                     │ in cache   nothing of it
    ✗ miss  ▸ COPY web ./web  +1                       7  –            1 content     │
    ");
}

#[test]
fn a_build_from_git_is_not_confused_with_one_of_the_checkout() {
    let checkout = Checkout::of("c05").with(
        ".github/workflows/ci.yml",
        "on: push
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: docker/build-push-action@v6
        with:
          target: web
          cache-from: type=local,src=CACHE,tag=c04
",
    );
    let mut journey = checkout.find("kind:import");
    journey.press("w");
    journey.shows("'{git context, or .}'");
    journey.press("enter");
    journey.shows("replace {git context, or .} by its value");
}

#[test]
fn builds_with_caches_that_cannot_be_opened_are_not_explained() {
    let checkout = Checkout::of("c05").with(
        "docker-bake.hcl",
        "target \"shop\" {\n  cache-from = [\"type=registry,ref=registry.example/shop:cache\"]\n}\n",
    );
    let mut journey = checkout.find("kind:import");
    journey.press("w");
    journey.shows("does not answer");
    journey.shows("cachelens › find");
}

#[test]
fn a_cache_without_a_tag_is_the_default_ref() {
    let checkout = Checkout::of("c05").with(
        "docker-bake.hcl",
        "target \"shop\" {\n  cache-from = [\"type=local,src=CACHE\"]\n}\n",
    );
    let mut journey = checkout.find("path~bake");
    journey.press("w");
    journey.shows("it has no ref `latest`");
}

/// Commits the checkout with the Dockerfile of an earlier commit, and restores the file.
fn commit_earlier_dockerfile(checkout: &Path, earlier: &str) {
    let file = checkout.join("Dockerfile");
    let now = fs::read(&file).unwrap();
    let trees = Fixture::named("shop").trees();
    fs::copy(
        trees.path().join("tree").join(earlier).join("Dockerfile"),
        &file,
    )
    .unwrap();
    for arguments in [
        &["init", "-q"][..],
        &["add", "."],
        &["commit", "-q", "-m", "before"],
    ] {
        let run = std::process::Command::new("git")
            .arg("-C")
            .arg(checkout)
            .args(["-c", "user.name=a", "-c", "user.email=a@example.test"])
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("git is needed: {error}"));
        assert!(run.status.success(), "{run:?}");
    }
    fs::write(file, now).unwrap();
}

#[test]
fn a_revision_of_git_is_the_baseline() {
    let checkout = Checkout::of("c08");
    let directory = checkout.folder.path().join("checkout");
    commit_earlier_dockerfile(&directory, "c07");
    let source = local("./cache", &checkout.cache);
    let mut journey = Journey::in_directory(&directory, vec![source], LARGE);
    journey.press("enter / 'c07 enter w");
    let command = "'docker space 'buildx space 'build space '. enter";
    // The first key goes along the offers, which are the command.
    journey.press(&format!("{command} down down 'git: enter"));
    journey.shows("! it names no revision");
    journey.press("'HEAD enter");
    journey.shows("git:HEAD  the Dockerfile and the context of a revision");
    journey.press("enter");
    journey.shows("RUN go build -trimpath ./api  Dockerfile:16  ·  its command changed");
    journey.shows("baseline git:HEAD");
    // A revision that does not exist is an error.
    journey.press("B 'git:nowhere enter enter");
    journey.shows("git:nowhere: git cannot read");
}
