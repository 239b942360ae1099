//! HTTP clients of the tests.

/// Makes ring the default for TLS, without which clients panic.
pub fn choose_ring() {
    // An earlier call may have set it.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Returns the builder of a client.
pub fn client_builder() -> reqwest::ClientBuilder {
    choose_ring();
    reqwest::Client::builder()
}
