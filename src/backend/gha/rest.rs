//! GitHub's REST API, which lists and deletes entries and reports branches and the quota. It serves
//! no content.

mod answers;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use super::entry::ListedEntry;
use crate::backend::Access;
use crate::backend::entries::{
    CacheBranch, QuotaFact, QuotaFacts, RequestBudget, UnknownQuotaFact,
};
use crate::backend::github::{self, Api, BOUNDS, PER_PAGE};
use crate::backend::http::{HttpAnswer, ServiceKind, Tries};
use crate::backend::listing::{self, Bound, BrokenListing, PagedListing};
use crate::backend::{RemoteError, RemoteKind};
use crate::source::GithubRepository;
use answers::{
    BranchName, CacheRetention, CacheUsage, EntryPage, PullRequest, RepositoryInfo, StorageLimit,
};

/// The default quota and idle time of a repository (GitHub's documentation).
const USUAL_GB: u64 = 10;
const USUAL_IDLE_DAYS: i64 = 7;
/// The hint where there is no token.
const NO_TOKEN: &str = "set GH_TOKEN or GITHUB_TOKEN (GH_ENTERPRISE_TOKEN for a server of your own), or log in with `gh auth login`";
/// The most deletions per minute. One costs 5 points, and 900 points per minute are allowed
/// (GitHub's documentation of secondary limits).
pub(super) const DELETIONS_A_MINUTE: usize = 160;

/// Sends requests about one repository to GitHub's API.
#[derive(Debug)]
pub(super) struct RestApi {
    api: Api,
    repository: GithubRepository,
    concurrency: usize,
    /// The times of the latest deletions.
    deletions: Mutex<std::collections::VecDeque<Instant>>,
}

impl RestApi {
    pub(super) fn new(api: Api, repository: GithubRepository, access: &Access) -> Self {
        Self {
            api,
            repository,
            concurrency: github::concurrency(access),
            deletions: Mutex::default(),
        }
    }

    pub(super) fn repository(&self) -> &GithubRepository {
        &self.repository
    }

    /// Returns the account of the token. The token of a job has none.
    pub(super) async fn account(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Account {
            login: String,
        }
        self.api.token.as_ref()?;
        let answer = self.api.get("user", &[], &self.what()).await.ok()?;
        let account: Account = answer.json(&self.what()).ok()?;
        (answer.status == StatusCode::OK).then_some(account.login)
    }

