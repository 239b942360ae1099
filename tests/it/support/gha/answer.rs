//! The answers of the server.

use cachelens::format::digest::Digest;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Entry, REPOSITORY, State, TOKEN};
use crate::support::http::{Answer, Request};

fn message(status: u16, text: &str) -> Answer {
    Answer::json(
        status,
        &json!({"message": text, "documentation_url": "https://docs.github.com/rest"}),
    )
}

/// Answers a request; `None` closes the connection.
pub(super) fn answer(state: &mut State, request: &Request, base: &str) -> Option<Answer> {
    let line = format!("{} {}", request.method, request.path);
    let mut query: Vec<String> = request
        .query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    query.sort();
    let line = if query.is_empty() {
        line
    } else {
        format!("{line}?{}", query.join("&"))
    };
    state.requests.push(line.clone());
    if state
        .faults
        .front()
        .is_some_and(|(when, _)| line.contains(when.as_str()))
    {
        if state.used_meanwhile {
            state
                .entries
                .iter_mut()
                .for_each(|entry| entry.last_accessed_at = Timestamp::now());
        }
        return state.faults.pop_front().map(|(_, answer)| answer);
    }
    if let Some(number) = request.path.strip_prefix("/signed/upload/") {
        return Some(upload(state, request, number));
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
    if request.path == "/user" {
        return Some(Answer::json(200, &json!({"login": "octo"})));
    }
    let Some(rest) = request.path.strip_prefix(&format!("/repos/{REPOSITORY}")) else {
        return Some(message(404, "Not Found"));
    };
    let answer = match (request.method.as_str(), rest) {
        ("GET", "") => Answer::json(
            200,
            &json!({"full_name": REPOSITORY, "default_branch": "main"}),
        ),
        ("GET", "/actions/caches") => list(state, request),
        ("GET", "/actions/cache/usage") => Answer::json(
            200,
            &json!({
                "full_name": REPOSITORY,
                "active_caches_size_in_bytes": state.entries.iter().map(|entry| entry.size_in_bytes).sum::<u64>(),
                "active_caches_count": state.entries.len(),
            }),
        ),
        ("GET", "/actions/cache/storage-limit") => {
            Answer::json(200, &json!({"max_cache_size_gb": state.quota}))
        }
        ("GET", "/actions/cache/retention-limit") => {
            Answer::json(200, &json!({"max_cache_retention_days": 7}))
        }
        ("GET", "/branches") => {
            let all: Vec<Value> = state
                .branches
                .iter()
                .map(|name| json!({"name": name}))
                .collect();
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
        (method, path) if path.starts_with("/issues/") => comments(state, method, path, request),
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

/// Lists, adds and changes comments. The numbers of comments count from 1 over all issues.
fn comments(state: &mut State, method: &str, path: &str, request: &Request) -> Answer {
    let comment = |(id, (_, is_bot, body)): (usize, &(u64, bool, String))| {
        let kind = if *is_bot { "Bot" } else { "User" };
        json!({"id": id + 1, "user": {"type": kind}, "body": body})
    };
    let body = || {
        let sent: Value = serde_json::from_slice(&request.body).unwrap();
        sent["body"].as_str().unwrap().to_owned()
    };
    if method != "GET" && state.read_only {
        return message(403, "Resource not accessible by integration");
    }
    if let Some(id) = path.strip_prefix("/issues/comments/") {
        let id: usize = id.parse().unwrap();
        state.comments[id - 1].2 = body();
        return Answer::json(200, &json!({"id": id}));
    }
    let number = path.trim_start_matches("/issues/");
    let number: u64 = number.trim_end_matches("/comments").parse().unwrap();
    if method == "POST" {
        state.comments.push((number, true, body()));
        return Answer::json(201, &json!({"id": state.comments.len()}));
    }
    let all = state.comments.iter().enumerate();
    let all: Vec<Value> = all
        .filter(|(_, (of, _, _))| *of == number)
        .map(comment)
        .collect();
    Answer::json(200, &page(&all, request).into())
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
    let number = |name: &str, or: usize| {
        request
            .query
            .get(name)
            .map_or(or, |value| value.parse().unwrap())
    };
    let size = number("per_page", 30).min(100);
    all.iter()
        .skip((number("page", 1) - 1) * size)
        .take(size)
        .cloned()
        .collect()
}

/// Answers with a page, with the last page in a header if there are further pages.
fn linked(all: &[Value], request: &Request, base: &str) -> Answer {
    let answer = Answer::json(200, &page(all, request).into());
    let size: usize = request.query["per_page"].parse().unwrap();
    let last = all.len().div_ceil(size);
    if request.query["page"] == last.max(1).to_string() {
        return answer;
    }
    let link = |number: usize, rel: &str| {
        format!(
            "<{base}{}?per_page={size}&page={number}>; rel=\"{rel}\"",
            request.path
        )
    };
    answer.with(
        "link",
        format!("{}, {}", link(2, "next"), link(last, "last")),
    )
}

fn list(state: &mut State, request: &Request) -> Answer {
    let prefix = request.query.get("key").map_or("", String::as_str);
    let of_ref = |entry: &Entry| {
        request
            .query
            .get("ref")
            .is_none_or(|git_ref| *git_ref == entry.git_ref)
    };
    let mut all: Vec<&Entry> = state
        .entries
        .iter()
        .filter(|entry| entry.key.starts_with(prefix) && of_ref(entry))
        .collect();
    match request
        .query
        .get("sort")
        .map_or("last_accessed_at", String::as_str)
    {
        "created_at" => all.sort_by_key(|entry| (entry.created_at, entry.id)),
        "size_in_bytes" => all.sort_by_key(|entry| (entry.size_in_bytes, entry.id)),
        _ => all.sort_by_key(|entry| (entry.last_accessed_at, entry.id)),
    }
    if request
        .query
        .get("direction")
        .is_none_or(|direction| direction == "desc")
    {
        all.reverse();
    }
    let mut listed = page(&all, request);
    if state.excluded.1 > 0 {
        listed.retain(|entry| !state.excluded.0.contains(&entry.id));
    }
    let answer = Answer::json(
        200,
        &json!({"total_count": all.len(), "actions_caches": listed}),
    );
    state.excluded.1 = state.excluded.1.saturating_sub(1);
    answer
}

fn delete(state: &mut State, path: &str) -> Option<Answer> {
    if state.read_only {
        return Some(message(
            403,
            "Resource not accessible by personal access token",
        ));
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
        Answer {
            status: 204,
            headers: Vec::new(),
            body: Vec::new(),
        }
    } else {
        message(404, "Not Found")
    })
}

/// Answers a job: only with entries that its scopes may read; each read counts as a use.
fn runtime(state: &mut State, request: &Request, base: &str) -> Answer {
    let token = request
        .headers
        .get("authorization")
        .map_or("", String::as_str);
    if !token.ends_with(".jObSiGnAtUrE") {
        return message(401, "invalid token");
    }
    if let Some(answer) = save(state, request, base) {
        return answer;
    }
    let (wanted, version) = if request.path.starts_with("/twirp/") {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        (
            body["key"].as_str().unwrap().to_owned(),
            body["version"].as_str().unwrap().to_owned(),
        )
    } else {
        (
            request.query["keys"].clone(),
            request.query["version"].clone(),
        )
    };
    let scopes = state.scopes.clone();
    // An exact match wins, then the newest entry whose key has the requested prefix.
    let mut found: Vec<&mut Entry> = state
        .entries
        .iter_mut()
        .filter(|entry| {
            entry.version == version
                && scopes.contains(&entry.git_ref)
                && entry.key.starts_with(&wanted)
        })
        .collect();
    found.sort_by_key(|entry| (entry.key != wanted, std::cmp::Reverse(entry.created_at)));
    let first = found.into_iter().next();
    let is_v2 = request.path.starts_with("/twirp/");
    match first {
        None if is_v2 => Answer::json(
            200,
            &json!({"ok": false, "signed_download_url": "", "matched_key": ""}),
        ),
        None => Answer {
            status: 204,
            headers: Vec::new(),
            body: Vec::new(),
        },
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

/// Takes the content of an entry that is being saved.
fn upload(state: &mut State, request: &Request, number: &str) -> Answer {
    let is_signed = request.query.get("sig").is_some_and(|sig| sig == "sIgNeD");
    if request.method != "PUT"
        || !is_signed
        || request.headers.contains_key("authorization")
        || request.headers.get("x-ms-blob-type").map(String::as_str) != Some("BlockBlob")
    {
        return message(403, "AuthenticationFailed");
    }
    let place: usize = number.parse().unwrap();
    state.reserved[place].2 = Some(request.body.clone());
    Answer::json(201, &json!({}))
}

/// Answers a job that saves an entry; none when it does something else. No entry is replaced.
fn save(state: &mut State, request: &Request, base: &str) -> Option<Answer> {
    let v1 = request.path.strip_prefix("/_apis/artifactcache/caches");
    let is_begun = v1 == Some("") || request.path.ends_with("/CreateCacheEntry");
    let is_over = request.path.ends_with("/FinalizeCacheEntryUpload")
        || (v1.is_some_and(|rest| !rest.is_empty()) && request.method == "POST");
    let number = v1.and_then(|rest| rest.strip_prefix('/')?.parse::<usize>().ok());
    if state.job_only_reads && (is_begun || is_over || request.method == "PATCH") {
        return Some(message(403, "the token only reads"));
    }
    if is_begun {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let (key, version) = (text("key"), text("version"));
        let is_same = |entry: &Entry| {
            (&entry.key, &entry.version, &entry.git_ref) == (&key, &version, &state.scopes[0])
        };
        if state.entries.iter().any(is_same) {
            return Some(message(409, "already exists"));
        }
        let place = state.reserved.len();
        state.reserved.push((key, version, None));
        let url = format!("{base}/signed/upload/{place}?sig=sIgNeD");
        return Some(match v1 {
            Some(_) => Answer::json(201, &json!({ "cacheId": place })),
            None => Answer::json(200, &json!({"ok": true, "signed_upload_url": url})),
        });
    }
    if request.method == "PATCH" {
        let range = format!("bytes 0-{}/*", request.body.len() - 1);
        assert_eq!(request.headers["content-range"], range);
        state.reserved[number?].2 = Some(request.body.clone());
        return Some(Answer::json(204, &json!({})));
    }
    if !is_over {
        return None;
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let place = number.unwrap_or_else(|| {
        let is_it = |reserved: &(String, String, _)| body["key"] == reserved.0;
        state.reserved.iter().rposition(is_it).unwrap()
    });
    let (key, version, content) = state.reserved[place].clone();
    let content = content.unwrap();
    let size = content.len().to_string();
    let told = body["size_bytes"].as_str().map(str::to_owned);
    assert_eq!(told.unwrap_or_else(|| body["size"].to_string()), size);
    let scope = state.scopes[0].clone();
    // A client whose connection broke sends the request again.
    let saved = state
        .entries
        .iter()
        .find(|entry| (&entry.key, &entry.version, &entry.git_ref) == (&key, &version, &scope));
    let id = match saved {
        Some(entry) => entry.id,
        None => {
            let id = state.add(&key, &version, &scope, content.len() as u64, 0);
            let digest = Digest::of(&content);
            state.contents.insert(digest, content);
            state.entries.last_mut().unwrap().digest = Some(digest);
            id
        }
    };
    Some(Answer::json(
        200,
        &json!({"ok": true, "entry_id": id.to_string()}),
    ))
}

/// Answers like Azure: the address is the permission, and no other one is accepted.
fn content(state: &State, request: &Request, id: &str) -> Answer {
    if request.headers.contains_key("authorization")
        || request.query.get("sig").is_none_or(|sig| sig != "sIgNeD")
    {
        return message(403, "AuthenticationFailed");
    }
    let entry = id
        .parse()
        .ok()
        .and_then(|id: u64| state.entries.iter().find(|entry| entry.id == id));
    let digest: Option<Digest> = entry.and_then(|entry| entry.digest);
    match digest.and_then(|digest| state.contents.get(&digest)) {
        Some(bytes) => Answer {
            status: 200,
            headers: Vec::new(),
            body: bytes.clone(),
        },
        None => message(404, "BlobNotFound"),
    }
}
