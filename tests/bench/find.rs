//! `find` in a repository of 50,000 files, compared with `git ls-files` and reading the files that
//! may declare a cache.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::Outcome;
use crate::table::{Table, in_turns};

const FILES: usize = 50_000;
const FOLDERS: usize = 500;
const ROUNDS: usize = 5;
/// The maximum time, as a multiple of the other program's time.
const MOST_TIMES: f64 = 2.0;
/// The maximum time in an ordinary repository.
const ORDINARY: Duration = Duration::from_millis(300);
const ORDINARY_FILES: usize = 1_000;

/// The names of files, in turn, and their lines. About one in five may declare a cache.
const KINDS: [(&str, &str); 16] = [
    ("go", "func f(a int) int { return a + 1 }\n"),
    (
        "ts",
        "export const value = (input: string) => input.trim();\n",
    ),
    ("go", "// Returns the sum of two numbers.\n"),
    ("rs", "pub fn sum(a: u64, b: u64) -> u64 { a + b }\n"),
    ("tsx", "<Item key={item.id} title={item.title} />\n"),
    ("yaml", "- name: item\n  value: 12\n"),
    ("css", ".item { margin: 0 auto; }\n"),
    ("py", "def total(values): return sum(values)\n"),
    ("md", "Use `docker build` to build the image.\n"),
    ("svg", "<path d=\"M0 0h24v24H0z\"/>\n"),
    ("json", "{\"id\": 12, \"name\": \"item\"}\n"),
    ("sh", "docker build -t acme/item .\n"),
    ("go", "type Item struct { Name string }\n"),
    ("ts", "import { Item } from './item';\n"),
    ("txt", "one line of text\n"),
    ("rs", "#[test] fn adds() { assert_eq!(1 + 1, 2); }\n"),
];

/// Lists the tracked files, and reads those that `find` reads.
const PEER: &str = r#"git -C "$1" ls-files -z |
grep -zE '\.(ya?ml|sh|py|hcl|mk)$|(^|/)(Makefile|Dockerfile)$' |
(cd "$1" && xargs -0 cat >/dev/null)"#;

pub fn measure(table: &mut Table) -> Outcome {
    let ordinary = repository(ORDINARY_FILES)?;
    let large = repository(FILES)?;
    let (took, _) = in_turns(ROUNDS, || found(ordinary.path()), || Ok(()))?;
    table.time(
        format!("find in a repository of {ORDINARY_FILES} files"),
        took,
        ORDINARY,
    );
    let (ours, theirs) = in_turns(ROUNDS, || found(large.path()), || peer(large.path()))?;
    table.number(
        format!(
            "find in {FILES} files, as a multiple of `git ls-files` and reading the candidates"
        ),
        ours.as_secs_f64() / theirs.as_secs_f64(),
        MOST_TIMES,
    );
    Ok(())
}

/// Makes a repository with declarations among other files.
fn repository(files: usize) -> Outcome<TempDir> {
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let root = dir.path();
    for number in 0..files {
        let folder = root.join(format!("folder-{:03}", number % FOLDERS));
        fs::create_dir_all(&folder)?;
        let (extension, line) = KINDS[number / 7 % KINDS.len()];
        fs::write(
            folder.join(format!("file-{number:05}.{extension}")),
            line.repeat(40),
        )?;
    }
    fs::create_dir_all(root.join(".github/workflows"))?;
    fs::write(
        root.join(".github/workflows/ci.yml"),
        "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: docker/build-push-action@v6\n        \
         with:\n          push: true\n          tags: ghcr.io/acme/app\n          cache-from: type=gha\n          cache-to: type=gha,mode=max\n",
    )?;
    for arguments in [&["init", "-q"][..], &["add", "."]] {
        let mut git = Command::new("git");
        succeed(git.arg("-C").arg(root).args(arguments))?;
    }
    Ok(dir)
}

fn found(root: &Path) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cachelens"));
    command.arg("find").arg(root).arg("--json");
    command.env("HOME", root).env_remove("XDG_CONFIG_HOME");
    succeed(&mut command)
}

fn peer(root: &Path) -> Outcome {
    let mut command = Command::new("sh");
    command.args(["-c", PEER, "sh"]).arg(root);
    succeed(&mut command)
}

fn succeed(command: &mut Command) -> Outcome {
    let status = command.stdout(Stdio::null()).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {status}").into())
    }
}