    /// Returns where the token was found.
    pub(super) fn token(&self) -> Option<&'static str> {
        self.api.token.as_ref().map(|token| token.from)
    }

    pub(super) fn budget(&self) -> Option<RequestBudget> {
        self.api.budget()
    }

    fn path(&self, rest: &str) -> String {
        format!("repos/{}{rest}", self.repository)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, RemoteError> {
        let answer = self.ask(path, query).await?;
        answer.json(&self.what()).map_err(|fault| {
            if answer.is_html() {
                fault.hint(
                    "GITHUB_API_URL must be the address of the API, as in https://HOST/api/v3",
                )
            } else {
                fault
            }
        })
    }

    async fn ask(&self, path: &str, query: &[(&str, String)]) -> Result<HttpAnswer, RemoteError> {
        let answer = self.api.get(&self.path(path), query, &self.what()).await?;
        if answer.status == StatusCode::OK {
            Ok(answer)
        } else {
            Err(self.refusal(&answer, "actions: read"))
        }
    }

    /// Lists the entries whose keys begin with `prefix` and sends each once, page by page. The
    /// first page reports how many entries there are; the other pages are read several at a time.
    /// Ends early if the receiver is gone. Returns the fault of a list that is still incomplete
    /// after several readings: an entry that is deleted during the listing moves others to a page
    /// that was already read.
    pub(super) async fn list(
        &self,
        prefix: Option<&str>,
        sender: mpsc::Sender<Vec<ListedEntry>>,
    ) -> Result<Option<BrokenListing>, RemoteError> {
        let mut sent = HashSet::new();
        let mut broken = None;
        for _ in 0..=listing::RESTARTS {
            broken = self.read_all(prefix, &sender, &mut sent).await?;
            if broken.is_none() {
                break;
            }
        }
        Ok(broken)
    }

    /// Reads all pages, and sends the entries that are not in `sent`.
    async fn read_all(
        &self,
        prefix: Option<&str>,
        sender: &mpsc::Sender<Vec<ListedEntry>>,
        sent: &mut HashSet<u64>,
    ) -> Result<Option<BrokenListing>, RemoteError> {
        let first = self.page(prefix, 1).await?;
        let pages = first.total_count.div_ceil(PER_PAGE);
        if pages > BOUNDS.pages as u64 {
            let broken = BrokenListing::Endless(Bound::Pages(BOUNDS.pages));
            return Err(broken.into_remote(&self.what()));
        }
        // Collected, because a closure over references inside a stream makes the future not `Send`.
        let rest: Vec<_> = (2..=pages)
            .map(|number| self.page(prefix, number))
            .collect();
        let mut rest = stream::iter(rest).buffered(self.concurrency);
        let mut listing = PagedListing::new(BOUNDS);
        let mut broken = None;
        let mut number = 1;
        let mut next = Some(first);
        while let Some(page) = next {
            listing.promise(page.total_count);
            let mut entries = page.actions_caches;
            let ids: Vec<u64> = entries.iter().map(|listed| listed.id).collect();
            // The rest is read anyway, so it can be shown.
            broken = broken.or(listing.page(ids, number < pages).err());
            entries.retain(|listed| sent.insert(listed.id));
            if sender.send(entries).await.is_err() {
                return Ok(None);
            }
            next = rest.next().await.transpose()?;
            number += 1;
        }
        Ok(broken.or(listing.end().err()))
    }

    /// Lists entries as [`Self::list`] does, and returns them all.
    pub(super) async fn list_all(
        &self,
        prefix: Option<&str>,
    ) -> Result<(Vec<ListedEntry>, Option<BrokenListing>), RemoteError> {
        let (sender, mut pages) = mpsc::channel(1);
        let receiving = async {
            let mut all = Vec::new();
            while let Some(page) = pages.recv().await {
                all.extend(page);
            }
            all
        };
        let (broken, all) = tokio::join!(self.list(prefix, sender), receiving);
        broken.map(|broken| (all, broken))
    }

    async fn page(&self, prefix: Option<&str>, number: u64) -> Result<EntryPage, RemoteError> {
        // Oldest first: entries written during the listing come last and move nothing to another
        // page.
        let mut query = vec![
            ("per_page", PER_PAGE.to_string()),
            ("page", number.to_string()),
            ("sort", "created_at".to_owned()),
            ("direction", "asc".to_owned()),
        ];
        query.extend(prefix.map(|prefix| ("key", prefix.to_owned())));
        self.get("/actions/caches", &query).await
    }

    /// Tries once to delete an entry; returns whether it still existed. Returns `None` if the
    /// caller should try again: a job may have requested the entry since, so check it first.
    pub(super) async fn delete(
        &self,
        id: u64,
        tries: &mut Tries,
    ) -> Result<Option<bool>, RemoteError> {
        if self.api.token.is_none() {
            return Err(RemoteError::new(
                RemoteKind::Unauthorized,
                format!("{}: deleting needs a token", self.what()),
            )
            .hint(NO_TOKEN));
        }
        self.pace().await;
        let path = self.path(&format!("/actions/caches/{id}"));
        let what = self.what();
        let tried = self.api.try_change(Method::DELETE, &path, &what, tries);
        let Some(answer) = tried.await? else {
            return Ok(None);
        };
        match answer.status {
            StatusCode::NO_CONTENT | StatusCode::OK => Ok(Some(true)),
            StatusCode::NOT_FOUND => Ok(Some(false)),
            _ => Err(self.refusal(&answer, "actions: write")),
        }
    }

    /// Waits until the limit allows another deletion.
    async fn pace(&self) {
        let minute = Duration::from_mins(1);
        let mut deletions = self.deletions.lock().await;
        while deletions
            .front()
            .is_some_and(|sent| sent.elapsed() >= minute)
        {
            deletions.pop_front();
        }
        if deletions.len() >= DELETIONS_A_MINUTE
            && let Some(first) = deletions.pop_front()
        {
            tokio::time::sleep_until(first + minute).await;
        }
        deletions.push_back(Instant::now());
    }

    /// Requests the quota and the branches. Parts that cannot be read are noted and are not errors.
    pub(super) async fn surroundings(&self) -> QuotaFacts {
        let open = [("state", "open".to_owned())];
        let (usage, storage, retention, repository, branches, pulls) = tokio::join!(
            self.get::<CacheUsage>("/actions/cache/usage", &[]),
            self.get::<StorageLimit>("/actions/cache/storage-limit", &[]),
            self.get::<CacheRetention>("/actions/cache/retention-limit", &[]),
            self.get::<RepositoryInfo>("", &[]),
            self.all("/branches", &[], |named: &BranchName| named.name.clone()),
            self.all("/pulls", &open, |pull: &PullRequest| pull.number),
        );
        let mut unknown = Vec::new();
        if let Err(error) = &usage {
            unknown.push(unread(QuotaFact::Usage, error));
        }
        let known = known_branches(branches, pulls, &mut unknown);
        QuotaFacts {
            limit: storage
                .as_ref()
                .map_or(USUAL_GB, |storage| storage.max_cache_size_gb)
                .saturating_mul(1 << 30),
            limit_is_reported: storage.is_ok(),
            counted_bytes: usage.ok().map(|usage| usage.active_caches_size_in_bytes),
            idle: SignedDuration::from_hours(
                24 * retention.map_or(USUAL_IDLE_DAYS, |retention| {
                    retention.max_cache_retention_days.clamp(1, 3650)
                }),
            ),
            default_branch: repository
                .ok()
                .map(|repository| head(&repository.default_branch)),
            branches: known,
            unknown,
            job_writes: None,
        }
    }

    /// Reads a complete list of branches or pull requests.
    async fn all<T: DeserializeOwned, K: Eq + Hash + Clone>(
        &self,
        path: &str,
        query: &[(&str, String)],
        key: impl Fn(&T) -> K,
    ) -> Result<Vec<T>, RemoteError> {
        let what = self.what();
        let page = |number: u64| {
            let query = github::numbered(query, number);
            async move {
                let answer = self.ask(path, &query).await?;
                github::ApiPage::read(&answer, &self.what())
            }
        };
        github::list(&what, self.concurrency, page, key).await
    }

    fn what(&self) -> String {
        format!("gha:{}", self.repository)
    }

    /// Describes why GitHub refuses.
    fn refusal(&self, answer: &HttpAnswer, permission: &str) -> RemoteError {
        let what = self.what();
        let cause = format!(
            "GitHub answers {}{}",
            answer.status,
            ServiceKind::Github.said(answer)
        );
        let error = |kind, message: &str| {
            RemoteError::new(kind, format!("{what}: {message}")).because(cause.clone())
        };
        if let Some(sso) = answer
            .headers
            .get("x-github-sso")
            .and_then(|value| value.to_str().ok())
        {
            // The query of the address is a login.
            let address = sso
                .split("url=")
                .nth(1)
                .and_then(|url| url.split('?').next())
                .unwrap_or("https://github.com/settings/tokens");
            let address = crate::text::escape::visible(address).into_owned();
            return error(
                RemoteKind::Forbidden,
                "the organisation asks for single sign-on (SAML)",
            )
            .hint(format!(
                "authorise the token for the organisation at {address}"
            ));
        }
        match (answer.status, &self.api.token) {
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
                error(RemoteKind::NotFound, "the repository has moved").hint("name it as it is called today")
            }
            _ => error(RemoteKind::BadAnswer, "GitHub refuses the request"),
        }
    }
}

