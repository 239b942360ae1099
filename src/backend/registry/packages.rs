//! GitHub's packages API, for repositories on ghcr.io. Unlike the registry it lists all versions,
//! including those without a tag. It deletes versions, and can restore them for thirty days.

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::backend::github::{self, Api, credentials};
use crate::backend::http::{HttpAnswer, ServiceKind, Tries};
use crate::backend::{Access, RemoteError, RemoteKind};
use crate::format::digest::Digest;
use crate::source::RegistryLocation;

/// The subject of errors.
const WHAT: &str = "GitHub's packages API";

/// The package of one repository.
#[derive(Debug)]
pub(super) struct Packages {
    api: Api,
    owner: String,
    package: String,
    owners: OnceCell<&'static str>,
}

/// A version of a package: a manifest with its tags.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PackageVersion {
    pub(super) id: u64,
    /// The digest.
    pub(super) name: String,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    #[serde(default)]
    metadata: PackageMetadata,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct PackageMetadata {
    container: Container,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Container {
    tags: Vec<String>,
}

impl PackageVersion {
    pub(super) fn digest(&self) -> Option<Digest> {
        self.name.parse().ok()
    }

    pub(super) fn tags(&self) -> &[String] {
        &self.metadata.container.tags
    }

    /// Returns when it was pushed, or when its tags last changed.
    pub(super) fn modified(&self) -> Option<Timestamp> {
        self.updated_at.max(self.created_at)
    }
}

/// The state of the versions to list.
#[derive(Debug, Clone, Copy)]
pub(super) enum VersionState {
    Active,
    Deleted,
}

impl Packages {
    /// Finds the API of a registry; `None` if the registry is not GitHub's.
    ///
    /// # Errors
    /// Fails if the environment contains the address of an API that cannot be used.
    pub(super) async fn find(
        location: &RegistryLocation,
        access: &Access,
    ) -> Result<Option<Self>, RemoteError> {
        let is_github = location.host == "ghcr.io" || location.host.starts_with("containers.");
        let Some((owner, package)) = location.repository.split_once('/').filter(|_| is_github)
        else {
            return Ok(None);
        };
        let address = credentials::api()?;
        if !is_behind(&location.host, &address) {
            return Ok(None);
        }
        let token = credentials::token(None, &address).await;
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        Ok(Some(Self {
            api: Api::new(address, token, access)?,
            owner: encoded(owner),
            package: encoded(package),
            owners: OnceCell::new(),
        }))
    }

    /// Lists the versions of the package, the newest first.
    ///
    /// # Errors
    /// Fails if GitHub refuses, or if the list is incomplete.
    pub(super) async fn versions(
        &self,
        state: VersionState,
    ) -> Result<Vec<PackageVersion>, RemoteError> {
        let state = match state {
            VersionState::Active => "active",
            VersionState::Deleted => "deleted",
        };
        let path = self.path("versions").await?;
        let query = [("state", state.to_owned())];
        let page = |number| self.page(&path, &query, number);
        github::list(WHAT, 1, page, |version: &PackageVersion| version.id).await
    }

    async fn page(
        &self,
        path: &str,
        query: &[(&str, String)],
        number: u64,
    ) -> Result<github::ApiPage<PackageVersion>, RemoteError> {
        let answer = self
            .api
            .get(path, &github::numbered(query, number), WHAT)
            .await?;
        if answer.status != StatusCode::OK {
            return Err(self.refusal(&answer, "read:packages"));
        }
        github::ApiPage::read(&answer, WHAT)
    }

    /// Requests one version; `None` if it no longer exists.
    pub(super) async fn version(&self, id: u64) -> Result<Option<PackageVersion>, RemoteError> {
        let path = self.path(&format!("versions/{id}")).await?;
        let answer = self.api.get(&path, &[], WHAT).await?;
        match answer.status {
            StatusCode::OK => answer.json(WHAT).map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.refusal(&answer, "read:packages")),
        }
    }

    /// Tries once to delete a version with all its tags; returns whether it existed. Returns `None`
    /// if the caller should try again: a build may have pushed since, so check first.
    pub(super) async fn delete(
        &self,
        id: u64,
        tries: &mut Tries,
    ) -> Result<Option<bool>, RemoteError> {
        let path = self.path(&format!("versions/{id}")).await?;
        let tried = self.api.try_change(Method::DELETE, &path, WHAT, tries);
        let Some(answer) = tried.await? else {
            return Ok(None);
        };
        match answer.status {
            status if status.is_success() => Ok(Some(true)),
            StatusCode::NOT_FOUND => Ok(Some(false)),
            _ => Err(self.refusal(&answer, "delete:packages")),
        }
    }

    /// Restores a deleted version.
    pub(super) async fn restore(&self, id: u64) -> Result<(), RemoteError> {
        let path = self.path(&format!("versions/{id}/restore")).await?;
        let answer = self.api.change(Method::POST, &path, WHAT).await?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(self.refusal(&answer, "write:packages"))
        }
    }

    /// Creates an address below the package. Users and organizations have different ones.
    async fn path(&self, rest: &str) -> Result<String, RemoteError> {
        #[derive(Deserialize)]
        struct PackageOwner {
            #[serde(rename = "type")]
            kind: OwnerKind,
        }
        #[derive(Deserialize)]
        enum OwnerKind {
            Organization,
            #[serde(other)]
            User,
        }
        let ask = || async {
            let path = format!("users/{}", self.owner);
            let answer = self.api.get(&path, &[], WHAT).await?;
            if answer.status != StatusCode::OK {
                return Err(self.refusal(&answer, "read:packages"));
            }
            let owner: PackageOwner = answer.json(WHAT)?;
            Ok(match owner.kind {
                OwnerKind::Organization => "orgs",
                OwnerKind::User => "users",
            })
        };
        let owners = self.owners.get_or_try_init(ask).await?;
        Ok(format!(
            "{owners}/{}/packages/container/{}/{rest}",
            self.owner, self.package
        ))
    }

    /// Describes why GitHub refuses. `scope` is the scope that a token needs.
    fn refusal(&self, answer: &HttpAnswer, scope: &str) -> RemoteError {
        let what = WHAT;
        let cause = format!(
            "GitHub answers {}{}",
            answer.status,
            ServiceKind::Github.said(answer)
        );
        let error = |kind, why: &str| {
            RemoteError::new(kind, format!("{what}: {why}")).because(cause.clone())
        };
        let wants = format!(
            "a classic token with {scope}, in GH_TOKEN or by `gh auth login --scopes {scope}`"
        );
        match (answer.status, &self.api.token) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, None) => {
                error(RemoteKind::Unauthorized, "it wants a token").hint(format!("give {wants}"))
            }
            (StatusCode::UNAUTHORIZED, Some(token)) => {
                error(RemoteKind::Unauthorized, &format!("the token from {} is not taken", token.from))
                    .hint(format!("give {wants}"))
            }
            (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, Some(token)) => {
                error(RemoteKind::Forbidden, &format!("the token from {} may not do this", token.from))
                    .hint(format!("it takes {wants}; in a workflow, `permissions: packages: write`"))
            }
            (StatusCode::BAD_REQUEST, _) => error(RemoteKind::Unsupported, "GitHub does not delete this version")
                .hint("neither the last version with a tag nor one of a public package with more than 5000 downloads can be deleted alone"),
            _ => error(RemoteKind::BadAnswer, "the request is refused"),
        }
    }
}

/// Returns whether `api` belongs to the registry at `host`. A token is sent to no other API, and
/// versions are read from no other.
fn is_behind(host: &str, api: &str) -> bool {
    let Some(of_api) = credentials::host_of(api) else {
        return false;
    };
    match host {
        "ghcr.io" => matches!(of_api.as_str(), "github.com" | "localhost" | "127.0.0.1"),
        _ => host.strip_prefix("containers.") == Some(&of_api),
    }
}

#[cfg(test)]
mod tests {
    use super::is_behind;

    #[test]
    fn an_api_is_about_its_own_registry() {
        for (host, api) in [
            ("ghcr.io", "https://api.github.com"),
            ("containers.ghe.example", "https://ghe.example/api/v3"),
            ("containers.acme.ghe.com", "https://api.acme.ghe.com"),
        ] {
            assert!(is_behind(host, api), "{host} {api}");
        }
        for (host, api) in [
            ("ghcr.io", "https://ghe.example/api/v3"),
            ("containers.ghe.example", "https://api.github.com"),
            ("containers.evil.example", "https://ghe.example/api/v3"),
        ] {
            assert!(!is_behind(host, api), "{host} {api}");
        }
    }
}
