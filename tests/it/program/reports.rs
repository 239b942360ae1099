//! Findings in the formats of other programs, and the gates of `check`.

use std::fs;

use quick_xml::events::Event;
use serde_json::Value;

use crate::support::command::{CommandLine, Sandbox};

/// Checks the requirements of GitHub's code scanning ("SARIF support for code scanning").
pub(crate) fn assert_is_for_code_scanning(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().contains("sarif"));
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let driver = &runs[0]["tool"]["driver"];
    assert_eq!(driver["name"], "cachelens");
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        for field in ["shortDescription", "fullDescription", "help"] {
            assert!(!rule[field]["text"].as_str().unwrap().is_empty(), "{rule}");
        }
    }
    for result in runs[0]["results"].as_array().unwrap() {
        let place = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[place]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let fingerprints = result["partialFingerprints"].as_object().unwrap();
        assert!(!fingerprints.is_empty());
        let location = &result["locations"][0]["physicalLocation"];
        let uri = location["artifactLocation"]["uri"].as_str().unwrap();
        // A relative reference: a colon in its first part would be a scheme.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
        assert!(uri.bytes().all(is_plain) && !uri.starts_with('/'), "{uri}");
        for field in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(location["region"][field].as_u64().unwrap() >= 1, "{result}");
        }
    }
}

/// Returns the cases of a `JUnit` document, each with whether it failed, and the document's counts.
pub(crate) fn cases(document: &str) -> (Vec<(String, bool)>, [u64; 2]) {
    let mut reader = quick_xml::Reader::from_str(document);
    let mut cases: Vec<(String, bool)> = Vec::new();
    let mut counts = [0; 2];
    loop {
        let event = reader.read_event().unwrap();
        let (element, is_empty) = match &event {
            Event::Start(element) => (element, false),
            Event::Empty(element) => (element, true),
            Event::Eof => return (cases, counts),
            _ => continue,
        };
        let attribute = |name: &str| {
            let attribute = element.try_get_attribute(name).unwrap()?;
            Some(
                attribute
                    .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                    .unwrap()
                    .into_owned(),
            )
        };
        match element.name().as_ref() {
            b"testsuites" => {
                counts =
                    ["tests", "failures"].map(|name| attribute(name).unwrap().parse().unwrap());
            }
            b"testcase" => {
                assert!(is_empty || attribute("classname").is_some());
                cases.push((attribute("name").unwrap(), false));
            }
            b"failure" => cases.last_mut().unwrap().1 = true,
            _ => {}
        }
    }
}

#[test]
fn check_prints_every_machine_readable_format() {
    let sandbox = Sandbox::new();
    let json = sandbox.run("check demo --format json");
    assert_eq!(json.code, Some(3), "{}", json.stderr);
    let findings = json.json()["findings"].as_array().unwrap().clone();
    assert!(findings.len() > 2);

    let sarif = sandbox.run("check demo --format sarif");
    assert_eq!(sarif.code, Some(3));
    let log = sarif.json();
    assert_is_for_code_scanning(&log);
    assert_eq!(
        log["runs"][0]["results"].as_array().unwrap().len(),
        findings.len()
    );

    let junit = sandbox.run("check demo --format junit").stdout;
    let (cases, [tests, failures]) = cases(&junit);
    let failing = findings
        .iter()
        .filter(|finding| finding["severity"] != "info");
    assert_eq!(tests, cases.len() as u64);
    assert_eq!(cases.len(), findings.len());
    assert_eq!(failures, failing.count() as u64);
    assert_eq!(
        failures,
        cases.iter().filter(|(_, failed)| *failed).count() as u64
    );

    let github = sandbox.run("check demo --format github").stdout;
    assert_eq!(github.lines().count(), findings.len());
    let severities = ["error", "warning", "info"];
    for (line, finding) in github.lines().zip(&findings) {
        let place = severities
            .iter()
            .position(|word| finding["severity"] == *word);
        let kind = ["error", "warning", "notice"][place.unwrap()];
        let code = finding["code"].as_str().unwrap();
        assert!(
            line.starts_with(&format!("::{kind} title={code}::demo")),
            "{line}"
        );
    }

    let markdown = sandbox.run("check demo --format markdown").stdout;
    let rows: Vec<&str> = markdown
        .lines()
        .filter(|line| line.starts_with('|'))
        .collect();
    assert_eq!(rows.len(), findings.len() + 2);
    let bars = |row: &str| row.replace("\\|", "").matches('|').count();
    assert!(rows.iter().all(|row| bars(row) == 6), "{markdown}");
}

