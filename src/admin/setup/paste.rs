//! Nodes as people paste them: one a line, an address, and a name and a weight if they like.

use crate::admin::texts::Texts;
use crate::model::{Name, Node, NodeAddress};

/// Limit: lines with a node. More are added later, or as a document.
pub(super) const MOST: usize = 100;

/// One node of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Option<String>,
    pub(super) address: NodeAddress,
    pub(super) weight: u16,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    Address,
    Https,
    Weight,
    Name,
    /// What has no meaning here.
    Extra(String),
    /// The address stands in this line already.
    Twice(usize),
    /// So does the name.
    NameTwice(usize),
}

impl Fault {
    pub(super) fn words(&self, t: Texts) -> String {
        match self {
            Self::Address => t.paste_address().to_owned(),
            Self::Https => t.paste_https().to_owned(),
            Self::Weight => t.paste_weight(Node::MAX_WEIGHT),
            Self::Name => t.paste_name(Name::MAX),
            Self::Extra(what) => t.paste_extra(what),
            Self::Twice(line) => t.paste_twice(line),
            Self::NameTwice(line) => t.paste_name_twice(line),
        }
    }
}

/// A line that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: usize,
    pub(super) text: String,
    pub(super) node: Result<Entry, Fault>,
}

/// Reads what was pasted.
///
/// # Errors
/// How many lines there are, where those are too many.
pub(super) fn read(text: &str) -> Result<Vec<Line>, usize> {
    let lines = text.lines().enumerate().filter_map(|(i, line)| {
        let line = line.split('#').next().unwrap_or_default();
        // As Chinese keyboards write them.
        let line = line.replace('：', ":").replace(['，', '；'], " ");
        let line = line.trim().trim_end_matches([';', ',']).trim().to_owned();
        (!line.is_empty()).then_some((i + 1, line))
    });
    let lines: Vec<(usize, String)> = lines.collect();
    if lines.len() > MOST {
        return Err(lines.len());
    }
    let mut read: Vec<Line> = Vec::new();
    for (number, text) in lines {
        let node = entry(&text).and_then(|entry| match before(&read, &entry) {
            Some(fault) => Err(fault),
            None => Ok(entry),
        });
        let text = text.chars().take(120).collect();
        read.push(Line { number, text, node });
    }
    Ok(read)
}

fn before(read: &[Line], entry: &Entry) -> Option<Fault> {
    read.iter().find_map(|line| {
        let other = line.node.as_ref().ok()?;
        if other.address == entry.address {
            return Some(Fault::Twice(line.number));
        }
        let same_name = entry.name.is_some() && other.name == entry.name;
        same_name.then_some(Fault::NameTwice(line.number))
    })
}

fn entry(line: &str) -> Result<Entry, Fault> {
    let mut words: Vec<&str> = line
        .split([' ', '\t', ',', ';'])
        .filter(|word| !word.is_empty())
        .collect();
    // A line of an nginx.conf.
    if words.first() == Some(&"server") {
        words.remove(0);
    }
    let place = words.iter().position(|word| word.contains(':'));
    let Some(place) = place else {
        return Err(Fault::Address);
    };
    let address = address(words[place])?;
    let name = match words[..place] {
        [] => None,
        [name] => Some(Name::parse(name).map_err(|_| Fault::Name)?.to_string()),
        [_, extra, ..] => return Err(Fault::Extra(extra.to_owned())),
    };
    let weight = match words[place + 1..] {
        [] => 1,
        [weight] => weight_of(weight)?,
        [_, extra, ..] => return Err(Fault::Extra(extra.to_owned())),
    };
    Ok(Entry {
        name,
        address,
        weight,
    })
}

fn address(text: &str) -> Result<NodeAddress, Fault> {
    let small = text.to_ascii_lowercase();
    if small.starts_with("https://") {
        return Err(Fault::Https);
    }
    let plain = match small.starts_with("http://") {
        true => text["http://".len()..].trim_end_matches('/'),
        false => text,
    };
    NodeAddress::parse(plain).map_err(|_| Fault::Address)
}

fn weight_of(text: &str) -> Result<u16, Fault> {
    let digits = text.strip_prefix("weight=").unwrap_or(text);
    if digits.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(Fault::Extra(text.to_owned()));
    }
    let number = digits.parse::<u16>().ok();
    let number = number.filter(|n| !digits.starts_with('+') && (1..=Node::MAX_WEIGHT).contains(n));
    number.ok_or(Fault::Weight)
}

#[cfg(test)]
mod tests {
    use super::{Entry, Fault, MOST, read};
    use crate::model::NodeAddress;

    fn one(text: &str) -> Result<Entry, Fault> {
        read(text).unwrap().remove(0).node
    }

    #[test]
    fn a_line_is_an_address_with_a_name_and_a_weight_if_one_likes() {
        let node = |name: Option<&str>, address: &str, weight| {
            Ok(Entry {
                name: name.map(str::to_owned),
                address: NodeAddress::parse(address).unwrap(),
                weight,
            })
        };
        for (line, wanted) in [
            ("10.0.0.1:8000", node(None, "10.0.0.1:8000", 1)),
            ("  10.0.0.1:8000   3 # old", node(None, "10.0.0.1:8000", 3)),
            (
                "web-1 10.0.0.1:8000,2",
                node(Some("web-1"), "10.0.0.1:8000", 2),
            ),
            (
                "server 10.0.0.1:8000 weight=5;",
                node(None, "10.0.0.1:8000", 5),
            ),
            ("http://app.local:8000/", node(None, "app.local:8000", 1)),
            ("10.0.0.1：8000，4", node(None, "10.0.0.1:8000", 4)),
            ("unix:/run/g.sock", node(None, "unix:/run/g.sock", 1)),
            ("[::1]:8000 1000", node(None, "[::1]:8000", 1000)),
        ] {
            assert_eq!(one(line), wanted, "{line}");
        }
    }

    #[test]
    fn each_line_says_what_is_wrong_with_it() {
        for (line, fault) in [
            ("hello", Fault::Address),
            ("10.0.0.1", Fault::Address),
            ("10.0.0.1:0", Fault::Address),
            ("https://10.0.0.1:8000", Fault::Https),
            ("10.0.0.1:8000 0", Fault::Weight),
            ("10.0.0.1:8000 1001", Fault::Weight),
            ("10.0.0.1:8000 +3", Fault::Weight),
            ("10.0.0.1:8000 backup", Fault::Extra("backup".into())),
            ("10.0.0.1:8000 3 4", Fault::Extra("4".into())),
            ("a b 10.0.0.1:8000", Fault::Extra("b".into())),
            ("é 10.0.0.1:8000", Fault::Name),
            ("<b>:1", Fault::Address),
        ] {
            assert_eq!(one(line), Err(fault), "{line}");
        }
        let twice = read("a 10.0.0.1:1\n\n# no\n10.0.0.1:1\na 10.0.0.2:1").unwrap();
        let faults: Vec<_> = twice.iter().map(|line| line.node.clone().err()).collect();
        assert_eq!(
            faults,
            [None, Some(Fault::Twice(1)), Some(Fault::NameTwice(1))]
        );
        assert_eq!(twice[1].number, 4);
    }

    #[test]
    fn too_many_lines_are_told_and_not_read() {
        let lines =
            |n: usize| -> String { (0..n).map(|i| format!("10.0.0.1:{}\n", i + 1)).collect() };
        assert_eq!(read(&lines(MOST)).unwrap().len(), MOST);
        assert_eq!(read(&lines(500)), Err(500));
        assert_eq!(read("\n\n  \n").unwrap(), []);
    }
}
