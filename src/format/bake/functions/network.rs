//! Functions on networks in CIDR notation.

// The types of addresses alone, without sockets.
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::arguments::CallArguments;
use super::{CallError, Called};

/// A network.
#[derive(Debug, Clone, Copy)]
struct CidrBlock {
    address: u128,
    prefix: u32,
    /// The length of an address in bits.
    bits: u32,
}

/// Calls a function on networks. Returns `None` for other functions.
pub(super) fn call(name: &str, given: &CallArguments<'_>) -> Option<Called> {
    Some(match name {
        "cidrhost" => host(given),
        "cidrnetmask" => network(given).map(|network| {
            let mask = CidrBlock {
                address: mask(network.prefix, network.bits),
                ..network
            };
            given.made(&shown(mask))
        }),
        "cidrsubnet" => subnet(given),
        "cidrsubnets" => Err(CallError::gap("this function is not supported")),
        _ => return None,
    })
}

fn network(given: &CallArguments<'_>) -> Result<CidrBlock, CallError> {
    let text = given.text(0)?;
    let wrong = "an argument is no network in CIDR notation";
    let (address, prefix) = text.split_once('/').ok_or(wrong)?;
    let (address, bits) = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => (u128::from(u32::from(address)), 32),
        Ok(IpAddr::V6(address)) => (u128::from(address), 128),
        Err(_) => return Err(wrong.into()),
    };
    let prefix = prefix.parse().ok().filter(|prefix| *prefix <= bits);
    let prefix = prefix.ok_or(wrong)?;
    Ok(CidrBlock {
        address: address & mask(prefix, bits),
        prefix,
        bits,
    })
}

fn mask(prefix: u32, bits: u32) -> u128 {
    let all = u128::MAX >> (128 - bits);
    let host = u128::MAX.checked_shr(128 - (bits - prefix)).unwrap_or(0);
    all & !host
}

fn shown(network: CidrBlock) -> String {
    match network.bits {
        32 => {
            let address = u32::try_from(network.address).unwrap_or(u32::MAX);
            Ipv4Addr::from(address).to_string()
        }
        _ => Ipv6Addr::from(network.address).to_string(),
    }
}

fn host(given: &CallArguments<'_>) -> Called {
    let network = network(given)?;
    let number = given.whole(1)?;
    let hosts = u128::MAX
        .checked_shr(128 - (network.bits - network.prefix))
        .unwrap_or(0);
    let size = u128::from(number.unsigned_abs());
    let offset = if number < 0 {
        hosts.checked_sub(size - 1)
    } else {
        Some(size).filter(|size| *size <= hosts)
    };
    let offset = offset.ok_or("the network has no such host")?;
    let address = CidrBlock {
        address: network.address | offset,
        ..network
    };
    Ok(given.made(&shown(address)))
}

fn subnet(given: &CallArguments<'_>) -> Called {
    let network = network(given)?;
    let added = u32::try_from(given.whole(1)?).map_err(|_| CallError::gap("a negative prefix"))?;
    let number = given.whole(2)?;
    let prefix = network.prefix + added.min(256);
    if prefix > network.bits {
        return Err("the network is too small".into());
    }
    let number = u128::try_from(number).map_err(|_| CallError::gap("a negative subnet"))?;
    if added < 64 && number >= 1 << added {
        return Err("the network has no such subnet".into());
    }
    let shift = network.bits - prefix;
    let subnet = CidrBlock {
        address: network.address | number.checked_shl(shift).unwrap_or(0),
        prefix,
        ..network
    };
    Ok(given.made(&format!("{}/{prefix}", shown(subnet))))
}