#[test]
fn names_from_a_store_are_escaped_in_every_format() {
    let sandbox = Sandbox::new();
    let hostile = "a|b</testcase>\n::error::x@all`c`%0A";
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
    let run = |format| sandbox.run(format!("check ./cache --format {format}"));
    let github = run("github").stdout;
    let commands = github.lines().filter(|line| line.starts_with("::")).count();
    assert_eq!(commands, github.lines().count(), "{github}");
    assert!(
        github.lines().all(|line| !line.starts_with("::error::")),
        "{github}"
    );
    let (cases, _) = cases(&run("junit").stdout);
    assert!(cases.iter().any(|(name, _)| name.contains("</testcase>")));
    assert_is_for_code_scanning(&run("sarif").json());
    let markdown = run("markdown").stdout;
    assert!(
        !markdown.contains("@all") && !markdown.contains("</testcase>"),
        "{markdown}"
    );
}

#[test]
fn limits_make_check_fail() {
    let sandbox = Sandbox::new();
    let codes = |arguments: &[&str]| {
        let run = sandbox.run(arguments.after("check demo#main --json --fail-on error"));
        let codes = run.json()["findings"].as_array().unwrap().clone();
        let codes = codes
            .iter()
            .filter(|finding| finding["severity"] == "error");
        let codes: Vec<String> = codes
            .map(|finding| finding["code"].as_str().unwrap().to_owned())
            .collect();
        (codes, run.code.unwrap())
    };
    assert_eq!(codes(&[]), (vec![], 0));
    assert_eq!(
        codes(&["--max-size", "1GB", "--max-age", "9999d"]),
        (vec![], 0)
    );
    assert_eq!(
        codes(&["--max-size", "1kB"]),
        (vec!["size-over-limit".to_owned()], 3)
    );
    assert_eq!(
        codes(&["--max-age", "1s"]),
        (vec!["age-over-limit".to_owned()], 3)
    );
    // A single ref has no orphans, and a limit that cannot be compared does not pass.
    assert_eq!(
        codes(&["--max-orphan", "99%"]),
        (vec!["limit-not-checked".to_owned()], 3)
    );
    let whole = |limit| {
        let run = sandbox.run(format!("check demo --json --max-orphan {limit}"));
        run.stdout.contains("orphans-over-limit")
    };
    assert!(whole("10%") && !whole("50%"));
    let wrong = sandbox.run("check demo --max-orphan lots");
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.stderr.contains("write it as 20% or 5GB"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn find_prints_files_and_lines_in_every_format() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("app/.github/workflows")).unwrap();
    let workflow = "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      \
        - run: docker build --cache-from type=registry,ref=acme/App:cache .\n";
    fs::write(sandbox.path("app/.github/workflows/build.yml"), workflow).unwrap();
    let run = |format| sandbox.run(format!("find app --format {format}"));
    let found = run("json").json()["findings"].as_array().unwrap().clone();
    assert!(!found.is_empty());
    let github = run("github").stdout;
    for (line, finding) in github.lines().zip(&found) {
        let code = finding["code"].as_str().unwrap();
        let place = format!(
            "file=app/.github/workflows/build.yml,line={},title={code}::",
            finding["line"]
        );
        assert!(line.contains(&place), "{line}");
    }
    let log = run("sarif").json();
    assert_is_for_code_scanning(&log);
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        place["artifactLocation"]["uri"],
        "app/.github/workflows/build.yml"
    );
    assert_eq!(place["region"]["startLine"], found[0]["line"]);
    let rule = &log["runs"][0]["tool"]["driver"]["rules"][0];
    assert_eq!(rule["id"], "never-exported");
    assert_eq!(
        rule["shortDescription"]["text"],
        "A cache is imported, and nothing exports it."
    );
    let (cases, [tests, _]) = cases(&run("junit").stdout);
    assert_eq!(cases.len(), found.len());
    assert_eq!(tests, found.len() as u64);
}

#[test]
fn find_prints_no_table_for_files_without_a_cache() {
    let sandbox = Sandbox::new();
    for format in ["text", "markdown"] {
        let run = sandbox.run(format!("find --format {format}"));
        assert_eq!(run.stdout, "no cache is declared here\n", "{format}");
    }
}
