//! Which program listens on a port, as far as /proc lets us see.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The program that holds the port of `address`: `nginx (pid 123)`.
pub(super) fn holder(address: SocketAddr) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let inodes: Vec<String> = tables
        .iter()
        .flatten()
        .flat_map(|table| table.lines().skip(1))
        .filter_map(|line| listening(line, address))
        .collect();
    let pid = inodes.iter().find_map(|inode| process_with(inode))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(format!("{} (pid {pid})", name.trim()))
}

/// The socket's inode, if `line` is a listening socket that stands in the way of `address`.
fn listening(line: &str, address: SocketAddr) -> Option<String> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (ip, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let ip = parse_ip(ip)?;
    let meets = ip == address.ip() || ip.is_unspecified() || address.ip().is_unspecified();
    (*state == LISTEN && port == address.port() && meets).then(|| (*inode).to_owned())
}

// Words of 32 bits in the machine's own byte order.
fn parse_ip(hex: &str) -> Option<IpAddr> {
    let words: Option<Vec<[u8; 4]>> = (0..hex.len() / 8)
        .map(|i| u32::from_str_radix(hex.get(i * 8..i * 8 + 8)?, 16).ok())
        .map(|word| word.map(u32::to_ne_bytes))
        .collect();
    let bytes = words?.concat();
    match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => Some(Ipv4Addr::from(four).into()),
        Err(_) => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
    }
}

fn process_with(inode: &str) -> Option<u32> {
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.into_iter().find(|pid| {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            return false;
        };
        descriptors
            .flatten()
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .any(|target| target.to_str() == Some(&wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::holder;

    #[test]
    fn a_port_held_by_this_process_is_told() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let told = holder(socket.local_addr().unwrap()).unwrap();
        let pid = format!("(pid {})", std::process::id());
        assert!(told.ends_with(&pid), "{told}");
    }

    #[test]
    fn a_port_nobody_listens_on_has_no_holder() {
        assert_eq!(holder("127.0.0.1:1".parse().unwrap()), None);
    }
}
