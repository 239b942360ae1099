//! The hosts to which token requests go.

use std::fs;

use serde_json::json;

use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::http::Answer;
use crate::support::registry::second::SecondRegistry;
use crate::support::registry::{PASSWORD, USER, log_in};

const IDENTITY: &str = "iDeNtItY";
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// A registry that gives tokens to one login only.
fn private() -> SecondRegistry {
    let registry = SecondRegistry::with("mini");
    let mut state = registry.state();
    state.tokens = true;
    state.private = true;
    drop(state);
    registry
}

/// A home folder with a login by user and password.
fn with_password(registry: &SecondRegistry) -> Sandbox {
    let sandbox = Sandbox::new();
    log_in(&sandbox, registry.host(), USER, PASSWORD);
    sandbox
}

/// A home folder with a login by an identity token, which is sent in a body.
fn with_identity(registry: &SecondRegistry) -> Sandbox {
    registry.state().identity = Some(IDENTITY.to_owned());
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path(".docker")).unwrap();
    let config = json!({ "auths": { registry.host(): { "identitytoken": IDENTITY } } });
    fs::write(sandbox.path(".docker/config.json"), config.to_string()).unwrap();
    sandbox
}

fn ls(sandbox: &Sandbox, registry: &SecondRegistry, flags: &[&str]) -> Run {
    let source = format!("{}/mini-cache", registry.host());
    sandbox.run(flags.after(format!("ls {source}")))
}

#[test]
fn no_login_follows_a_redirect_to_another_origin() {
    for status in REDIRECTS {
        for log_in in [with_password, with_identity] {
            let (registry, other) = (private(), SecondRegistry::start());
            let sandbox = log_in(&registry);
            let place = format!("http://{}/token", other.host());
            let away = Answer::empty(status).with("location", place);
            registry
                .state()
                .faults
                .push_back(("/token".to_owned(), away));
            let run = ls(&sandbox, &registry, &[]);
            assert_eq!(run.code, Some(1), "{status}: {run}");
            assert!(
                run.stderr.contains("the token service redirects elsewhere"),
                "{run}"
            );
            assert!(!run.to_string().contains(IDENTITY), "{run}");
            assert_eq!(other.state().requests, Vec::<String>::new(), "{status}");
        }
    }
}

#[test]
fn a_redirect_within_the_token_service_is_followed() {
    for log_in in [with_password, with_identity] {
        let registry = private();
        let sandbox = log_in(&registry);
        let on = Answer::empty(307).with(
            "location",
            "/token?service=second&scope=repository:mini-cache:pull",
        );
        registry.state().faults.push_back(("/token".to_owned(), on));
        let run = ls(&sandbox, &registry, &[]);
        assert_eq!(run.code, Some(0), "{run}");
    }
}

#[test]
fn a_token_service_in_the_open_gets_nothing() {
    for realm in [
        "http://tokens.example/token",
        "http://user:pass@127.0.0.1/token",
        "ftp://127.0.0.1/token",
        "http://127.0.0.1.example:80/token",
    ] {
        let registry = private();
        registry.state().realm = Some(realm.to_owned());
        let sandbox = with_password(&registry);
        let run = ls(&sandbox, &registry, &[]);
        assert_eq!(run.code, Some(1), "{realm}: {run}");
        assert!(
            run.stderr.contains("the login is refused"),
            "{realm}: {run}"
        );
        assert!(!run.to_string().contains(PASSWORD), "{realm}: {run}");
    }
}

#[test]
fn a_token_service_on_another_host_is_used_and_reported() {
    let registry = private();
    let port = registry.host().rsplit(':').next().unwrap().to_owned();
    registry.state().realm = Some(format!("http://localhost:{port}/token"));
    let sandbox = with_password(&registry);
    let run = ls(&sandbox, &registry, &["-v"]);
    assert_eq!(run.code, Some(0), "{run}");
    let reported = "the registry has its users log in on another host";
    assert!(
        run.stderr.contains(reported) && run.stderr.contains("localhost"),
        "{run}"
    );
    let run = ls(&sandbox, &registry, &[]);
    assert!(!run.stderr.contains(reported), "{run}");
}
