//! Scripts in Python.

use super::Repository;

#[test]
fn a_string_in_python_counts_only_where_a_function_runs_it() {
    let repository = Repository::new().with(
        "build.py",
        r#"import argparse, os, subprocess
parser.add_argument("--cache", help="docker build --cache-from type=gha,scope=help")
USAGE = "docker build --cache-from type=gha,scope=usage"
print("docker build --cache-from type=gha,scope=printed")
assert parse("docker build --cache-from type=gha,scope=parsed") == 1
os.system("docker build --cache-from type=gha,scope=system .")
command = "docker build --cache-from type=gha,scope=named ."
command += " --cache-to type=gha,scope=added"
subprocess.run(command, shell=True)
def sh(line, check=True):
    subprocess.check_call(line.split())
sh("docker build --cache-from type=gha,scope=passed .")
@task
def image(c):
    c.run("docker build --cache-from type=gha,scope=invoke .")
"#,
    );
    insta::assert_snapshot!(repository.declared(), @"
    build.py:6 import type=gha,scope=system by docker build for -
    build.py:7 import type=gha,scope=named by docker build for -
    build.py:8 export type=gha,scope=added by docker build for -
    build.py:12 import type=gha,scope=passed by docker build for -
    build.py:15 import type=gha,scope=invoke by docker build for -
    ");
}

#[test]
fn lists_in_python_grow_and_variables_have_defaults() {
    let repository = Repository::new().with(
        "build.py",
        r#"import os, subprocess
REGISTRY = os.environ.get("REGISTRY", "ghcr.io/acme")
args = ["docker", "buildx", "build", "--cache-from", f"type=registry,ref={REGISTRY}/py:{tag}"]
args.append("--cache-to=type=gha,scope=appended,mode=max")
args.extend(["--cache-to", "type=gha,scope=extended"])
subprocess.check_call(args)
subprocess.run(["docker", "build", "--cache-from", cache, "."])
"#,
    );
    insta::assert_snapshot!(repository.declared(), @"
    build.py:3 import type=registry,ref=ghcr.io/acme/py:* by docker buildx for - # * stands for tag
    build.py:4 export type=gha,scope=appended,mode=max by docker buildx for -
    build.py:5 export type=gha,scope=extended by docker buildx for -
    build.py:7 import * by docker build for - # * stands for cache
    ");
}
