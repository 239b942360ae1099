//! Records of builds: incomplete ones, images with attestations, and a Dockerfile in another place.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use cachelens::explain::cause::is_context_source;
use cachelens::format::digest::Digest;
use cachelens::format::llb::OpKind;
use cachelens::format::provenance::Build;
use serde_json::{Value, json};

use super::histories::home;
use crate::support::command::{CommandLine, Sandbox};

const STATEMENT: &str = "application/vnd.in-toto+json";

/// An archive of blobs with an index, as `docker buildx history export` and `type=oci` write it.
#[derive(Default)]
struct Archive {
    files: Vec<(String, Vec<u8>)>,
    manifests: Vec<Value>,
}

impl Archive {
    fn read(path: &Path) -> Self {
        let file = fs::File::open(path).unwrap();
        let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(file));
        let mut found = Self::default();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            if name == "index.json" {
                let index: Value = serde_json::from_slice(&bytes).unwrap();
                found
                    .manifests
                    .clone_from(index["manifests"].as_array().unwrap());
            } else if name.starts_with("blobs/") {
                found.files.push((name, bytes));
            }
        }
        found
    }

    fn blob(&self, descriptor: &Value) -> Vec<u8> {
        let digest = descriptor["digest"].as_str().unwrap().replace(':', "/");
        let name = format!("blobs/{digest}");
        let found = self.files.iter().find(|(path, _)| *path == name);
        found.unwrap().1.clone()
    }

    fn document(&self, descriptor: &Value) -> Value {
        serde_json::from_slice(&self.blob(descriptor)).unwrap()
    }

    /// Adds a blob, and returns its descriptor.
    fn add(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = Digest::of(&bytes);
        let size = bytes.len();
        let path = format!("blobs/sha256/{}", digest.hex());
        self.files.push((path, bytes));
        json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size })
    }

    /// Changes the record of the first build and its layers.
    fn edit(&mut self, change: impl Fn(&mut Value, &mut Vec<Value>)) {
        let mut manifest = self.document(&self.manifests[0].clone());
        let mut config = self.document(&manifest["config"]);
        let mut layers = manifest["layers"].as_array().unwrap().clone();
        change(&mut config, &mut layers);
        let media_type = manifest["config"]["mediaType"].as_str().unwrap().to_owned();
        manifest["config"] = self.add(&media_type, config.to_string().into_bytes());
        manifest["layers"] = layers.into();
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        self.manifests[0] = self.add(media_type, manifest.to_string().into_bytes());
    }

    fn index(&self) -> String {
        json!({ "schemaVersion": 2, "manifests": self.manifests }).to_string()
    }

    fn write(&self, path: &Path) {
        let mut archive = tar::Builder::new(fs::File::create(path).unwrap());
        let mut add = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, bytes).unwrap();
        };
        add("index.json", self.index().as_bytes());
        for (name, bytes) in &self.files {
            add(name, bytes);
        }
        archive.finish().unwrap();
    }

    fn write_layout(&self, folder: &Path) {
        fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        fs::write(
            folder.join("oci-layout"),
            r#"{"imageLayoutVersion":"1.0.0"}"#,
        )
        .unwrap();
        fs::write(folder.join("index.json"), self.index()).unwrap();
        for (name, bytes) in &self.files {
            fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

fn record(sandbox: &Sandbox) -> Archive {
    Archive::read(&sandbox.path("dockerbuild/c03.dockerbuild"))
}

fn set_imports(archive: &mut Archive, imports: &Value) {
    archive.edit(|config, _| {
        config["FrontendAttrs"]["cache-imports"] = imports.to_string().into();
    });
}

#[test]
fn a_record_without_its_cache_has_a_hint() {
    let (sandbox, _) = home("mini");
    let mut archive = record(&sandbox);
    set_imports(
        &mut archive,
        &json!([{"Type": "s3", "Attrs": {}}, {"Type": "s3", "Attrs": {}}]),
    );
    archive.write(&sandbox.path("run.dockerbuild"));
    let run = sandbox.run("why run.dockerbuild --context tree/c03");
    assert_eq!(run.code, Some(2));
    insta::assert_snapshot!(run.stderr, @r"
    error: the build record does not say where the cache was: of 2 imports of type s3 it keeps only the type
      hint: name the cache: cachelens why SOURCE#REF --build run.dockerbuild --context tree/c03
    ");

    let imports = json!([
        {"Type": "registry", "Attrs": {"ref": "registry.example.test/app:cache"}},
        {"Type": "local", "Attrs": {}},
    ]);
    set_imports(&mut archive, &imports);
    archive.write(&sandbox.path("run.dockerbuild"));
    let found = sandbox.json("why ./cache#c02 run.dockerbuild --json");
    let notes = found["notes"].to_string();
    assert!(
        notes.contains("imported registry.example.test/app:cache as well"),
        "{notes}"
    );
}

#[test]
fn a_build_that_failed_is_explained_from_its_dockerfile_and_log() {
    let (sandbox, _) = home("mini");
    let whole =
        sandbox.json("why ./cache#c02 dockerbuild/c03.dockerbuild --context tree/c03 --json");
    let mut archive = record(&sandbox);
    archive.edit(|config, layers| {
        config["error"] = json!({"message": "process \"/bin/sh -c go build\" did not complete"});
        layers.retain(|layer| layer["mediaType"] != STATEMENT);
    });
    archive.write(&sandbox.path("run.dockerbuild"));
    let arguments = [
        "why",
        "./cache#c02",
        "--build",
        "run.dockerbuild",
        "--context",
        "tree/c03",
        "--offline",
        "--json",
    ];
    let found = sandbox.json(&arguments);
    let verdicts = |document: &Value| -> Vec<(Value, Value)> {
        let steps = document["steps"].as_array().unwrap();
        let judged = steps
            .iter()
            .filter(|step| step["location"]["line"].as_u64() > Some(1));
        judged
            .map(|step| (step["name"].clone(), step["verdict"].clone()))
            .collect()
    };
    assert_eq!(verdicts(&found), verdicts(&whole), "{found:#}");
    let notes = found["notes"].to_string();
    assert!(notes.contains("the build failed: process"), "{notes}");

    // Without its Dockerfile there is nothing to explain.
    let run = sandbox.run("why ./cache#c02 --build run.dockerbuild");
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stderr.contains("so its record holds no steps"),
        "{run:?}"
    );
    assert!(
        run.stderr
            .contains("give the Dockerfile of the build with -f"),
        "{run:?}"
    );

    // The log of a build with other steps is not accepted.
    fs::write(
        sandbox.path("tree/c03/Dockerfile"),
        "FROM scratch\nCOPY go.mod /\nCOPY main.go /\n",
    )
    .unwrap();
    let found = sandbox.json(&arguments);
    let notes = found["notes"].to_string();
    assert!(notes.contains("the log is of another build"), "{notes}");
}

#[test]
fn the_recorded_build_that_imported_the_cache_is_explained() {
    let (sandbox, _) = home("mini");
    let mut other = Archive::read(&sandbox.path("dockerbuild/c02.dockerbuild"));
    set_imports(&mut other, &json!([]));
    let mut archive = record(&sandbox);
    other.files.append(&mut archive.files);
    other.manifests.append(&mut archive.manifests);
    other.write(&sandbox.path("all.dockerbuild"));
    let found = sandbox.json("why ./cache#c02 --build all.dockerbuild --json");
    let alone = sandbox.json("why ./cache#c02 dockerbuild/c03.dockerbuild --json");
    assert_eq!(found["steps"], alone["steps"]);
    let note = found["notes"][0].as_str().unwrap();
    assert!(
        note.contains("this is about 469n98hjiii8cnuf9pjwgj4yn"),
        "{note}"
    );
    assert!(
        note.contains("history export j45oai560mbofsjdhtxe1fk3g` writes it alone"),
        "{note}"
    );
}

#[test]
fn the_attestations_of_an_image_in_a_layout_or_archive_are_evidence() {
    let (sandbox, _) = home("mini");
    let by_file = sandbox.json("why ./cache#c02 --build provenance/c03.json --json");
    let image = |statement: Vec<u8>| {
        let mut archive = Archive::default();
        let mut layer = archive.add(STATEMENT, statement);
        layer["annotations"] =
            json!({"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"});
        let config = archive.add("application/vnd.oci.image.config.v1+json", b"{}".to_vec());
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer]});
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = archive.add(media_type, manifest.to_string().into_bytes());
        let index = json!({"schemaVersion": 2, "manifests": [manifest]});
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = archive.add(media_type, index.to_string().into_bytes());
        archive.manifests.push(index);
        archive
    };
    let statement = fs::read(sandbox.path("provenance/c03.json")).unwrap();
    let whole = image(statement.clone());
    whole.write(&sandbox.path("image.tar"));
    whole.write_layout(&sandbox.path("image"));
    for evidence in ["image", "image.tar"] {
        let found = sandbox.json(format!("why ./cache#c02 --build '{evidence}' --json"));
        assert_eq!(found["steps"], by_file["steps"], "{evidence}");
    }
    let mut min: Value = serde_json::from_slice(&statement).unwrap();
    let predicate = min["predicate"].as_object_mut().unwrap();
    assert!(predicate.remove("buildConfig").is_some());
    image(min.to_string().into_bytes()).write_layout(&sandbox.path("min"));
    let run = sandbox.run("why ./cache#c02 --build min --context tree/c03 --offline");
    // It has the digests of images; the Dockerfile has the steps.
    let words = "the evidence has its digest and not its configuration";
    assert!(run.stdout.contains(words), "{run:?}");
    assert!(run.stdout.contains("Dockerfile:3"), "{run:?}");
    fs::write(
        sandbox.path("tty.txt"),
        "[+] Building 0.2s (13/13) FINISHED\n => CACHED [deps 4/4]\n",
    )
    .unwrap();
    let run = sandbox.run("why ./cache#c02 --build tty.txt");
    assert!(
        run.stderr.contains("the terminal output of a build"),
        "{run:?}"
    );
    assert!(run.stderr.contains("--progress=plain"), "{run:?}");
}

