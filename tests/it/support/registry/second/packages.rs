//! GitHub's packages API over the same state: versions with their tags and times, deletion with its
//! limits, and restoring.

use std::collections::{BTreeMap, HashMap};

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use super::{Manifest, State};
use crate::support::http::{Answer, Request};

/// The token of the API.
pub const TOKEN: &str = "ghp_sEcReT";

/// The state of the API beyond the registry.
#[derive(Default)]
pub struct Packages {
    /// The push times of versions; the others have a fixed time.
    pub times: HashMap<Digest, String>,
    /// Versions that cannot be deleted individually because they were downloaded too often.
    pub popular: Vec<Digest>,
    deleted: BTreeMap<u64, (String, Digest, Manifest, Vec<String>)>,
}

/// Answers `users/OWNER` and `orgs/OWNER/packages/container/NAME/…`.
pub(super) fn answer(state: &mut State, request: &Request, path: &str) -> Answer {
    let refused = |status, message: &str| Answer::json(status, &json!({ "message": message }));
    if request.headers.get("authorization").map(String::as_str) != Some(&format!("Bearer {TOKEN}"))
    {
        return refused(401, "Requires authentication");
    }
    if state.packages.is_none() {
        return refused(404, "Not Found");
    }
    let parts: Vec<&str> = path.split('/').collect();
    match (request.method.as_str(), &parts[..]) {
        ("GET", ["users", owner]) => {
            Answer::json(200, &json!({ "login": owner, "type": "Organization" }))
        }
        ("GET", ["orgs", owner, "packages", "container", name, "versions"]) => {
            let (repository, number) = (repository(owner, name), |name: &str| {
                request.query[name].parse::<usize>().unwrap()
            });
            let all = if request.query["state"] == "deleted" {
                deleted(state)
            } else {
                active(state, &repository)
            };
            let (size, page) = (number("per_page"), number("page"));
            let page: Vec<Value> = all.into_iter().skip((page - 1) * size).take(size).collect();
            Answer::json(200, &json!(page))
        }
        (
            method,
            [
                "orgs",
                owner,
                "packages",
                "container",
                name,
                "versions",
                id,
                rest @ ..,
            ],
        ) => {
            let (repository, id) = (repository(owner, name), id.parse().unwrap());
            match (method, rest) {
                ("GET", []) => {
                    let found = active(state, &repository)
                        .into_iter()
                        .find(|version| version["id"] == id);
                    found.map_or_else(
                        || refused(404, "Not Found"),
                        |version| Answer::json(200, &version),
                    )
                }
                ("DELETE", []) => delete(state, &repository, id),
                ("POST", ["restore"]) => restore(state, id),
                _ => refused(404, "Not Found"),
            }
        }
        _ => refused(404, "Not Found"),
    }
}

fn repository(owner: &str, name: &str) -> String {
    format!(
        "{owner}/{}",
        percent_encoding::percent_decode_str(name)
            .decode_utf8()
            .unwrap()
    )
}

fn id(digest: Digest) -> u64 {
    u64::from_str_radix(&digest.hex()[..12], 16).unwrap()
}

fn version(state: &State, digest: Digest, tags: &[String]) -> Value {
    let packages = state.packages.as_ref().unwrap();
    let time = packages
        .times
        .get(&digest)
        .map_or("2026-11-01T12:00:00Z", String::as_str);
    json!({
        "id": id(digest), "name": digest.to_string(), "created_at": time, "updated_at": time,
        "metadata": { "package_type": "container", "container": { "tags": tags } },
    })
}

fn tags(state: &State, repository: &str, digest: Digest) -> Vec<String> {
    let tags = state.tags.get(repository).into_iter().flatten();
    tags.filter(|(_, found)| **found == digest)
        .map(|(tag, _)| tag.clone())
        .collect()
}

fn active(state: &State, repository: &str) -> Vec<Value> {
    let mut digests: Vec<Digest> = state
        .manifests
        .keys()
        .filter(|(place, _)| place == repository)
        .map(|(_, digest)| *digest)
        .collect();
    digests.sort_unstable();
    digests
        .into_iter()
        .map(|digest| version(state, digest, &tags(state, repository, digest)))
        .collect()
}

fn deleted(state: &State) -> Vec<Value> {
    let deleted = &state.packages.as_ref().unwrap().deleted;
    deleted
        .values()
        .map(|(_, digest, _, tags)| version(state, *digest, tags))
        .collect()
}

fn delete(state: &mut State, repository: &str, wanted: u64) -> Answer {
    let key = state
        .manifests
        .keys()
        .find(|(place, digest)| place == repository && id(*digest) == wanted)
        .cloned();
    let Some((place, digest)) = key else {
        return Answer::json(404, &json!({ "message": "Package not found." }));
    };
    let own = tags(state, repository, digest);
    let names_others = state
        .tags
        .get(repository)
        .is_some_and(|tags| tags.len() > own.len());
    if !own.is_empty() && !names_others {
        let message = "You cannot delete the last tagged version of a package. You must delete the package instead.";
        return Answer::json(400, &json!({ "message": message }));
    }
    if state.packages.as_ref().unwrap().popular.contains(&digest) {
        let message = "Publicly visible package versions with more than 5000 downloads cannot be deleted. Contact GitHub support for further assistance.";
        return Answer::json(400, &json!({ "message": message }));
    }
    let manifest = state.manifests.remove(&(place, digest)).unwrap();
    state
        .tags
        .get_mut(repository)
        .unwrap()
        .retain(|_, found| *found != digest);
    let packages = state.packages.as_mut().unwrap();
    packages
        .deleted
        .insert(wanted, (repository.to_owned(), digest, manifest, own));
    Answer::empty(204)
}

fn restore(state: &mut State, wanted: u64) -> Answer {
    let Some((repository, digest, manifest, tags)) =
        state.packages.as_mut().unwrap().deleted.remove(&wanted)
    else {
        return Answer::json(404, &json!({ "message": "Package not found." }));
    };
    state
        .manifests
        .insert((repository.clone(), digest), manifest);
    let all = state.tags.entry(repository).or_default();
    for tag in tags {
        all.entry(tag).or_insert(digest);
    }
    Answer::empty(204)
}
