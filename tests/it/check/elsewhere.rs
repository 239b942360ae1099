//! Directories whose blobs are a link or a mount that the user made.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{codes, ended};
use crate::support::command::{Run, Sandbox};

/// A directory whose blobs lie in `./elsewhere`, one of them an old orphan.
struct Elsewhere {
    sandbox: Sandbox,
    orphan: String,
}

impl Elsewhere {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let mut made = sandbox.layout();
        let main = made.chain(&[made.layer("one", 40), made.layer("two", 40)]);
        made.tag("main", &main);
        let orphan = made.layer("orphan", 40);
        let file = fs::File::open(made.blob_path(&orphan)).unwrap();
        let then = SystemTime::now() - Duration::from_hours(96);
        file.set_modified(then).unwrap();
        let digest = orphan["digest"].as_str().unwrap();
        let orphan = digest.strip_prefix("sha256:").unwrap().to_owned();
        let blobs = made.path("blobs");
        fs::rename(&blobs, sandbox.path("elsewhere")).unwrap();
        fs::create_dir(blobs).unwrap();
        Self { sandbox, orphan }
    }

    fn has_orphan(&self) -> bool {
        let folder = self.sandbox.path("elsewhere/sha256");
        folder.join(&self.orphan).exists()
    }

    /// Runs the program where `mount` has mounted the blobs, which only it sees.
    fn mounted(&self, mount: &str, arguments: &[&str]) -> Run {
        let program = self.sandbox.command();
        let mut command = Command::new("unshare");
        command
            .args(["-rm", "sh", "-c", &format!("{mount} && exec \"$@\""), "sh"])
            .arg(program.get_program())
            .args(arguments)
            .env_clear()
            .current_dir(self.sandbox.path(""));
        let variables = program.get_envs();
        command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        Run::new(command.output().unwrap())
    }
}

/// Returns the finding about the blobs.
fn finding(run: &Run) -> Value {
    let report = ended(run, 0);
    let findings = report["findings"].as_array().unwrap().iter();
    let mut found = findings.filter(|finding| finding["code"] == "blobs-elsewhere");
    let finding = found.next().unwrap_or_else(|| panic!("{run}")).clone();
    assert_eq!(finding["severity"], "info");
    assert_eq!(finding["subject"], "blobs");
    finding
}

#[test]
fn blobs_behind_a_link_are_found_and_kept() {
    for link in ["cache/blobs", "cache/blobs/sha256"] {
        let made = Elsewhere::new();
        let target = made.sandbox.path(link.replace("cache/blobs", "elsewhere"));
        if link == "cache/blobs" {
            fs::remove_dir(made.sandbox.path(link)).unwrap();
        }
        symlink(target, made.sandbox.path(link)).unwrap();
        let found = finding(&made.sandbox.run("check ./cache --json"));
        let message = found["message"].as_str().unwrap();
        assert!(message.contains("is a symbolic link"), "{message}");
        let arguments = ["prune", "./cache", "--grace", "0s", "--yes"];
        let pruned = made.sandbox.run(&arguments);
        assert!(pruned.stderr.contains("is a symbolic link"), "{pruned}");
        assert!(made.has_orphan());
    }
}

#[test]
fn blobs_on_a_mount_are_found_and_deleted_without_the_trash_only() {
    const BIND: &str = "mount --bind elsewhere cache/blobs";
    const DISK: &str = "mkdir disk && mount -t tmpfs none disk && cp -a elsewhere/. disk && \
        mount --bind disk cache/blobs";
    let made = Elsewhere::new();
    let is_allowed = Command::new("unshare").args(["-rm", "true"]).status();
    assert!(
        is_allowed.is_ok_and(|status| status.success()),
        "this test needs `unshare -rm`: the kernel has to allow user namespaces"
    );
    // Without a mount there is nothing to find.
    let plain = Sandbox::new();
    let mut layout = plain.layout();
    let main = layout.chain(&[layout.layer("one", 40)]);
    layout.tag("main", &main);
    let report = ended(&plain.run("check ./cache --json"), 0);
    assert!(!codes(&report).contains(&"blobs-elsewhere"), "{report}");

    for mount in [DISK, BIND] {
        let found = finding(&made.mounted(mount, &["check", "./cache", "--json"]));
        assert_eq!(
            found["message"],
            "the blobs are on another mount than the cache: nothing can be moved to the trash"
        );
        let hint = found["hint"].as_str().unwrap();
        let typed = "`cachelens prune ./cache --no-trash --i-am-the-only-writer`";
        assert!(hint.contains(typed), "{hint}");
    }
    let prune = [
        "prune", "./cache", "--grace", "0s", "--settle", "1ms", "--yes",
    ];
    let refused = made.mounted(BIND, &prune);
    assert_eq!(refused.code, Some(4), "{refused}");
    assert!(made.has_orphan());
    let flags = ["--no-trash", "--i-am-the-only-writer"];
    let pruned = made.mounted(BIND, &[&prune[..], &flags].concat());
    assert_eq!(pruned.code, Some(0), "{pruned}");
    assert!(!made.has_orphan());
}
