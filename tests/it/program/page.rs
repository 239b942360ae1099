//! `report`: one page about sources.

use std::fs;

use crate::support::command::{CommandLine, Sandbox};
use crate::support::fixture::Fixture;

/// Panics unless all elements are closed in order.
fn assert_is_well_formed(html: &str) {
    let body = html.split_once("<style>").unwrap();
    let (style, body) = body.1.split_once("</style>").unwrap();
    assert!(!style.contains("url(") && !style.contains("@import"));
    let mut open = vec!["html", "head"];
    for part in body.split('<').skip(1) {
        let (tag, _) = part.split_once('>').unwrap();
        let name = tag.trim_start_matches('/');
        let name = name.split([' ', '/', '\n']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}>");
        } else if !tag.ends_with('/') && !["br", "meta", "link"].contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, [""; 0]);
}

#[test]
fn a_report_agrees_with_du_ls_and_check_and_loads_nothing() {
    let sandbox = Sandbox::new();
    let run = sandbox.run("report demo -o report.html");
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "wrote report.html\n")
    );
    let html = fs::read_to_string(sandbox.path("report.html")).unwrap();
    assert_is_well_formed(&html);
    for loads in ["http://", "https://", "<script", "src=", "@import"] {
        assert!(!html.contains(loads), "{loads}");
    }
    let refs = sandbox.json("ls demo --json");
    for entry in refs["sources"][0]["refs"].as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        assert!(html.contains(&format!("<tr><td>{name}")), "{name}");
    }
    let check = sandbox.run("check demo --json").json();
    for finding in check["findings"].as_array().unwrap() {
        let code = finding["code"].as_str().unwrap();
        assert!(html.contains(&format!("<td>{code}</td>")), "{code}");
    }
    let orphans = [
        "blobs",
        "demo",
        "--filter",
        "state:orphan",
        "--limit",
        "5",
        "--json",
    ];
    for blob in sandbox.json(&orphans)["sources"][0]["blobs"]
        .as_array()
        .unwrap()
    {
        assert!(html.contains(blob["digest"].as_str().unwrap()), "{blob}");
    }
    assert!(html.contains("1.5 MiB") && html.contains("335 KiB"));
    let markdown = sandbox.run("report demo --format markdown").stdout;
    assert!(markdown.contains("| orphan | 30 | 335 KiB |"), "{markdown}");
    let bars = |row: &str| row.replace("\\|", "").matches('|').count();
    let mut tables = markdown.split("\n\n").filter(|part| part.starts_with('|'));
    assert!(tables.all(|table| {
        let bars: Vec<usize> = table.lines().map(bars).collect();
        bars.iter().all(|count| *count == bars[0])
    }));
}

#[test]
fn names_from_a_store_are_escaped_in_a_report() {
    let sandbox = Sandbox::new();
    let hostile = "</td><script>alert(1)</script>\"'&lt;\u{202e}";
    let index = serde_json::json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": format!("sha256:{}", "0".repeat(64)),
            "size": 7,
            "annotations": { "org.opencontainers.image.ref.name": hostile },
        }],
    });
    sandbox.layout().write("index.json", index.to_string());
    let html = sandbox.run("report ./cache").stdout;
    assert_is_well_formed(&html);
    assert!(
        !html.contains("<script") && !html.contains('\u{202e}'),
        "{html}"
    );
    assert!(html.contains("&lt;script&gt;alert(1)"), "{html}");
}

#[test]
fn a_report_that_cannot_be_made_replaces_nothing() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("report.html"), "mine").unwrap();
    let run = sandbox.run("report ./nowhere -o report.html");
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(
        fs::read_to_string(sandbox.path("report.html")).unwrap(),
        "mine"
    );
    let one = sandbox.run("report demo#main");
    assert_eq!(one.code, Some(2), "{one}");
}

#[test]
fn a_report_shows_the_build_that_evidence_describes() {
    let sandbox = Sandbox::new();
    let shop = Fixture::named("shop");
    shop.write_layout("local.json", &sandbox.path("cache"));
    let evidence = ["provenance/c08.json", "logs/c08.rawjson"].map(|file| shop.path(file));
    let [provenance, log] = evidence.each_ref().map(|file| file.to_str().unwrap());
    let arguments = ["report", "./cache", "--build", provenance, "--build", log];
    let run = sandbox.run(&arguments);
    assert_eq!(run.code, Some(0), "{run}");
    let html = run.stdout;
    assert_is_well_formed(&html);
    assert!(html.contains("<h3>The build against c15</h3>"), "{html}");
    // What `why` says of it.
    let why = sandbox
        .run(format!(
            "why ./cache#c15 --build '{provenance}' --build '{log}' --json"
        ))
        .json();
    let summary = &why["summary"];
    let counts = format!("{} hit, {} run", summary["hit"], summary["miss"]);
    assert!(html.contains(&counts), "{counts}");
    for step in why["steps"].as_array().unwrap() {
        let stage = step["stage"].as_str().unwrap_or("other steps");
        assert!(html.contains(&format!("<h4>{stage}</h4>")), "{stage}");
    }
    assert!(html.contains(" s</span>"), "no step has its seconds");
    let markdown = sandbox.run("--format markdown".after(&arguments[..]));
    assert!(
        markdown.stdout.contains("| Runs | Where | Took | Why |"),
        "{markdown}"
    );
    let wrong = sandbox.run("report ./cache --build nowhere.json");
    assert_eq!(wrong.code, Some(1), "{wrong}");
}

#[test]
fn a_report_shows_exports_ages_and_planned_deletions() {
    let sandbox = Sandbox::new();
    Fixture::named("shop").write_layout("local.json", &sandbox.path("cache"));
    let rules = "[retention]\ngrace = '0s'\n[[retention.rule]]\nname = 'old'\n\
        match = { ref = 'c0[1-4]' }\naction = 'drop'\n";
    fs::write(sandbox.path("cachelens.toml"), rules).unwrap();
    let html = sandbox.run("report ./cache --price €20/TB-month").stdout;
    assert_is_well_formed(&html);
    let plan = sandbox.json("prune ./cache --json");
    let deleted = plan["plan"]["delete"].as_array().unwrap();
    let refs = deleted.iter().filter(|item| item["kind"] == "ref");
    for item in refs {
        let row = format!(
            "<tr><td>ref</td><td class=\"name\">{}</td>",
            item["name"].as_str().unwrap()
        );
        assert!(html.contains(&row), "{row}");
    }
    assert!(
        html.contains("With the rules of cachelens.toml: 4 refs and "),
        "{html}"
    );
    assert!(html.contains("at €20 per TB and month"), "{html}");
    assert!(
        !html.contains("assumed"),
        "a price that was given is not assumed"
    );
    assert!(html.contains("Objects by size, state and age"));
    let marks = html.matches("<circle ").count();
    let all = sandbox.json("ls ./cache --json");
    assert_eq!(marks, all["sources"][0]["refs"].as_array().unwrap().len());
    let wrong = sandbox.run("report ./cache --price much");
    assert_eq!(wrong.code, Some(2), "{wrong}");
    assert!(
        wrong.stderr.contains("write it as 0.023/GB-month"),
        "{wrong}"
    );
}
