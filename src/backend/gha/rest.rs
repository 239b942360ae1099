//! GitHub's own interface: it lists entries and deletes them, and tells of branches and the quota. It hands out no content.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::SignedDuration;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use super::credentials::Token;
use super::entry::Listed;
use super::http::{self, Answer, Http, MOST_CONCURRENT, Tries};
use crate::backend::entries::{Branch, RequestBudget, Surroundings};
use crate::backend::{RemoteError, RemoteKind};
use crate::source::GithubRepository;

/// The most that GitHub gives at once.
const PER_PAGE: u64 = 100;
/// More pages than these are believed of no list.
const MOST_PAGES: u64 = 10_000;
/// How often a list is read from which entries are lacking.
const READINGS: usize = 2;
/// The quota and the idle time of a repository for which nobody has set others (GitHub's documentation).
const USUAL_GB: u64 = 10;
const USUAL_IDLE_DAYS: i64 = 7;
/// What to do where there is no token.
const NO_TOKEN: &str = "set GITHUB_TOKEN or GH_TOKEN, or log in with `gh auth login`";
/// How long a deletion waits for a limit, at most.
const PATIENCE: Duration = Duration::from_mins(15);
/// Deletions in a minute. One costs 5 points, and 900 points are allowed (GitHub's documentation of secondary limits).
pub(super) const DELETIONS_A_MINUTE: usize = 160;

/// Asks GitHub about one repository.
#[derive(Debug)]
pub(super) struct Rest {
    http: Http,
    base: String,
    repository: GithubRepository,
    token: Option<Token>,
    concurrency: usize,
    patience: Duration,
    /// When the latest deletions were sent.
    deletions: Mutex<std::collections::VecDeque<Instant>>,
}

#[derive(Deserialize)]
struct Page {
    total_count: u64,
    actions_caches: Vec<Listed>,
}

/// A list of which fewer entries came than GitHub says that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lacking {
    promised: u64,
    listed: u64,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { promised, listed } = self;
        write!(f, "GitHub counts {promised} and lists {listed} of them")
    }
}

impl Rest {
    pub(super) fn new(
        base: String,
        repository: GithubRepository,
        token: Option<Token>,
        concurrency: usize,
        timeout: Duration,
    ) -> Result<Self, RemoteError> {
        let http = Http::new(concurrency, timeout)?;
        let concurrency = concurrency.clamp(1, MOST_CONCURRENT);
        // Whoever waits for a listing gives up when nothing comes for as long as the timeout.
        let patience = timeout / 2;
        Ok(Self { http, base, repository, token, concurrency, patience, deletions: Mutex::default() })
    }

    pub(super) fn repository(&self) -> &GithubRepository {
        &self.repository
    }

