//! The HTML report in Chromium, at the width of a phone and of a desktop.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::command::Sandbox;
use crate::support::fixture::Fixture;
use crate::support::layout::LayoutBuilder;

/// The names of the program.
const NAMES: [&str; 4] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
];

/// Shows a page in a frame of some size, and prints the widths of its content once it is loaded.
const FRAME: &str = "<!doctype html><title>frame</title>\
    <iframe src=\"report.html\" width=\"WIDTH\" height=\"844\" style=\"border:0\" onload=\"\
    const page = this.contentDocument.documentElement;\
    const parts = this.contentDocument.querySelectorAll('svg, table, h2').length;\
    document.body.textContent = ['loaded', page.scrollWidth, page.clientWidth, parts].join(' ')\
    \"></iframe>";

fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = Vec::new();
    for name in NAMES {
        programs.extend(std::env::split_paths(&path).map(|folder| folder.join(name)));
    }
    let found = programs.into_iter().find(|program| program.is_file());
    found.expect("the tests need Chromium: apt-get install chromium-headless-shell")
}

/// What the browser says of the report in a folder.
struct Shown {
    /// The width of the content, the width of the view, and the number of its larger parts.
    numbers: Vec<u32>,
    /// Messages of the console: errors, and what a script prints.
    console: Vec<String>,
}

fn show(folder: &Path, width: u32) -> Shown {
    let frame = folder.join("frame.html");
    fs::write(&frame, FRAME.replace("WIDTH", &width.to_string())).unwrap();
    let output = Command::new(chromium())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .args(["--allow-file-access-from-files", "--enable-logging=stderr"])
        .args(["--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("file://{}", frame.display()))
        .env("HOME", folder)
        .output()
        .unwrap();
    let document = String::from_utf8(output.stdout).unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let (_, loaded) = document
        .split_once("loaded ")
        .unwrap_or_else(|| panic!("{document}{log}"));
    let (loaded, _) = loaded.split_once('<').unwrap();
    let console = log.lines().filter(|line| line.contains(":CONSOLE"));
    Shown {
        numbers: loaded
            .split(' ')
            .map(|number| number.parse().unwrap())
            .collect(),
        console: console.map(str::to_owned).collect(),
    }
}

fn assert_opens(sandbox: &Sandbox, arguments: &[&str]) {
    let arguments = [&["report"], arguments, &["-o", "report.html"]].concat();
    let run = sandbox.run(&arguments);
    assert!(matches!(run.code, Some(0 | 4)), "{run}");
    for width in [390, 1280] {
        let shown = show(&sandbox.path(""), width);
        assert_eq!(shown.console, [""; 0], "{arguments:?} at {width}");
        let [content, view, parts] = shown.numbers[..] else {
            panic!("{:?}", shown.numbers);
        };
        assert_eq!(view, width);
        assert!(
            content <= view,
            "{arguments:?}: the page is {content} wide at {view}"
        );
        assert!(parts > 2, "{arguments:?}: {parts}");
    }
}

#[test]
fn a_report_opens_without_an_error_and_fits_phones_and_desktops() {
    let sandbox = Sandbox::new();
    assert_opens(&sandbox, &["demo"]);
    let shop = Fixture::named("shop");
    shop.write_layout("local.json", &sandbox.path("cache"));
    let evidence = ["provenance/c08.json", "logs/c08.rawjson"].map(|file| shop.path(file));
    let [provenance, log] = evidence.each_ref().map(|file| file.to_str().unwrap());
    let described = ["--build", provenance, "--build", log];
    assert_opens(&sandbox, &[&["./cache"], &described[..]].concat());
}

#[test]
fn names_from_a_store_run_and_load_nothing() {
    let sandbox = Sandbox::new();
    let mut layout = LayoutBuilder::new(sandbox.path("cache"));
    let kept = layout.chain(&[layout.layer("kept", 50)]);
    for name in [
        "<script>console.error('name')</script>",
        "</title></style><script>console.error('style')</script>",
        "\"><img src=missing onerror=console.error('image')>",
        "'onmouseover='console.error(1)",
        "<svg/onload=console.error('svg')>",
        "&lt;b&gt;\u{202e}gpj.exe",
    ] {
        layout.tag(name, &kept);
    }
    layout.tag(&"long".repeat(500), &kept);
    assert_opens(&sandbox, &["./cache"]);
}

#[test]
fn an_error_and_a_wide_page_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let page = "<!doctype html><div style='width:900px'>wide</div>\
        <script>console.error('noticed')</script>";
    fs::write(folder.path().join("report.html"), page).unwrap();
    let shown = show(folder.path(), 390);
    assert!(shown.numbers[0] >= 900, "{:?}", shown.numbers);
    assert!(shown.console[0].contains("noticed"), "{:?}", shown.console);
}
