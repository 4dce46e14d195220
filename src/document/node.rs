//! `[[pools.nodes]]`.

use super::reader::{Field, Reader};
use super::time::{self, ZERO_OR_UP_TO_A_DAY};
use super::tree::Tree;
use super::value::{Fault, flag, number, text, time, word};
use super::writer::Writer;
use crate::model::{AdminState, Name, Node, NodeAddress};

const WEIGHT: u16 = 1;

/// A node that takes more than this at a time has no limit worth the name.
const MAX_CONNS: u32 = 1_000_000;

pub(super) fn read(r: &mut Reader<'_, '_>) -> Node {
    let given = r.take("name");
    let address = r.required("address", address);
    Node {
        name: name(r, given, address.as_ref()),
        // No name of this program: nothing is said of it twice.
        address: address.unwrap_or_else(|| {
            NodeAddress::parse("unread:1").expect("a host and a port are an address")
        }),
        weight: r.get("weight", WEIGHT, number(1..=Node::MAX_WEIGHT)),
        backup: r.get("backup", false, flag),
        // 0 is no limit.
        max_conns: r.get("max_conns", 0, number(0..=MAX_CONNS)),
        slow_start: r.optional("slow_start", time(ZERO_OR_UP_TO_A_DAY)),
        state: r.get(
            "state",
            AdminState::Enabled,
            word(&AdminState::ALL, AdminState::as_str, &[]),
        ),
    }
}

/// The name given, or the address, which alone may hold a colon or a slash.
fn name(r: &mut Reader<'_, '_>, given: Option<Field<'_>>, address: Option<&NodeAddress>) -> Name {
    let Some(field) = given else {
        let default = address.map(NodeAddress::to_string);
        return Name::unchecked(&default.unwrap_or_else(|| r.path_of("name")));
    };
    let named = text(field.tree).ok();
    let named = named.and_then(|text| NodeAddress::parse(text).ok());
    match address {
        Some(address) if named.as_ref() == Some(address) => Name::unchecked(&address.to_string()),
        _ => r.name_at(&field),
    }
}

fn address(tree: &Tree) -> Result<NodeAddress, Fault> {
    NodeAddress::parse(text(tree)?).map_err(Fault::value)
}

pub(super) fn write(w: &mut Writer, node: &Node) {
    let address = node.address.to_string();
    w.field("name", node.name.as_str(), address.as_str());
    w.always("address", address);
    w.field("weight", node.weight, WEIGHT);
    w.field("backup", node.backup, false);
    w.field("max_conns", node.max_conns, 0);
    if let Some(slow_start) = node.slow_start {
        w.always("slow_start", time::write(slow_start));
    }
    w.field("state", node.state.as_str(), AdminState::Enabled.as_str());
}
