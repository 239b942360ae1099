//! Parses the address of a git remote into a repository on GitHub.

use gix_url::Scheme;

use crate::source::GithubRepository;

/// Returns the repository of `address` if it is on `host`. A path, or any other address without a
/// network protocol, is not a repository on a host.
pub(super) fn of_address(address: &str, host: &str) -> Option<GithubRepository> {
    let url = gix_url::parse(address).ok()?;
    let is_remote = matches!(
        url.scheme,
        Scheme::Https | Scheme::Http | Scheme::Ssh | Scheme::Git
    );
    if !is_remote || !is_same_host(url.host()?, host) {
        return None;
    }
    let path = str::from_utf8(&url.path).ok()?.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    path.parse().ok()
}

fn is_same_host(found: &str, host: &str) -> bool {
    let found = found.trim_end_matches('.');
    // GitHub also answers SSH at port 443 of another name (GitHub's documentation, *Using SSH over
    // the HTTPS port*).
    found.eq_ignore_ascii_case(host)
        || ["ssh.", "www."].iter().any(|prefix| {
            found
                .get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
                && found[prefix.len()..].eq_ignore_ascii_case(host)
        })
}

#[cfg(test)]
mod tests {
    use super::of_address;

    fn on(address: &str, host: &str) -> Option<String> {
        of_address(address, host).map(|found| found.to_string())
    }

    #[test]
    fn every_form_of_a_git_address_gives_its_repository() {
        for (address, repository) in [
            ("https://github.com/acme/shop.git", "acme/shop"),
            ("https://github.com/acme/shop", "acme/shop"),
            ("https://github.com/acme/shop/", "acme/shop"),
            ("https://github.com:443/acme/shop.git", "acme/shop"),
            ("https://me:p%40ss@github.com/acme/shop", "acme/shop"),
            (
                "https://x-access-token:sEcReT@GitHub.com/acme/shop",
                "acme/shop",
            ),
            ("http://github.com/acme/shop.git", "acme/shop"),
            ("git://github.com/acme/shop.git", "acme/shop"),
            ("ssh://git@github.com/acme/shop.git", "acme/shop"),
            ("ssh://git@github.com:22/acme/shop.git/", "acme/shop"),
            ("ssh://git@ssh.github.com:443/acme/shop.git", "acme/shop"),
            ("git+ssh://git@github.com/acme/shop.git", "acme/shop"),
            ("git@github.com:acme/shop.git", "acme/shop"),
            ("git@github.com:/acme/shop.git", "acme/shop"),
            ("github.com:acme/shop", "acme/shop"),
            // Owners and names may begin with digits or consist of digits.
            ("https://github.com/0xPolygon/bor.git", "0xPolygon/bor"),
            ("git@github.com:99designs/gqlgen.git", "99designs/gqlgen"),
            ("git@github.com:22/shop.git", "22/shop"),
            ("ssh://git@github.com/42/7.git", "42/7"),
            ("ssh://git@github.com:22/0x/1.git", "0x/1"),
            // Only one `.git` suffix is removed.
            ("https://github.com/acme/shop.git.git", "acme/shop.git"),
            ("https://github.com/acme/.github", "acme/.github"),
        ] {
            assert_eq!(
                on(address, "github.com").as_deref(),
                Some(repository),
                "{address}"
            );
        }
        for address in [
            "https://ghe.example:8443/acme/shop.git",
            "ssh://git@ghe.example:2222/acme/shop.git",
            "git@GHE.example:acme/shop.git",
        ] {
            assert_eq!(
                on(address, "ghe.example").as_deref(),
                Some("acme/shop"),
                "{address}"
            );
        }
    }

    #[test]
    fn other_hosts_and_other_paths_give_no_repository() {
        for address in [
            "https://gitlab.com/acme/shop.git",
            "https://github.com.evil.example/acme/shop",
            "https://evil.example/github.com/acme/shop",
            "https://github.com@evil.example/acme/shop",
            "https://notgithub.com/acme/shop",
            "git@github.com-work:acme/shop.git",
            "https://github.com/acme",
            "https://github.com/acme/shop/tree/main",
            "https://github.com/acme/..",
            "https://github.com/ac%2Fme/shop",
            "git@github.com:22/acme/shop.git",
            "file:///github.com/acme/shop",
            "ftp://github.com/acme/shop",
            "../shop",
            "/srv/git/github.com:acme/shop",
            "./github.com:acme/shop",
            "",
            ":",
            "://",
            "é@é:é",
        ] {
            assert_eq!(on(address, "github.com"), None, "{address}");
        }
    }
}
