//! Describes why a request got no answer.

use std::time::Duration;

use super::ServiceKind;
use crate::backend::{RemoteError, RemoteKind};
use crate::text::causes::without_generic;
use crate::text::escape::visible;

/// The hint for a slow service.
const MORE_TIME: &str = "give it more time with --timeout";

/// Why a request has no answer.
#[derive(Debug)]
pub(in crate::backend) enum Failed {
    /// The request could not be sent, or the answer broke off.
    Way(reqwest::Error),
    /// Nothing came within this time.
    Silent(Duration),
    /// The body was still incomplete long after this time.
    Slow(Duration),
    /// The answer is larger than this limit in bytes.
    TooLarge(u64),
    /// The body does not have the length that the answer announced.
    Cut {
        /// The announced length in bytes.
        length: u64,
        /// The length that arrived, in bytes.
        read: u64,
    },
}

impl Failed {
    /// Returns whether a retry may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Way(error) => {
                !error.is_builder()
                    && !causes(error)
                        .iter()
                        .any(|cause| is_about_certificates(cause))
            }
            Self::Cut { .. } => true,
            Self::Silent(_) | Self::Slow(_) | Self::TooLarge(_) => false,
        }
    }

    /// Describes the failure without addresses, which may be signed.
    pub(in crate::backend) fn into_remote(self, service: ServiceKind, what: &str) -> RemoteError {
        match self {
            Self::Way(error) => unreachable(service, what, &error),
            Self::Silent(timeout) => {
                let message = format!("{what} has not answered for {} s", timeout.as_secs_f64());
                RemoteError::new(RemoteKind::Unavailable, message).hint(MORE_TIME)
            }
            Self::Slow(timeout) => {
                let message = format!("{what} answers too slowly");
                RemoteError::new(RemoteKind::Unavailable, message)
                    .because(format!(
                        "the answer was not complete long after {} s",
                        timeout.as_secs_f64()
                    ))
                    .hint(MORE_TIME)
            }
            Self::TooLarge(limit) => {
                let message = format!("{what}: the answer is too large");
                RemoteError::new(RemoteKind::BadAnswer, message)
                    .because(format!("no more than {limit} bytes are read"))
            }
            Self::Cut { length, read } => {
                let message = format!("{what}: the answer is cut off");
                RemoteError::new(RemoteKind::Unavailable, message)
                    .because(format!("{read} of its {length} bytes arrived"))
            }
        }
    }
}

fn unreachable(service: ServiceKind, what: &str, error: &reqwest::Error) -> RemoteError {
    let causes = causes(error);
    let is_certificate = causes.iter().any(|cause| is_about_certificates(cause));
    // A server that requires a client certificate closes the connection, often without a reason.
    let is_closed = error.is_request() && !error.is_connect() && !error.is_timeout();
    let is_registry = service == ServiceKind::Registry;
    let message = if error.is_builder() {
        format!("{what} cannot be set up")
    } else if error.is_timeout() && !error.is_connect() {
        format!("{what} stopped answering")
    } else {
        format!("{what} cannot be reached")
    };
    let mut fault = RemoteError::new(RemoteKind::Unavailable, message);
    for cause in causes {
        fault = fault.because(cause);
    }
    if error.is_builder() {
        fault.hint(
            "are certificates of authorities installed (ca-certificates)? SSL_CERT_FILE names a file with others",
        )
    } else if is_closed && is_registry {
        fault.hint(
            "it closed the connection; if it requires a client certificate, add --client-cert and --client-key",
        )
    } else if is_certificate && is_registry {
        fault.hint(
            "add the registry's own authority with --ca FILE, or put it where Docker looks: /etc/docker/certs.d/HOST/ca.crt",
        )
    } else if error.is_timeout() {
        fault.hint(MORE_TIME)
    } else if error.is_connect() && !is_certificate {
        fault.hint(format!(
            "is the name right, and is {} running? HTTPS_PROXY, HTTP_PROXY and NO_PROXY apply",
            service.name()
        ))
    } else {
        fault
    }
}

fn is_about_certificates(cause: &str) -> bool {
    cause.to_ascii_lowercase().contains("certificate")
}

fn causes(error: &reqwest::Error) -> Vec<String> {
    without_generic(crate::text::causes::causes(error))
        .iter()
        .map(|cause| visible(cause).chars().take(300).collect())
        .collect()
}
