//! Ports of `EXPOSE`. They create no operation, but BuildKit refuses malformed ones.

use crate::format::go_text;

/// Checks a port: `[ip:][host:]container[/protocol]`, each port a number or a range.
pub(super) fn check(text: &str) -> Result<(), String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (ip, host, container) = match parts.as_slice() {
        [container] => (String::new(), "", *container),
        [host, container] => (String::new(), *host, *container),
        [ip @ .., host, container] => (ip.join(":"), *host, *container),
        [] => return Ok(()),
    };
    let wrong = |reason: &str| Err(format!("invalid port: {}: {reason}", go_text::quote(text)));
    let (container, protocol) = container.split_once('/').unwrap_or((container, ""));
    if container.is_empty() {
        return wrong("no port specified");
    }
    if !matches!(
        go_text::lower(protocol).as_str(),
        "" | "tcp" | "udp" | "sctp"
    ) {
        return wrong(&format!("invalid proto: {protocol}"));
    }
    check_address(&ip)?;
    let Some(ports) = range(container) else {
        return Err(format!("invalid containerPort: {container}"));
    };
    if host.is_empty() {
        return Ok(());
    }
    let Some(hosts) = range(host) else {
        return Err(format!("invalid hostPort: {host}"));
    };
    if ports.1 - ports.0 != hosts.1 - hosts.0 && ports.0 != ports.1 {
        return Err(format!(
            "invalid ranges specified for container and host Ports: {container} and {host}"
        ));
    }
    Ok(())
}

fn check_address(ip: &str) -> Result<(), String> {
    if ip.is_empty() {
        return Ok(());
    }
    let plain = match ip.strip_prefix('[') {
        Some(rest) => match rest.strip_suffix(']') {
            Some(inner) => inner,
            None => {
                return Err(format!(
                    "invalid IP address {ip}: address {ip}:: missing ']' in address"
                ));
            }
        },
        None => ip,
    };
    match plain.parse::<core::net::IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) if plain.is_empty() => Ok(()),
        Err(_) => Err(format!("invalid IP address: {plain}")),
    }
}

/// Parses a port or a range of ports.
fn range(text: &str) -> Option<(i64, i64)> {
    let port = |text: &str| go_text::parse_int(text).filter(|port| (0..=65_535).contains(port));
    let Some((start, end)) = text.split_once('-') else {
        let port = port(text)?;
        return Some((port, port));
    };
    let first = port(start)?;
    if start == end {
        return Some((first, first));
    }
    let last = port(end)?;
    (last >= first).then_some((first, last))
}
