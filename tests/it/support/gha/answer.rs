//! What the server answers.

use cachelens::format::digest::Digest;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Entry, REPOSITORY, State, TOKEN};
use crate::support::http::{Answer, Request};

fn message(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({"message": text, "documentation_url": "https://docs.github.com/rest"}))
}

/// Answers a request; none hangs up.
pub(super) fn answer(state: &mut State, request: &Request, base: &str) -> Option<Answer> {
    let line = format!("{} {}", request.method, request.path);
    let mut query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    query.sort();
    let line = if query.is_empty() { line } else { format!("{line}?{}", query.join("&")) };
    state.requests.push(line.clone());
    if state.faults.front().is_some_and(|(when, _)| line.contains(when.as_str())) {
        if state.used_meanwhile {
            state.entries.iter_mut().for_each(|entry| entry.last_accessed_at = Timestamp::now());
        }
        return state.faults.pop_front().map(|(_, answer)| answer);
    }
    if let Some(rest) = request.path.strip_prefix("/signed/") {
        return Some(content(state, request, rest));
    }
    if request.path.starts_with("/twirp/") || request.path.starts_with("/_apis/") {
        return Some(runtime(state, request, base));
    }
    if let Some(refused) = check_token(state, request) {
        return Some(refused);
    }
    let Some(rest) = request.path.strip_prefix(&format!("/repos/{REPOSITORY}")) else {
        return Some(message(404, "Not Found"));
    };
    let answer = match (request.method.as_str(), rest) {
        ("GET", "") => Answer::json(200, &json!({"full_name": REPOSITORY, "default_branch": "main"})),
        ("GET", "/actions/caches") => list(state, request),
        ("GET", "/actions/cache/usage") => Answer::json(
            200,
            &json!({
                "full_name": REPOSITORY,
                "active_caches_size_in_bytes": state.entries.iter().map(|entry| entry.size_in_bytes).sum::<u64>(),
                "active_caches_count": state.entries.len(),
            }),
        ),
        ("GET", "/actions/cache/storage-limit") => Answer::json(200, &json!({"max_cache_size_gb": state.quota})),
        ("GET", "/actions/cache/retention-limit") => Answer::json(200, &json!({"max_cache_retention_days": 7})),
        ("GET", "/branches") => {
            let all: Vec<Value> = state.branches.iter().map(|name| json!({"name": name})).collect();
            linked(&all, request, base)
        }
        ("GET", "/pulls") => {
            let all: Vec<Value> = state
                .pulls
                .iter()
                .map(|(number, base)| json!({"number": number, "state": "open", "base": {"ref": base}}))
                .collect();
            linked(&all, request, base)
        }
        ("DELETE", path) => return delete(state, path),
        _ => message(404, "Not Found"),
    };
    Some(
        answer
            .with("x-ratelimit-limit", 5000)
            .with("x-ratelimit-remaining", 4321)
            .with("x-ratelimit-reset", 1_999_999_999),
    )
}

fn check_token(state: &State, request: &Request) -> Option<Answer> {
    match request.headers.get("authorization").map(String::as_str) {
        Some(given) if given == format!("Bearer {TOKEN}") => None,
        Some(_) => Some(message(401, "Bad credentials")),
        None if state.is_public && request.method == "GET" => None,
        None => Some(message(404, "Not Found")),
    }
}

fn page<T: Clone>(all: &[T], request: &Request) -> Vec<T> {
    let number = |name: &str, or: usize| request.query.get(name).map_or(or, |value| value.parse().unwrap());
    let size = number("per_page", 30).min(100);
    all.iter().skip((number("page", 1) - 1) * size).take(size).cloned().collect()
}

/// Answers with a page, and says in a header which is the last where there is a further one.
fn linked(all: &[Value], request: &Request, base: &str) -> Answer {
    let answer = Answer::json(200, &page(all, request).into());
    let size: usize = request.query["per_page"].parse().unwrap();
    let last = all.len().div_ceil(size);
    if request.query["page"] == last.max(1).to_string() {
        return answer;
    }
    let link =
        |number: usize, rel: &str| format!("<{base}{}?per_page={size}&page={number}>; rel=\"{rel}\"", request.path);
    answer.with("link", format!("{}, {}", link(2, "next"), link(last, "last")))
}

