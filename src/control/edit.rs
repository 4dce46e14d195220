//! Editing one node: a change like any other, made from the Config in force.

use super::Control;
use super::change::{Applied, ChangeError, Wanted};
use crate::model::{AdminState, Code, Config, Node, Problems};

/// A change of one node. At least one of weight and state is given.
#[derive(Debug, Clone)]
pub struct NodeEdit {
    /// The pool's name.
    pub pool: String,
    /// The node's name.
    pub node: String,
    /// The new weight, 1 to 1000.
    pub weight: Option<u64>,
    /// What is wanted of it now.
    pub state: Option<AdminState>,
    /// The revision the change was made from; none is any.
    pub if_revision: Option<u64>,
    /// Who makes the change.
    pub author: String,
}

impl NodeEdit {
    /// `set weight of django/web-1 to 3`.
    fn words(&self) -> String {
        let node = format!("{}/{}", self.pool, self.node);
        let state = self.state.map(|state| match state {
            AdminState::Enabled => format!("enable {node}"),
            AdminState::Draining => format!("drain {node}"),
            AdminState::Disabled => format!("disable {node}"),
        });
        let weight = self
            .weight
            .map(|weight| format!("set weight of {node} to {weight}"));
        let all: Vec<String> = weight.into_iter().chain(state).collect();
        all.join(", ")
    }

    fn make(&self, config: &mut Config) -> Result<(), ChangeError> {
        let node = find(config, &self.pool, &self.node).map_err(ChangeError::NotFound)?;
        if let Some(weight) = self.weight {
            let in_range = u16::try_from(weight).ok();
            node.weight = in_range
                .filter(|weight| (1..=Node::MAX_WEIGHT).contains(weight))
                .ok_or_else(|| out_of_range(weight))?;
        }
        if let Some(state) = self.state {
            node.state = state;
        }
        Ok(())
    }
}

impl Control {
    pub(super) async fn edit_node(&self, edit: NodeEdit) -> Result<Applied, ChangeError> {
        let outcome = self.try_edit_node(edit).await;
        self.count(&outcome);
        outcome
    }

    async fn try_edit_node(&self, edit: NodeEdit) -> Result<Applied, ChangeError> {
        let mut writer = self.writer.lock().await;
        let now = self.now.load_full();
        let current = now.snapshot.revision;
        if edit.if_revision.is_some_and(|from| from != current) {
            return Err(ChangeError::Stale { current });
        }
        let mut config = Config::clone(&now.snapshot.config);
        edit.make(&mut config)?;
        let problems = config.check();
        if !problems.is_empty() {
            return Err(ChangeError::Invalid(problems.into()));
        }
        let wanted = Wanted {
            warnings: config.warnings(),
            config,
            dry_run: false,
            words: Some(edit.words()),
            author: edit.author,
        };
        self.change(&mut writer, wanted).await
    }
}

fn find<'c>(config: &'c mut Config, pool: &str, node: &str) -> Result<&'c mut Node, String> {
    let names = |names: Vec<&str>| match names.is_empty() {
        true => "there is none".to_owned(),
        false => format!("there are: {}", names.join(", ")),
    };
    let Some(p) = config.pools.iter().position(|p| p.name.as_str() == pool) else {
        let known = config.pools.iter().map(|p| p.name.as_str()).collect();
        return Err(format!("no pool is named {pool} ({})", names(known)));
    };
    let nodes = &mut config.pools[p].nodes;
    let Some(n) = nodes.iter().position(|n| n.name.as_str() == node) else {
        let known = nodes.iter().map(|n| n.name.as_str()).collect();
        let known = names(known);
        return Err(format!("no node of pool {pool} is named {node} ({known})"));
    };
    Ok(&mut nodes[n])
}

fn out_of_range(weight: u64) -> ChangeError {
    let mut problems = Problems::default();
    let message = format!("must be 1 to {} (is {weight})", Node::MAX_WEIGHT);
    problems.add("weight", Code::Value, message);
    ChangeError::Invalid(problems.into())
}
