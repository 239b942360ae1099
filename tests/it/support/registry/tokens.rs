//! A service that issues the tokens that `docker-registry` requires with `auth: token`.

use std::io::BufReader;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::tls::Authority;
use super::{PASSWORD, USER};
use crate::support::http::{Answer, Request};

/// The issuer in the tokens.
pub const ISSUER: &str = "the tests";
pub const SERVICE: &str = "registry of the tests";

/// The running service.
pub struct TokenService {
    address: String,
    state: Arc<Mutex<Tokens>>,
}

/// The requests to the service, and its settings.
#[derive(Default)]
pub struct Tokens {
    /// The requested scopes, in order.
    pub scopes: Vec<String>,
    /// The lifetime of a token in seconds.
    pub life: u64,
    /// Whether it announces the lifetime of a token.
    pub says_life: bool,
}

impl TokenService {
    /// Starts it, on TLS.
    pub fn start(authority: Arc<Authority>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // A name other than the registry's, because clients resume sessions by name.
        let address = format!("localhost:{}", listener.local_addr().unwrap().port());
        let state = Arc::new(Mutex::new(Tokens {
            life: 300,
            says_life: true,
            ..Tokens::default()
        }));
        let (shared, tls) = (Arc::clone(&state), authority.server());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, authority, tls) = (
                    Arc::clone(&shared),
                    Arc::clone(&authority),
                    Arc::clone(&tls),
                );
                thread::spawn(move || {
                    let connection = rustls::ServerConnection::new(tls).unwrap();
                    let mut reader = BufReader::new(rustls::StreamOwned::new(connection, stream));
                    while let Some(request) = Request::read(&mut reader) {
                        let answer = answer(&request, &authority, &state);
                        if answer.write(&request, reader.get_mut()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, state }
    }

    /// Returns the address that the registry announces.
    pub fn realm(&self) -> String {
        format!("https://{}/token", self.address)
    }

    /// Returns the requests and settings.
    pub fn state(&self) -> MutexGuard<'_, Tokens> {
        self.state.lock().unwrap()
    }
}

fn answer(request: &Request, authority: &Authority, state: &Mutex<Tokens>) -> Answer {
    let expected = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    if request.headers.get("authorization") != Some(&expected) {
        return Answer::json(
            401,
            &json!({"errors": [{"code": "UNAUTHORIZED", "message": "who are you?"}]}),
        );
    }
    let scope = request.query.get("scope").cloned().unwrap_or_default();
    let mut state = state.lock().unwrap();
    state.scopes.push(scope.clone());
    let token = token(authority, &[scope], state.life);
    let mut body = json!({ "token": token });
    if state.says_life {
        body["expires_in"] = state.life.into();
    }
    Answer::json(200, &body)
}

/// Creates a token for scopes such as `repository:app:pull,push`, with this lifetime in seconds.
pub fn token(authority: &Authority, scopes: &[String], life: u64) -> String {
    let certificate: String = String::from_utf8(authority.pem())
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [certificate] });
    let access: Vec<Value> = scopes
        .iter()
        .filter_map(|scope| {
            let (kind, rest) = scope.split_once(':')?;
            let (name, actions) = rest.rsplit_once(':')?;
            Some(json!({ "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>() }))
        })
        .collect();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let claims = json!({
        "iss": ISSUER, "sub": USER, "aud": SERVICE, "exp": now + life, "nbf": now - 30, "iat": now, "jti": "1", "access": access,
    });
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let unsigned = format!("{}.{}", encode(&header), encode(&claims));
    let signature = URL_SAFE_NO_PAD.encode(authority.sign(unsigned.as_bytes()));
    format!("{unsigned}.{signature}")
}
