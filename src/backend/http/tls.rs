//! The implementation of cryptography for TLS.

use rustls::crypto::ring;

/// Makes ring the default of the process, which clients that are created afterwards use. Without a
/// default they panic.
pub(in crate::backend) fn choose_ring() {
    // The error is that a default exists, which an earlier call has set.
    let _ = ring::default_provider().install_default();
}
