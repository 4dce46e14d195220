//! What is wrong, with its cause, and one button that leads to where it is mended.

use crate::admin::events::{hour, told};
use crate::admin::links;
use crate::admin::page::Shell;
use crate::balance::Health;
use crate::control::{NodeView, NodesView, Outline, PoolView, Trouble};
use crate::model::AdminState;

/// Limit: troubles told one by one.
const MOST: usize = 4;

/// One of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Why {
    /// What is wrong.
    pub(super) what: String,
    /// Why, and what it means.
    pub(super) cause: String,
    /// What the system said of it, in its own language.
    pub(super) said: String,
    /// The button: its words and where it leads.
    pub(super) button: Option<(String, String)>,
}

/// All of them, the worst first.
pub(super) fn all(shell: &Shell, outline: &Outline, nodes: &NodesView) -> Vec<Why> {
    let t = shell.t;
    let mut all = Vec::new();
    if !outline.is_empty {
        all.extend(
            outline
                .troubles
                .iter()
                .map(|trouble| of_trouble(shell, trouble)),
        );
    }
    for pool in nodes.pools.iter().filter(|pool| pool.fail_open) {
        all.push(Why {
            what: t.why_fails_open(&pool.name),
            cause: t.why_all_tried().to_owned(),
            button: button(t.open_nodes().to_owned(), links::nodes()),
            ..Why::default()
        });
    }
    for pool in &nodes.pools {
        let down = pool.nodes.iter().filter(|node| is_down(node));
        all.extend(down.map(|node| of_node(shell, pool, node)));
    }
    if all.len() > MOST {
        let more = all.len() - (MOST - 1);
        all.truncate(MOST - 1);
        all.push(Why {
            what: t.why_more(more),
            button: button(t.open_nodes().to_owned(), links::nodes()),
            ..Why::default()
        });
    }
    all
}

fn button(words: String, href: String) -> Option<(String, String)> {
    (!href.is_empty()).then_some((words, href))
}

fn of_trouble(shell: &Shell, trouble: &Trouble) -> Why {
    let t = shell.t;
    let diagnostics = || {
        button(
            t.open_diagnostics().to_owned(),
            links::plain("/diagnostics"),
        )
    };
    let listeners = || button(t.open_listeners().to_owned(), links::listeners());
    let certificates = || {
        let href = links::plain("/certificates");
        button(t.open_certificates().to_owned(), href)
    };
    let why = |what: &str, cause: &str, said: &str, button| Why {
        what: what.to_owned(),
        cause: cause.to_owned(),
        said: said.to_owned(),
        button,
    };
    match trouble {
        Trouble::ReadOnly(said) => why(t.why_read_only(), t.why_as_known(), said, diagnostics()),
        Trouble::Nothing(said) => why(t.why_lost(), t.why_nothing_serves(), said, diagnostics()),
        Trouble::NoListener => why(t.why_no_listener(), t.why_nobody_comes(), "", listeners()),
        Trouble::Closed(name, address) => {
            let what = t.why_closed(name, address);
            why(&what, t.why_tried_again(), "", listeners())
        }
        Trouble::NoCertificate(name) => {
            let what = t.why_no_certificate(name);
            why(&what, t.why_no_https(), "", listeners())
        }
        Trouble::Ends(name, days) => {
            let (what, cause) = match days {
                1.. => (t.why_certificate_ends(name, days), t.why_renew()),
                _ => (t.why_certificate_expired(name), t.why_browsers_warn()),
            };
            why(&what, cause, "", certificates())
        }
        Trouble::Certificate(name, said) => {
            let what = t.why_certificate(name);
            why(&what, &told(t, said), "", certificates())
        }
        Trouble::NoSecret(said) => why(t.why_no_secret(), "", said, diagnostics()),
        Trouble::NotKept(said) => why(t.why_not_kept(), t.why_needed_later(), said, diagnostics()),
        Trouble::NoBackup(said) => {
            why(t.why_no_backup(), t.why_backup_again(), said, diagnostics())
        }
    }
}

fn is_down(node: &NodeView) -> bool {
    node.admin_state == AdminState::Enabled && node.health == Health::Down
}

fn of_node(shell: &Shell, pool: &PoolView, node: &NodeView) -> Why {
    let t = shell.t;
    let check = node.check.as_ref().map(|check| check.text(t.0));
    let cause = check.map(|check| t.as_sentence(capital(&check)));
    let means = match pool.nodes.iter().any(NodeView::is_well) {
        true => t.why_others_serve(),
        false => "",
    };
    let parts = [cause.unwrap_or_default(), means.to_owned()];
    Why {
        what: match node.since {
            Some(since) => t.why_down_since(&node.name, hour(shell, since)),
            None => t.why_down(&node.name),
        },
        cause: parts.join(" ").trim().to_owned(),
        said: String::new(),
        button: button(t.open_one(&node.name), links::node(&pool.name, &node.name)),
    }
}

/// A sentence begins with a capital; a name or an address stays as it is.
fn capital(text: &str) -> String {
    let word = text.split([' ', ':']).next().unwrap_or_default();
    let is_word = word.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if is_word => first.to_ascii_uppercase().to_string() + chars.as_str(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::capital;

    #[test]
    fn a_sentence_begins_with_a_capital_and_a_name_does_not() {
        assert_eq!(capital("connection refused: x"), "Connection refused: x");
        assert_eq!(capital("10.0.0.1:8000 did not"), "10.0.0.1:8000 did not");
        assert_eq!(capital("web-1 did"), "web-1 did");
        assert_eq!(capital("连接被拒绝"), "连接被拒绝");
        assert_eq!(capital(""), "");
    }
}