fn list(state: &mut State, request: &Request) -> Answer {
    let prefix = request.query.get("key").map_or("", String::as_str);
    let of_ref = |entry: &Entry| request.query.get("ref").is_none_or(|git_ref| *git_ref == entry.git_ref);
    let mut all: Vec<&Entry> =
        state.entries.iter().filter(|entry| entry.key.starts_with(prefix) && of_ref(entry)).collect();
    match request.query.get("sort").map_or("last_accessed_at", String::as_str) {
        "created_at" => all.sort_by_key(|entry| (entry.created_at, entry.id)),
        "size_in_bytes" => all.sort_by_key(|entry| (entry.size_in_bytes, entry.id)),
        _ => all.sort_by_key(|entry| (entry.last_accessed_at, entry.id)),
    }
    if request.query.get("direction").is_none_or(|direction| direction == "desc") {
        all.reverse();
    }
    let mut listed = page(&all, request);
    if state.left_out.1 > 0 {
        listed.retain(|entry| !state.left_out.0.contains(&entry.id));
    }
    let answer = Answer::json(200, &json!({"total_count": all.len(), "actions_caches": listed}));
    state.left_out.1 = state.left_out.1.saturating_sub(1);
    answer
}

fn delete(state: &mut State, path: &str) -> Option<Answer> {
    if state.read_only {
        return Some(message(403, "Resource not accessible by personal access token"));
    }
    if let Some(left) = &mut state.deletions_left {
        *left = left.checked_sub(1)?;
    }
    let id: u64 = path.strip_prefix("/actions/caches/")?.parse().ok()?;
    if state.vanishing > 0 {
        state.vanishing -= 1;
        state.entries.retain(|entry| entry.id != id);
    }
    let before = state.entries.len();
    state.entries.retain(|entry| entry.id != id);
    Some(if state.entries.len() < before {
        Answer { status: 204, headers: Vec::new(), body: Vec::new() }
    } else {
        message(404, "Not Found")
    })
}

/// Answers a job: only what its scopes may read, and a use counts as one.
fn runtime(state: &mut State, request: &Request, base: &str) -> Answer {
    let token = request.headers.get("authorization").map_or("", String::as_str);
    if !token.ends_with(".jObSiGnAtUrE") {
        return message(401, "invalid token");
    }
    let (wanted, version) = if request.path.starts_with("/twirp/") {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        (body["key"].as_str().unwrap().to_owned(), body["version"].as_str().unwrap().to_owned())
    } else {
        (request.query["keys"].clone(), request.query["version"].clone())
    };
    let scopes = state.scopes.clone();
    // An exact match wins, then the newest whose key begins with what is asked for.
    let mut found: Vec<&mut Entry> = state
        .entries
        .iter_mut()
        .filter(|entry| entry.version == version && scopes.contains(&entry.git_ref) && entry.key.starts_with(&wanted))
        .collect();
    found.sort_by_key(|entry| (entry.key != wanted, std::cmp::Reverse(entry.created_at)));
    let first = found.into_iter().next();
    let is_v2 = request.path.starts_with("/twirp/");
    match first {
        None if is_v2 => Answer::json(200, &json!({"ok": false, "signed_download_url": "", "matched_key": ""})),
        None => Answer { status: 204, headers: Vec::new(), body: Vec::new() },
        Some(entry) => {
            entry.last_accessed_at = Timestamp::now();
            let url = format!("{base}/signed/{}?sig=sIgNeD", entry.id);
            let body = if is_v2 {
                json!({"ok": true, "signed_download_url": url, "matched_key": entry.key})
            } else {
                json!({"cacheKey": entry.key, "scope": entry.git_ref, "archiveLocation": url})
            };
            Answer::json(200, &body)
        }
    }
}

/// Answers as Azure does: the address is the permission, and no other is accepted.
fn content(state: &State, request: &Request, id: &str) -> Answer {
    if request.headers.contains_key("authorization") || request.query.get("sig").is_none_or(|sig| sig != "sIgNeD") {
        return message(403, "AuthenticationFailed");
    }
    let entry = id.parse().ok().and_then(|id: u64| state.entries.iter().find(|entry| entry.id == id));
    let digest: Option<Digest> = entry.and_then(|entry| entry.digest);
    match digest.and_then(|digest| state.contents.get(&digest)) {
        Some(bytes) => Answer { status: 200, headers: Vec::new(), body: bytes.clone() },
        None => message(404, "BlobNotFound"),
    }
}
