//! A repair that is killed at each of its steps.

use std::fs;

use serde_json::Value;

use super::local::{cache, is_stored};
use crate::prune::kill::VICTIM;
use crate::support::command::Sandbox;
use crate::support::layout::digest_of;
use crate::support::victim;

#[test]
fn a_repair_killed_at_any_step_leaves_the_old_or_the_new_ref() {
    let mut survived = false;
    for steps in 0..60 {
        let sandbox = Sandbox::new();
        let mut made = sandbox.layout();
        let layers: Vec<Value> = (0..4)
            .map(|number| made.layer(&format!("layer {number}"), 40))
            .collect();
        for name in ["one", "two"] {
            let chain = made.chain(&layers[usize::from(name == "one")..]);
            made.tag(name, &chain);
        }
        made.lose(&layers[3]);
        let dir = sandbox.path("cache");
        let old: Vec<_> = ["one", "two"]
            .iter()
            .map(|name| cache(&dir, name).manifest)
            .collect();
        let (saved, journal) = (sandbox.path("plan"), sandbox.path("journal"));
        let (saved, journal) = (saved.to_str().unwrap(), journal.to_str().unwrap());
        let made = sandbox.run(format!("repair ./cache --plan-out '{saved}'"));
        assert_eq!(made.code, Some(0), "{made}");
        let words = [dir.to_str().unwrap(), saved, journal];
        let is_over = victim::survives(VICTIM, &words, steps);
        for (name, old) in ["one", "two"].iter().zip(&old) {
            let found = cache(&dir, name);
            assert!(found.hits(|_| true).is_ok(), "{name} after {steps} steps");
            let named = found.layers.unwrap();
            let is_whole = named.iter().all(|layer| is_stored(&dir, digest_of(layer)));
            assert!(
                found.manifest == *old || is_whole,
                "{name} after {steps} steps"
            );
        }
        let resumed = sandbox.run(format!("repair --resume {journal} --json"));
        assert_eq!(resumed.code, Some(0), "after {steps} steps: {resumed}");
        assert_eq!(resumed.json()["outcome"]["done"], 2, "{resumed}");
        let left = sandbox.json("repair ./cache --json");
        assert_eq!(left["plan"]["delete"], Value::Array(Vec::new()));
        assert!(!fs::exists(dir.join("index.json.lock")).unwrap());
        if is_over {
            assert!(steps > 4, "only {steps} steps");
            survived = true;
            break;
        }
    }
    assert!(survived);
}
