//! A log next to a Dockerfile whose build had other arguments than those that were given.

use serde_json::Value;

use super::from_command::Checkout;
use super::histories::{History, Store};

/// Returns the verdict on each judged step, with its line.
fn verdicts(document: &Value) -> Vec<String> {
    let steps = document["steps"].as_array().unwrap().iter();
    let judged = steps.filter(|step| !step["verdict"].is_null());
    judged
        .map(|step| format!("{} {}", step["location"]["line"], step["verdict"]))
        .collect()
}

fn notes(document: &Value) -> String {
    document["notes"].to_string()
}

/// Returns a checkout of a commit, what `why` says of it with its log, and the arguments.
fn with_log(history: &History, name: &str) -> (Checkout, Vec<String>) {
    let place = history.commits.iter().position(|of| of.name == name);
    let place = place.unwrap();
    let checkout = Checkout::of(history, place);
    let log = history.fixture.path(format!("logs/{name}.rawjson"));
    let before = &history.commits[place - 1].name;
    let arguments = vec![
        format!("./cache#{before}"),
        "--build".to_owned(),
        log.to_str().unwrap().to_owned(),
    ];
    (checkout, arguments)
}

#[test]
fn arguments_are_read_from_the_log() {
    let history = History::of("shop", Store::Local);
    let (checkout, arguments) = with_log(&history, "c05");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let right = checkout.json(&arguments);
    assert!(right["summary"]["miss"].as_u64().unwrap() > 0, "{right:#}");

    let text = std::fs::read_to_string(checkout.sandbox.path("Dockerfile")).unwrap();
    let image = "127.0.0.1:5055/base:latest";
    let text = text.replace(image, "${BASE}");
    checkout.write(
        "Dockerfile",
        &format!("ARG BASE=other.example.test/base:1\n{text}"),
    );
    let found = checkout.json(&arguments);
    let shifted = |verdicts: Vec<String>| -> Vec<String> {
        let line = |text: &String| {
            let (line, verdict) = text.split_once(' ').unwrap();
            format!("{} {verdict}", line.parse::<u32>().unwrap() + 1)
        };
        verdicts.iter().map(line).collect()
    };
    assert_eq!(verdicts(&found), shifted(verdicts(&right)));
    assert!(
        notes(&found).contains(&format!("--build-arg BASE={image}")),
        "{found:#}"
    );
}

#[test]
fn a_log_decides_what_ran_where_the_arguments_are_unknown() {
    let history = History::of("shop", Store::Local);
    let (checkout, arguments) = with_log(&history, "c09");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let right = checkout.json(&arguments);
    // The value of this argument is not part of any instruction in the log.
    let text = std::fs::read_to_string(checkout.sandbox.path("Dockerfile")).unwrap();
    let earlier = std::fs::read_to_string(history.trees.path().join("tree/c08/Dockerfile"));
    let earlier = earlier.unwrap();
    assert_ne!(text, earlier);
    checkout.write("Dockerfile", &earlier);
    let found = checkout.json(&arguments);
    assert_eq!(verdicts(&found), verdicts(&right));
    let steps = found["steps"].as_array().unwrap();
    let step = steps
        .iter()
        .find(|step| step["name"] == "RUN npm run build")
        .unwrap();
    assert_eq!(step["verdict"], "miss");
    assert_eq!(step["cause"]["kind"], "unexplained", "{step:#}");
    let detail = step["cause"]["detail"].as_str().unwrap();
    assert!(detail.contains("other arguments"), "{detail}");
}

#[test]
fn a_log_decides_what_ran_where_the_base_image_is_another() {
    let history = History::of("shop", Store::Local);
    let (checkout, arguments) = with_log(&history, "c05");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let right = checkout.json(&arguments);
    let (_, path) = checkout.image.split_once('=').unwrap();
    let mut image: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    image["digest"] = format!("sha256:{}", "0a".repeat(32)).into();
    std::fs::write(path, image.to_string()).unwrap();
    let found = checkout.json(&arguments);
    assert_eq!(verdicts(&found), verdicts(&right));
    assert!(notes(&found).contains("another argument"), "{found:#}");
    let steps = found["steps"].as_array().unwrap().iter();
    let mut workdirs = steps.filter(|step| step["name"] == "WORKDIR /app");
    assert!(
        workdirs.all(|step| step["in_cache"] == "unknown"),
        "{found:#}"
    );
}

#[test]
fn each_undecided_step_has_a_reason() {
    for set in ["shop", "kitchen"] {
        let history = History::of(set, Store::Local);
        let mut undecided = 0;
        for place in 1..history.commits.len() {
            let checkout = Checkout::of(&history, place);
            let before = &history.commits[place - 1].name;
            let found = checkout.json(format!("./cache#{before} -f Dockerfile"));
            for step in found["steps"].as_array().unwrap() {
                let is_undecided = step["verdict"] == "unknown";
                assert_eq!(step["reason"].is_string(), is_undecided, "{step:#}");
                undecided += usize::from(is_undecided);
            }
        }
        assert!(undecided > 100, "{set}: {undecided}");
    }
}