#[test]
fn the_ignore_file_next_to_a_dockerfile_elsewhere_counts() {
    let (sandbox, _) = home("shop");
    let explained = || {
        let found =
            sandbox.json("why ./cache#c01 --build provenance/c02.json --context tree/c02 --json");
        (found["summary"].clone(), found["notes"].to_string())
    };
    let (plain, _) = explained();
    assert_eq!(plain["miss"], 0);
    let tree = sandbox.path("tree/c02");
    fs::create_dir(tree.join("docker")).unwrap();
    fs::rename(tree.join("Dockerfile"), tree.join("docker/Dockerfile")).unwrap();
    fs::write(tree.join("docker/Dockerfile.dockerignore"), "docker\n").unwrap();
    // The patterns of another build, which exclude files that this one copies.
    fs::write(tree.join(".dockerignore"), "api\nweb\n").unwrap();
    fs::write(tree.join("Dockerfile"), "FROM scratch\n").unwrap();
    let (found, notes) = explained();
    assert_eq!(found, plain, "{notes}");
    // Without the built Dockerfile, the patterns of the build count.
    fs::remove_dir_all(tree.join("docker")).unwrap();
    fs::remove_file(tree.join("Dockerfile")).unwrap();
    let (found, notes) = explained();
    assert_eq!(found, plain, "{notes}");
    assert!(notes.contains("the patterns of the build apply"), "{notes}");
}