    pub(super) fn budget(&self) -> Option<RequestBudget> {
        self.http.budget()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .client
            .request(method, format!("{}/repos/{}{path}", self.base, self.repository))
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        match &self.token {
            Some(token) => request.bearer_auth(token.secret.expose()),
            None => request,
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, RemoteError> {
        self.get_with_headers(path, query).await.map(|(found, _)| found)
    }

    async fn get_with_headers<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<(T, HeaderMap), RemoteError> {
        let what = self.what();
        let request = || self.request(Method::GET, path).query(query);
        let answer = self.http.send(request, &what, self.patience).await?;
        if answer.status != StatusCode::OK {
            return Err(self.refusal(&answer, "actions: read"));
        }
        let found = serde_json::from_slice(&answer.body).map_err(|error| {
            let fault = RemoteError::new(RemoteKind::BadAnswer, format!("{what}: the answer cannot be understood"));
            if http::is_html(&answer) {
                fault
                    .because("it is an HTML page")
                    .hint("GITHUB_API_URL must be the address of the API, as in https://HOST/api/v3")
            } else {
                fault.because(error.to_string())
            }
        })?;
        Ok((found, answer.headers))
    }

    /// Lists the entries whose keys begin with `prefix` and sends the pages as they come: the first one first, which tells
    /// how many there are, then several at a time. It ends early when nobody receives any more. Entries that go meanwhile
    /// move others from one page to another, unseen: when fewer came than were promised all is read once more. Returns how
    /// many are lacking then.
    pub(super) async fn list(
        &self,
        prefix: Option<&str>,
        sender: mpsc::Sender<Vec<Listed>>,
    ) -> Result<Option<Lacking>, RemoteError> {
        let mut sent = HashSet::new();
        let mut lacking = None;
        for _ in 0..READINGS {
            lacking = self.read_all(prefix, &sender, &mut sent).await?;
            if lacking.is_none() {
                break;
            }
        }
        Ok(lacking)
    }

    /// Reads all pages, and sends of each what was not `sent` before.
    async fn read_all(
        &self,
        prefix: Option<&str>,
        sender: &mpsc::Sender<Vec<Listed>>,
        sent: &mut HashSet<u64>,
    ) -> Result<Option<Lacking>, RemoteError> {
        let first = self.page(prefix, 1).await?;
        let (promised, pages) = (first.total_count, first.total_count.div_ceil(PER_PAGE));
        if pages > MOST_PAGES {
            return Err(self.endless());
        }
        // Collected, because a closure over references inside of a stream keeps the whole future from being `Send`.
        let rest: Vec<_> = (2..=pages).map(|number| self.page(prefix, number)).collect();
        let mut rest = stream::iter(rest).buffered(self.concurrency);
        let (mut found, mut next) = (HashSet::new(), Some(first));
        while let Some(page) = next {
            let mut page = page.actions_caches;
            found.extend(page.iter().map(|listed| listed.id));
            page.retain(|listed| sent.insert(listed.id));
            if sender.send(page).await.is_err() {
                return Ok(None);
            }
            next = rest.next().await.transpose()?;
        }
        let listed = found.len() as u64;
        Ok((listed < promised).then_some(Lacking { promised, listed }))
    }

    /// Lists entries as [`Self::list`] does, and returns them all.
    pub(super) async fn list_all(&self, prefix: Option<&str>) -> Result<(Vec<Listed>, Option<Lacking>), RemoteError> {
        let (sender, mut pages) = mpsc::channel(1);
        let receiving = async {
            let mut all = Vec::new();
            while let Some(page) = pages.recv().await {
                all.extend(page);
            }
            all
        };
        let (lacking, all) = tokio::join!(self.list(prefix, sender), receiving);
        lacking.map(|lacking| (all, lacking))
    }

    fn endless(&self) -> RemoteError {
        RemoteError::new(RemoteKind::BadAnswer, format!("{}: the list has no end", self.what()))
            .because(format!("no more than {MOST_PAGES} pages are read"))
    }

    async fn page(&self, prefix: Option<&str>, number: u64) -> Result<Page, RemoteError> {
        // Oldest first: what is written meanwhile comes last, and moves nothing from one page to another.
        let mut query = vec![
            ("per_page", PER_PAGE.to_string()),
            ("page", number.to_string()),
            ("sort", "created_at".to_owned()),
            ("direction", "asc".to_owned()),
        ];
        query.extend(prefix.map(|prefix| ("key", prefix.to_owned())));
        self.get("/actions/caches", &query).await
    }

    /// Tries once to delete an entry; tells whether it was still there. None when it is to be tried again: a job may have
    /// asked for the entry meanwhile, so that a look comes before.
    pub(super) async fn delete(&self, id: u64, tries: &mut Tries) -> Result<Option<bool>, RemoteError> {
        if self.token.is_none() {
            return Err(RemoteError::new(RemoteKind::Unauthorized, format!("{}: deleting needs a token", self.what()))
                .hint(NO_TOKEN));
        }
        self.pace().await;
        let path = format!("/actions/caches/{id}");
        let request = || self.request(Method::DELETE, &path);
        let Some(answer) = self.http.try_once(request, &self.what(), PATIENCE, tries).await? else { return Ok(None) };
        match answer.status {
            StatusCode::NO_CONTENT | StatusCode::OK => Ok(Some(true)),
            StatusCode::NOT_FOUND => Ok(Some(false)),
            _ => Err(self.refusal(&answer, "actions: write")),
        }
    }

    /// Waits until one more deletion is within the limit.
    async fn pace(&self) {
        let minute = Duration::from_mins(1);
        let mut deletions = self.deletions.lock().await;
        while deletions.front().is_some_and(|sent| sent.elapsed() >= minute) {
            deletions.pop_front();
        }
        if deletions.len() >= DELETIONS_A_MINUTE
            && let Some(first) = deletions.pop_front()
        {
            tokio::time::sleep_until(first + minute).await;
        }
        deletions.push_back(Instant::now());
    }

    /// Asks for what is known around the cache. What cannot be learned is noted, and no error.
    pub(super) async fn surroundings(&self) -> Surroundings {
        #[derive(Deserialize)]
        struct Usage {
            active_caches_size_in_bytes: u64,
        }
        #[derive(Deserialize)]
        struct Storage {
            max_cache_size_gb: u64,
        }
        #[derive(Deserialize)]
        struct Retention {
            max_cache_retention_days: i64,
        }
        #[derive(Deserialize)]
        struct Repository {
            default_branch: String,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        #[derive(Deserialize)]
        struct Pull {
            number: u64,
            base: Base,
        }
        #[derive(Deserialize)]
        struct Base {
            #[serde(rename = "ref")]
            name: String,
        }
        let open = [("state", "open".to_owned())];
        let (usage, storage, retention, repository, branches, pulls) = tokio::join!(
            self.get::<Usage>("/actions/cache/usage", &[]),
            self.get::<Storage>("/actions/cache/storage-limit", &[]),
            self.get::<Retention>("/actions/cache/retention-limit", &[]),
            self.get::<Repository>("", &[]),
            self.all::<Named>("/branches", &[]),
            self.all::<Pull>("/pulls", &open),
        );
        let mut unknown = Vec::new();
        if let Err(error) = &usage {
            unknown.push(format!("what GitHub counts against the quota: {}", in_words(error)));
        }
        let heads = |name: &str| format!("refs/heads/{name}");
        let mut known = HashMap::new();
        match branches {
            Ok(all) => known.extend(all.into_iter().map(|named| (heads(&named.name), Branch::default()))),
            Err(error) => unknown.push(format!("which branches there are: {}", in_words(&error))),
        }
        match pulls {
            Ok(all) => known.extend(all.into_iter().map(|pull| {
                (
                    format!("refs/pull/{}/merge", pull.number),
                    Branch { is_gone: false, base: Some(heads(&pull.base.name)) },
                )
            })),
            Err(error) => unknown.push(format!("which pull requests are open: {}", in_words(&error))),
        }
        Surroundings {
            limit: storage.as_ref().map_or(USUAL_GB, |storage| storage.max_cache_size_gb).saturating_mul(1 << 30),
            limit_is_told: storage.is_ok(),
            counted_bytes: usage.ok().map(|usage| usage.active_caches_size_in_bytes),
            idle: SignedDuration::from_hours(
                24 * retention.map_or(USUAL_IDLE_DAYS, |retention| retention.max_cache_retention_days.clamp(1, 3650)),
            ),
            default_branch: repository.ok().map(|repository| heads(&repository.default_branch)),
            branches: known,
            unknown,
        }
    }

    /// Reads all pages of a list: the first one first, whose header tells which is the last, then several at a time.
    async fn all<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<Vec<T>, RemoteError> {
        let page = |number: u64| {
            let mut query = query.to_vec();
            query.extend([("per_page", PER_PAGE.to_string()), ("page", number.to_string())]);
            async move { self.get_with_headers::<Vec<T>>(path, &query).await }
        };
        let (mut all, headers) = page(1).await?;
        if (all.len() as u64) < PER_PAGE {
            return Ok(all);
        }
        let last = last_page(&headers);
        let rest: Vec<_> = (2..=last.unwrap_or_default()).map(page).collect();
        let mut rest = stream::iter(rest).buffered(self.concurrency);
        while let Some(found) = rest.next().await {
            all.extend(found?.0);
        }
        // Something between that drops the header: page by page, until one is not full.
        for number in (2..=MOST_PAGES).take_while(|_| last.is_none()) {
            let (found, _) = page(number).await?;
            let is_last = (found.len() as u64) < PER_PAGE;
            all.extend(found);
            if is_last {
                return Ok(all);
            }
        }
        if last.is_some() { Ok(all) } else { Err(self.endless()) }
    }

    fn what(&self) -> String {
        format!("gha:{}", self.repository)
    }

    /// Says in words why GitHub refuses.
    fn refusal(&self, answer: &Answer, permission: &str) -> RemoteError {
        let what = self.what();
        let cause = format!("GitHub answers {}{}", answer.status, http::said(answer));
        let error = |kind, message: &str| RemoteError::new(kind, format!("{what}: {message}")).because(cause.clone());
        if let Some(sso) = answer.headers.get("x-github-sso").and_then(|value| value.to_str().ok()) {
            // What follows the question mark in the address is good for one login.
            let address = sso
                .split("url=")
                .nth(1)
                .and_then(|url| url.split('?').next())
                .unwrap_or("https://github.com/settings/tokens");
            let address = crate::format::text::visible(address).into_owned();
            return error(RemoteKind::Forbidden, "the organisation asks for single sign-on (SAML)")
                .hint(format!("authorise the token for the organisation at {address}"));
        }
        match (answer.status, &self.token) {
            (StatusCode::UNAUTHORIZED, Some(token)) => {
                error(RemoteKind::Unauthorized, &format!("the token from {} is refused", token.from)).hint(
                    "it has expired, was revoked, or belongs to another host; make a new one, or run `gh auth login`",
                )
            }
            (StatusCode::NOT_FOUND, Some(token)) => error(
                RemoteKind::NotFound,
                &format!("there is no such repository, or the token from {} may not see it", token.from),
            )
            .hint(format!(
                "look at the spelling of OWNER/REPOSITORY; a fine-grained token needs the repository and `{permission}`"
            )),
            (StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED, None) => error(
                RemoteKind::Unauthorized,
                "there is no such public repository, and there is no token for private ones",
            )
            .hint(NO_TOKEN),
            (StatusCode::FORBIDDEN, Some(token)) => {
                error(RemoteKind::Forbidden, &format!("the token from {} may not do this", token.from))
                    .hint(format!("it needs the permission `{permission}` (a classic token: `repo`)"))
            }
            (StatusCode::FORBIDDEN, None) => error(RemoteKind::Forbidden, "this needs a token").hint(NO_TOKEN),
            (status, _) if status.is_redirection() => {
                error(RemoteKind::NotFound, "the repository lies elsewhere now").hint("name it as it is called today")
            }
            _ => error(RemoteKind::BadAnswer, "GitHub refuses the request"),
        }
    }
}

/// Returns the number of the last page, as `link` tells it (GitHub's documentation of pagination).
fn last_page(headers: &HeaderMap) -> Option<u64> {
    let links = headers.get("link")?.to_str().ok()?;
    let last = links.split(',').find(|link| link.contains("rel=\"last\""))?;
    let address = last.trim().strip_prefix('<')?.split('>').next()?;
    let number = address.split(['?', '&']).find_map(|part| part.strip_prefix("page="))?;
    number.parse().ok().filter(|number| *number <= MOST_PAGES)
}

fn in_words(error: &RemoteError) -> String {
    error.causes.first().cloned().unwrap_or_else(|| error.message.clone())
}
