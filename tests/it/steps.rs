//! Steps of real caches, with and without the evidence that names them.

use std::fmt::Write as _;
use std::sync::Arc;

use cachelens::backend::SharedReader;
use cachelens::backend::local::LocalCache;
use cachelens::explain::evidence::CacheEvidence;
use cachelens::inventory::Inventory;
use cachelens::inventory::cache::RefCache;
use cachelens::inventory::scan::{ScanOptions, scan};
use cachelens::inventory::steps::{RowKind, StepTree};
use cachelens::text::units::Size;

use crate::support::fixture::Fixture;

/// Draws the steps of a ref as a tree: state, name, size, and the number of refs with the layer.
async fn draw(set: &str, name: &str, provenance: Option<&str>) -> String {
    let fixture = Fixture::named(set);
    let folder = fixture.layout("local.json");
    let reader: SharedReader = Arc::new(LocalCache::new(folder.path()));
    let inventory: Inventory = scan(&reader, &ScanOptions::default(), |_| ())
        .await
        .unwrap();
    let entry = inventory
        .refs
        .iter()
        .find(|entry| entry.name == name)
        .unwrap();
    let cache = RefCache::load(&*reader, &inventory.blobs, entry)
        .await
        .unwrap()
        .remove(0);
    let mut evidence = CacheEvidence::default();
    if let Some(build) = provenance {
        evidence
            .add(&std::fs::read(fixture.path(format!("provenance/{build}.json"))).unwrap())
            .unwrap();
    }
    let tree = StepTree::new(&cache, evidence.labels(&cache.graph));
    let mut drawn = String::new();
    for row in &tree.rows {
        let Some(step) = row
            .record()
            .and_then(|record| tree.step(&cache, &inventory.blobs, record))
        else {
            match &row.kind {
                RowKind::Stage(stage) => writeln!(drawn, "{}:", stage.name).unwrap(),
                _ => writeln!(drawn, "without a name:").unwrap(),
            }
            continue;
        };
        let guide = |level: u32| match (
            level == row.indent.depth && row.indent.begins,
            row.indent.goes_on(level),
        ) {
            (true, true) => "├ ",
            (true, false) => "└ ",
            (false, true) => "│ ",
            (false, false) => "  ",
        };
        let indent: String = (1..=row.indent.depth).map(guide).collect();
        let twin = if matches!(row.kind, RowKind::Twin(_)) {
            "= "
        } else {
            ""
        };
        let size = step
            .sizes()
            .map(|sizes| Size(sizes.layer_bytes).to_string())
            .unwrap_or_default();
        let refs = step
            .other_refs()
            .map(|others| format!("in {}", others + 1))
            .unwrap_or_default();
        let row = format!(
            "{indent}{twin}{} {} {size} {refs}",
            step.name(),
            step.detail.state.word()
        );
        writeln!(drawn, "{}", row.trim_end()).unwrap();
    }
    writeln!(
        drawn,
        "{} of {} records are content",
        tree.hidden.len(),
        cache.graph.records.len()
    )
    .unwrap();
    drawn
}

