//! Editing one node: a change like any other, made from the Config in force.

use super::change::{Applied, ChangeError, Wanted};
use super::{Control, Handle};
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
    /// Only tell what would change.
    pub dry_run: bool,
    /// Who makes the change.
    pub author: String,
}

/// A change of several nodes of one pool: all of it or nothing.
#[derive(Debug, Clone)]
pub struct NodesEdit {
    /// The pool's name.
    pub pool: String,
    /// The nodes' names. One that stands here twice is changed once.
    pub nodes: Vec<String>,
    /// What is done to each.
    pub change: NodesChange,
    /// The revision the change was made from; none is any.
    pub if_revision: Option<u64>,
    /// Who makes the change.
    pub author: String,
}

/// What is done to several nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodesChange {
    /// What is wanted of each now.
    State(AdminState),
    /// The new weight of each, 1 to 1000.
    Weight(u64),
    /// Each is taken out of the pool.
    Remove,
}

impl NodesEdit {
    /// `drain django/web-1, django/web-2`.
    fn words(&self) -> String {
        let nodes: Vec<String> = self
            .nodes
            .iter()
            .map(|node| format!("{}/{node}", self.pool))
            .collect();
        let nodes = nodes.join(", ");
        match self.change {
            NodesChange::State(state) => format!("{} {nodes}", verb(state)),
            NodesChange::Weight(weight) => format!("set weight of {nodes} to {weight}"),
            NodesChange::Remove => format!("remove {nodes}"),
        }
    }

    fn make(&self, config: &mut Config) -> Result<(), ChangeError> {
        let mut problems = Problems::default();
        if self.nodes.is_empty() {
            problems.add("nodes", Code::Missing, "must name a node at least");
            return Err(ChangeError::Invalid(problems.into()));
        }
        for name in &self.nodes {
            let node = find(config, &self.pool, name).map_err(ChangeError::NotFound)?;
            match self.change {
                NodesChange::State(state) => node.state = state,
                NodesChange::Weight(weight) => node.weight = in_range(weight)?,
                NodesChange::Remove => {}
            }
        }
        if self.change == NodesChange::Remove {
            let gone = |node: &Node| self.nodes.iter().any(|name| name == node.name.as_str());
            let mut pools = config.pools.iter_mut();
            if let Some(pool) = pools.find(|pool| pool.name.as_str() == self.pool) {
                pool.nodes.retain(|node| !gone(node));
            }
        }
        Ok(())
    }
}

fn verb(state: AdminState) -> &'static str {
    match state {
        AdminState::Enabled => "enable",
        AdminState::Draining => "drain",
        AdminState::Disabled => "disable",
    }
}

impl NodeEdit {
    /// `set weight of django/web-1 to 3`.
    fn words(&self) -> String {
        let node = format!("{}/{}", self.pool, self.node);
        let state = self.state.map(|state| format!("{} {node}", verb(state)));
        let weight = self
            .weight
            .map(|weight| format!("set weight of {node} to {weight}"));
        let all: Vec<String> = weight.into_iter().chain(state).collect();
        all.join(", ")
    }

    fn make(&self, config: &mut Config) -> Result<(), ChangeError> {
        let node = find(config, &self.pool, &self.node).map_err(ChangeError::NotFound)?;
        if let Some(weight) = self.weight {
            node.weight = in_range(weight)?;
        }
        if let Some(state) = self.state {
            node.state = state;
        }
        Ok(())
    }
}

impl Handle {
    /// Changes or removes several nodes of one pool: one change like any other.
    ///
    /// # Errors
    /// Why nothing happened, to none of them.
    pub async fn edit_nodes(&self, edit: NodesEdit) -> Result<Applied, ChangeError> {
        let control = self.control.clone();
        let change = async move { control.edit_nodes(edit).await };
        let done = self.runtime.spawn(change).await;
        done.unwrap_or_else(|error| Err(ChangeError::BrokenOff(error.to_string())))
    }
}

impl Control {
    pub(super) async fn edit_node(&self, edit: NodeEdit) -> Result<Applied, ChangeError> {
        let (words, from) = (edit.words(), edit.if_revision);
        let make = |config: &mut Config| edit.make(config);
        let how = (&*edit.author, edit.dry_run);
        let outcome = self.edit(make, words, from, how).await;
        if !edit.dry_run {
            self.count(&outcome);
        }
        outcome
    }

    pub(super) async fn edit_nodes(&self, edit: NodesEdit) -> Result<Applied, ChangeError> {
        let (words, from) = (edit.words(), edit.if_revision);
        let make = |config: &mut Config| edit.make(config);
        let outcome = self.edit(make, words, from, (&*edit.author, false)).await;
        self.count(&outcome);
        outcome
    }

    async fn edit(
        &self,
        make: impl FnOnce(&mut Config) -> Result<(), ChangeError>,
        words: String,
        if_revision: Option<u64>,
        (author, dry_run): (&str, bool),
    ) -> Result<Applied, ChangeError> {
        let mut writer = self.writer.lock().await;
        let now = self.now.load_full();
        let current = now.snapshot.revision;
        if if_revision.is_some_and(|from| from != current) {
            return Err(ChangeError::Stale { current });
        }
        let mut config = Config::clone(&now.snapshot.config);
        make(&mut config)?;
        let problems = config.check();
        if !problems.is_empty() {
            return Err(ChangeError::Invalid(problems.into()));
        }
        let wanted = Wanted {
            warnings: config.warnings(),
            config,
            dry_run,
            words: Some(words),
            author: author.to_owned(),
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

fn in_range(weight: u64) -> Result<u16, ChangeError> {
    let number = u16::try_from(weight).ok();
    let number = number.filter(|weight| (1..=Node::MAX_WEIGHT).contains(weight));
    number.ok_or_else(|| out_of_range(weight))
}

fn out_of_range(weight: u64) -> ChangeError {
    let mut problems = Problems::default();
    let message = format!("must be 1 to {} (is {weight})", Node::MAX_WEIGHT);
    problems.add("weight", Code::Value, message);
    ChangeError::Invalid(problems.into())
}
