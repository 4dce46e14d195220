//! `hsts` of a site.

use std::time::Duration;

use super::reader::Reader;
use super::tree::Tree;
use super::value::{Fault, flag, time};
use super::writer::Writer;
use crate::model::{Code, Hsts};

/// Longer ones are likelier a wrong unit than a wish.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

pub(super) fn read(r: &mut Reader<'_, '_>) -> Hsts {
    let d = Hsts::default();
    let hsts = Hsts {
        max_age: r.get("max_age", d.max_age, max_age),
        subdomains: r.get("subdomains", d.subdomains, flag),
        preload: r.get("preload", d.preload, flag),
    };
    let is_enough = hsts.subdomains && hsts.max_age >= Hsts::PRELOAD;
    if hsts.preload && !is_enough && !r.failed("max_age") && !r.failed("subdomains") {
        let words = "browsers are shipped only with sites that have subdomains = true and max_age = \"365d\" or more";
        r.note_key("preload", Fault::new(Code::Conflict, words));
    }
    hsts
}

fn max_age(tree: &Tree) -> Result<Duration, Fault> {
    let read = time(Duration::ZERO..=LONGEST)(tree)?;
    if read.subsec_nanos() != 0 {
        let words = "must be whole seconds: browsers are told no parts of them";
        return Err(Fault::value(words));
    }
    Ok(read)
}

pub(super) fn write(w: &mut Writer, hsts: &Hsts) {
    let d = Hsts::default();
    w.time("max_age", hsts.max_age, d.max_age);
    w.field("subdomains", hsts.subdomains, d.subdomains);
    w.field("preload", hsts.preload, d.preload);
}
