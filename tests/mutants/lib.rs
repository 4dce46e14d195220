//! The lower half of the program: what `./dev mutants` breaks, and what that stands on.
#![allow(dead_code, reason = "what uses it is not here")]

pub mod model;

pub mod http;

pub mod balance;

mod proxy {
    mod retry;
}