#[tokio::test]
async fn a_full_cache() {
    insta::assert_snapshot!(draw("shop", "c01", None).await, @r"
    source · 089e08d6 key-only
      = source · 8e629cdf key-only
    ├ FILE · 57a5ab45 result 92 B in 1
    │ COPY · 9152319c result 144 B in 1
    │ RUN · eb40ed05 result 30.2 KiB in 1
    │ COPY · 4fdf24ec result 174 B in 1
    │ RUN · 765fb925 result 30.2 KiB in 1
    ├ FILE · 807b3e87 result 92 B in 1
    │ COPY · 1704e8bf result 213 B in 1
    │ RUN · da55fffb result 49.9 KiB in 1
    │ COPY · 91cc5c91 result 209 B in 1
    │ ├ RUN · 4fd7e03a result 12.3 KiB in 1
    │ └ RUN · ab170239 result 12.2 KiB in 1
    └ COPY · d77d59e9 result 30.2 KiB in 1
      COPY · 5d74d000 result 12.2 KiB in 1
      COPY · e0d7b2d4 result 139 B in 1
      COPY · 89d21dcb result 161 B in 1
    8 of 25 records are content
    ");
}

#[tokio::test]
async fn a_thinned_cache() {
    insta::assert_snapshot!(draw("shop", "c15", None).await, @r"
    source · 8aa5db81 key-only
    ├ COPY · d77d59e9 result 30.2 KiB in 2
    │ COPY · 5d74d000 result 12.2 KiB in 2
    │ COPY · e0d7b2d4 result 139 B in 2
    │ COPY · 89d21dcb result 188 B in 1
    ├ FILE · 57a5ab45 key-only
    │ COPY · 9152319c key-only
    │ RUN · e130a368 key-only
    │ COPY · 4fdf24ec key-only
    │ RUN · 826adb52 key-only
    └ FILE · 807b3e87 key-only
      COPY · 1704e8bf key-only
      RUN · 91f5b186 key-only
      COPY · 91cc5c91 key-only
      ├ RUN · 55274cca key-only
      └ RUN · 9f8cf52d key-only
    5 of 21 records are content
    ");
}

#[tokio::test]
async fn equal_operations_in_two_stages() {
    insta::assert_snapshot!(draw("kitchen", "c06", None).await, @r"
    source · 854a2104 key-only
    FILE · c82b7cee key-only
    COPY · 4809d3e9 key-only
    COPY · 25b97c49 key-only
    RUN · 27a67e92 key-only
    COPY · 71ce91fb key-only
    COPY · b80afd8e key-only
    source · f8c70332 key-only
    FILE · 3e5dca94 key-only
    RUN · a6fc3d14 key-only
    ├ FILE · 67982870 result 37.2 KiB in 2
    │ COPY · 5dbfbafe result 114 B in 5
    │   = COPY · 5dbfbafe key-only
    │ ├ COPY · 167ec74f result 144 B in 1
    │ └ COPY · 0e0bbb41 key-only
    │   RUN · 0c5bea26 key-only
    └ COPY · 97d44c27 key-only
      RUN · aa6db2b8 key-only
      FILE · 767546f2 key-only
    source · 7a1be47d key-only
    source · 960d77c1 key-only
    6 of 27 records are content
    ");
}

#[tokio::test]
async fn names_from_the_build_that_wrote_the_ref() {
    insta::assert_snapshot!(draw("shop", "c09", Some("c09")).await, @r"
    FROM 127.0.0.1:5055/base:latest AS deps key-only
      = FROM 127.0.0.1:5055/base:latest AS deps key-only
    deps:
      WORKDIR /app result 92 B in 6
      COPY package.json package-lock.json ./ result 227 B in 3
      RUN npm ci result 49.9 KiB in 3
    web:
      COPY web ./web result 217 B in 3
      RUN npm run build result 12.2 KiB in 1
    api:
      WORKDIR /src key-only
      COPY go.mod ./ key-only
      RUN go mod download key-only
      COPY api ./api key-only
      RUN go build -trimpath ./api key-only
    test:
      RUN npm test && echo ok > /report.txt result 12.3 KiB in 3
    final:
      COPY --from=api /src/bin /usr/local/bin result 30.2 KiB in 2
      COPY --from=web /app/dist /srv result 12.2 KiB in 1
      COPY --from=test /report.txt /srv/report.txt result 142 B in 1
      COPY assets /srv/assets result 162 B in 1
    7 of 24 records are content
    ");
}

#[tokio::test]
async fn names_from_another_build() {
    insta::assert_snapshot!(draw("shop", "c07", Some("c08")).await, @r"
    FROM 127.0.0.1:5055/base:latest AS deps key-only
    deps:
      WORKDIR /app result 92 B in 6
      COPY package.json package-lock.json ./ result 227 B in 3
      RUN npm ci result 49.9 KiB in 3
    web:
      COPY web ./web result 217 B in 3
      RUN npm run build result 12.2 KiB in 2
    api:
      WORKDIR /src key-only
      COPY go.mod ./ key-only
      RUN go mod download key-only
      COPY api ./api key-only
    test:
      RUN npm test && echo ok > /report.txt result 12.3 KiB in 3
    final:
      COPY --from=api /src/bin /usr/local/bin result 30.2 KiB in 4
      COPY --from=web /app/dist /srv result 12.2 KiB in 2
      COPY --from=test /report.txt /srv/report.txt result 139 B in 1
      COPY assets /srv/assets result 164 B in 1
    without a name:
      RUN · 765fb925 key-only
    7 of 23 records are content
    ");
}

#[tokio::test]
async fn names_of_every_kind_of_step() {
    insta::assert_snapshot!(draw("kitchen", "c06", Some("c06")).await, @r"
    ADD http://127.0.0.1:5099/kitchen.txt key-only
    make file /EOF key-only
    FROM 127.0.0.1:5055/base:latest AS tools key-only
    tools:
      WORKDIR /crate key-only
      COPY --chmod=755 scripts/*.sh /usr/bin/ key-only
      COPY <<EOF /etc/kitchen.conf key-only
      RUN --mount=type=cache,id=kitchen-pkg,target=/var/cache/pkg,sharing=locked apk add curl key-only
      ADD http://127.0.0.1:5099/kitchen.txt /opt/release.txt key-only
      ADD vendor.tar.gz /opt/vendor/ key-only
    build:
      COPY --link Cargo.toml Cargo.lock ./ key-only
      LINK COPY --link Cargo.toml Cargo.lock ./ key-only
      COPY --chown=1000:1000 src ./src key-only
      RUN --mount=type=bind,source=bench,target=/bench --mount=type=secret,id=token --mount=type=tmpfs,target=/scratch cargo build --release && echo $VERSION > target/version key-only
      RUN <<EOF key-only
    docs:
      COPY --exclude=*.tmp docs ./docs key-only
      RUN --network=none --mount=type=bind,from=tools,source=/opt,target=/opt2 echo documented > /docs.txt key-only
    final:
      COPY --link --from=build /crate/target/release/app /app result 37.2 KiB in 2
      LINK COPY --link --from=docs /docs.txt /docs.txt result 114 B in 5
      COPY --link --from=docs /docs.txt /docs.txt key-only
      COPY --from=extra . /extra/ result 144 B in 1
    7 of 27 records are content
    ");
}
