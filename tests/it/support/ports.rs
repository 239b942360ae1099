//! Ports for servers in separate processes, which cannot be given a bound socket.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::Mutex;

/// The ports that need no privileges and that few services use by default.
const PORTS: RangeInclusive<u16> = 10_000..=u16::MAX;

/// Returns an address of this machine at which no server listens, a different one at each call.
///
/// Its port is not one that the system chooses for connections and for servers that accept any
/// port: another test could be given such a port before the server listens there. If the system
/// chooses from all ports, it is any port.
pub fn free_address() -> SocketAddr {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let chosen = chosen_by_the_system();
    // Test programs that run at the same time begin at different ports.
    let begin = std::process::id() as usize * 61 % PORTS.len();
    let (apart, others): (Vec<u16>, Vec<u16>) = PORTS
        .cycle()
        .skip(begin)
        .take(PORTS.len())
        .partition(|port| !chosen.contains(port));
    let mut given = GIVEN.lock().unwrap();
    let port = apart
        .into_iter()
        .chain(others)
        .find(|port| !given.contains(port) && is_free(*port))
        .expect("a port is free");
    given.insert(port);
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Returns whether no server listens at a port.
fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Returns the ports that the system chooses itself: those of Linux's setting, else the dynamic
/// ports of <https://www.rfc-editor.org/rfc/rfc6335#section-6>.
fn chosen_by_the_system() -> RangeInclusive<u16> {
    let Ok(range) = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range") else {
        return 49_152..=u16::MAX;
    };
    let mut ends = range.split_whitespace().map(|end| end.parse().unwrap());
    ends.next().unwrap()..=ends.next().unwrap()
}

#[test]
fn free_addresses_differ_and_are_not_chosen_by_the_system() {
    let (one, other) = (free_address(), free_address());
    assert_ne!(one, other);
    let chosen = chosen_by_the_system();
    let has_others = PORTS.clone().any(|port| !chosen.contains(&port));
    assert!(!has_others || !chosen.contains(&one.port()), "{one}");
    assert!(is_free(one.port()));
    let _server = TcpListener::bind(one).unwrap();
    assert!(!is_free(one.port()));
}