#[test]
fn the_repository_named_by_provenance_is_the_context() {
    let statement = |origin: &str| {
        json!({
            "buildDefinition": {
                "externalParameters": {"configSource": {"uri": origin, "path": "Dockerfile"}},
                "internalParameters": {"buildConfig": {"llbDefinition": [
                    {"id": "step0", "op": {"Op": {"source": {
                        "identifier": "git://git.example.test/shop.git#main"}}}},
                ]}},
            },
        })
    };
    let is_context = |origin: &str| {
        let build = Build::parse(statement(origin).to_string().as_bytes()).unwrap();
        let OpKind::Source(source) = &build.steps[0].op.kind else {
            panic!("{build:?}");
        };
        is_context_source(&build, source)
    };
    assert!(is_context("git://git.example.test/shop.git#main"));
    assert!(!is_context("git://git.example.test/other.git#main"));
    assert!(!is_context(""));
}

#[test]
fn steps_of_several_platforms_are_assigned_to_their_platform() {
    let (sandbox, _) = home("shop");
    let other = fs::read_to_string(sandbox.path("provenance/c02.json")).unwrap();
    fs::write(
        sandbox.path("386.json"),
        other.replace("\"amd64\"", "\"386\""),
    )
    .unwrap();
    let show = |more: &[&str]| {
        let first = [
            "show",
            "./cache#c02",
            "--json",
            "--provenance",
            "provenance/c02.json",
        ];
        let found = sandbox.json(more.after(&first[..]));
        let records = found["records"].as_array().unwrap().clone();
        let found = records.iter().find(|record| record["name"] == "RUN npm ci");
        found.unwrap()["platform"].clone()
    };
    assert_eq!(show(&[]), Value::Null);
    assert_eq!(show(&["--provenance", "386.json"]), "linux/amd64");
}
