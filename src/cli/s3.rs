//! The flags that control access to buckets.

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::backend::s3::S3Access;
use crate::config::{Origin, Setting};
use crate::source::S3Location;

/// The flags.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "buckets")]
#[command(next_help_heading = "Buckets")]
pub(super) struct S3Flags {
    /// Send requests without credentials, for public buckets.
    ///
    /// For one source only, use `no_sign_request=true` in it.
    #[arg(long, global = true)]
    no_sign_request: bool,
}

impl S3Flags {
    /// Builds the access settings for buckets. Their services accept more concurrent requests than
    /// others, unless the user has set a limit.
    pub(super) fn access(
        &self,
        concurrency: &Setting<NonZeroUsize>,
        others: Arc<[S3Location]>,
    ) -> S3Access {
        let usual = S3Access::default();
        let at_once = if concurrency.origin == Origin::Default {
            usual.at_once
        } else {
            concurrency.value.get()
        };
        S3Access {
            no_sign_request: self.no_sign_request,
            at_once,
            others,
            no_recheck: false,
        }
    }
}