fn in_words(error: &RemoteError) -> String {
    error
        .causes
        .first()
        .cloned()
        .unwrap_or_else(|| error.message.clone())
}

fn unread(fact: QuotaFact, error: &RemoteError) -> UnknownQuotaFact {
    UnknownQuotaFact {
        fact,
        why: in_words(error),
    }
}

/// Returns the branches and open pull requests, by the names that their caches have. Adds lists
/// that could not be read to `unknown`.
fn known_branches(
    branches: Result<Vec<BranchName>, RemoteError>,
    pulls: Result<Vec<PullRequest>, RemoteError>,
    unknown: &mut Vec<UnknownQuotaFact>,
) -> HashMap<String, CacheBranch> {
    let mut known = HashMap::new();
    match branches {
        Ok(all) => known.extend(
            all.into_iter()
                .map(|named| (head(&named.name), CacheBranch::default())),
        ),
        Err(error) => unknown.push(unread(QuotaFact::Branches, &error)),
    }
    match pulls {
        Ok(all) => known.extend(all.into_iter().map(|pull| {
            (
                format!("refs/pull/{}/merge", pull.number),
                CacheBranch {
                    is_gone: false,
                    base: Some(head(&pull.base.name)),
                },
            )
        })),
        Err(error) => unknown.push(unread(QuotaFact::PullRequests, &error)),
    }
    known
}

fn head(branch: &str) -> String {
    format!("refs/heads/{branch}")
}
