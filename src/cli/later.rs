//! Verbs of later capabilities: refused by name, so that «unknown» and «not yet»
//! can be told apart.

use std::ffi::OsString;

use clap::{Args, Subcommand};

use super::output::Failure;

/// A verb that belongs to a later capability.
#[derive(Debug, Subcommand)]
pub(super) enum Later {
    #[command(hide = true, disable_help_flag = true)]
    Import(Rest),
}

/// Whatever stands after the verb.
#[derive(Debug, Args)]
pub(super) struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

impl Later {
    /// Why it cannot be done.
    pub(super) fn refuse(self) -> Failure {
        let (verb, _) = match self {
            Self::Import(rest) => ("import", rest.words),
        };
        not_available(verb)
    }
}

/// The refusal of something that a later version does.
pub(super) fn not_available(what: &str) -> Failure {
    Failure::usage(format!("`{what}` is not available in this version"))
}
