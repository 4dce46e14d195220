//! From one value of a document to one value of the model, or the Fault in the operator's words.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

use super::tree::{Tree, Value};
use super::{size, time};
use crate::model::Code;

/// A Problem whose field is known to the caller.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// A value of the right type outside its range or form.
    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::new(Code::Value, message)
    }

    /// `must be …` for a value of the wrong type.
    pub(super) fn wrong_type(expected: &str, tree: &Tree) -> Self {
        Self::new(Code::Type, format!("must be {expected} (is {tree})"))
    }

    /// `what`, in the words of the document, belongs to a later capability.
    pub(super) fn not_available(what: &str) -> Self {
        let message = format!("{what} is not available in this version");
        Self::new(Code::NotAvailable, message)
    }
}

/// Any text.
pub(super) fn text(tree: &Tree) -> Result<&str, Fault> {
    match &tree.value {
        Value::Text(text) => Ok(text),
        _ => Err(Fault::wrong_type("text in quotes", tree)),
    }
}

/// Text that `parse` understands.
pub(super) fn parsed<T>(
    parse: impl Fn(&str) -> Result<T, String>,
) -> impl Fn(&Tree) -> Result<T, Fault> {
    move |tree| parse(text(tree)?).map_err(Fault::value)
}

/// Text that `parse` understands, or empty text for none.
pub(super) fn parsed_or_empty<T>(
    parse: impl Fn(&str) -> Result<T, String>,
) -> impl Fn(&Tree) -> Result<Option<T>, Fault> {
    move |tree| match text(tree)? {
        "" => Ok(None),
        text => parse(text).map(Some).map_err(Fault::value),
    }
}

/// True or false.
pub(super) fn flag(tree: &Tree) -> Result<bool, Fault> {
    match &tree.value {
        Value::Flag(flag) => Ok(*flag),
        _ => Err(Fault::wrong_type("true or false", tree)),
    }
}

/// A whole number within `range`.
pub(super) fn number<N>(range: RangeInclusive<N>) -> impl Fn(&Tree) -> Result<N, Fault>
where
    N: TryFrom<i128> + PartialOrd + Display,
{
    move |tree| {
        let (low, high) = (range.start(), range.end());
        let Value::Integer(value) = tree.value else {
            let expected = format!("a whole number, {low} to {high}");
            return Err(Fault::wrong_type(&expected, tree));
        };
        let number = N::try_from(value).ok().filter(|n| range.contains(n));
        number.ok_or_else(|| Fault::value(format!("must be {low} to {high} (is {value})")))
    }
}

/// A size in bytes within `range`: `"64k"` or a whole number.
pub(super) fn size<N>(range: RangeInclusive<N>) -> impl Fn(&Tree) -> Result<N, Fault>
where
    N: TryFrom<u64> + PartialOrd + Copy + Into<u64>,
{
    move |tree| {
        let size = match &tree.value {
            Value::Text(text) => size::parse(text).map(Some).map_err(Fault::value)?,
            Value::Integer(number) => u64::try_from(*number).ok(),
            _ => return Err(Fault::wrong_type("a size, such as \"64k\"", tree)),
        };
        let fits = size
            .and_then(|size| N::try_from(size).ok())
            .filter(|size| range.contains(size));
        fits.ok_or_else(|| {
            let low = size::write((*range.start()).into());
            let high = size::write((*range.end()).into());
            Fault::value(format!("must be {low} to {high} (is {tree})"))
        })
    }
}

/// A time within `range`, always with its unit.
pub(super) fn time(range: RangeInclusive<Duration>) -> impl Fn(&Tree) -> Result<Duration, Fault> {
    move |tree| {
        let time = match &tree.value {
            Value::Text(text) => time::parse(text).map_err(Fault::value)?,
            Value::Integer(n) => {
                let expected = format!("a time with its unit, such as \"{n}s\" or \"{n}ms\"");
                return Err(Fault::wrong_type(&expected, tree));
            }
            _ => return Err(Fault::wrong_type("a time, such as \"1.5s\"", tree)),
        };
        if range.contains(&time) {
            return Ok(time);
        }
        let (low, high) = (time::write(*range.start()), time::write(*range.end()));
        Err(Fault::value(format!("must be {low} to {high} (is {tree})")))
    }
}

/// One of `known`; one of `later` is not available by its name.
pub(super) fn word<T: Copy>(
    known: &'static [T],
    as_str: fn(T) -> &'static str,
    later: &'static [&'static str],
) -> impl Fn(&Tree) -> Result<T, Fault> {
    move |tree| {
        let given = text(tree)?;
        if let Some(value) = known.iter().find(|value| as_str(**value) == given) {
            return Ok(*value);
        }
        if later.contains(&given) {
            return Err(Fault::not_available(&format!("{given:?}")));
        }
        let words: Vec<&str> = known.iter().map(|value| as_str(*value)).collect();
        let words = words.join(", ");
        Err(Fault::value(format!(
            "must be one of {words} (is {given:?})"
        )))
    }
}

/// An address, or a network in CIDR form.
pub(super) fn network(tree: &Tree) -> Result<IpNet, Fault> {
    let text = text(tree)?;
    let address = text.parse::<IpAddr>().map(IpNet::from).ok();
    let network = address.or_else(|| text.parse().ok());
    network.map(unmapped).ok_or_else(|| {
        Fault::value(format!(
            "must be an IP address or a network such as 10.0.0.0/8 (is {text:?})"
        ))
    })
}

/// Clients are known by their IPv4 address even where the socket speaks IPv6.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else {
        return network;
    };
    let v4 = v6.addr().to_ipv4_mapped();
    let length = v6.prefix_len().checked_sub(96);
    let mapped = v4
        .zip(length)
        .map(|(v4, length)| IpNet::new(v4.into(), length));
    mapped.and_then(Result::ok).unwrap_or(network)
}

/// An IP address and a port, for a socket of ours.
pub(super) fn socket(tree: &Tree) -> Result<SocketAddr, Fault> {
    let text = text(tree)?;
    if text.starts_with("unix:") {
        return Err(Fault::not_available("a unix: address"));
    }
    text.parse().map_err(|_| {
        Fault::value(format!(
            "must be IP:PORT, such as 0.0.0.0:80 or [::]:80 (is {text:?})"
        ))
    })
}
