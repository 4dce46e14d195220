//! `[[acme]]`.

use super::files::absolute;
use super::reader::{Field, Reader};
use super::secret;
use super::tree::Value;
use super::value::{Fault, parsed, parsed_or_empty, word};
use super::writer::Writer;
use crate::model::{Acme, AcmeChallenge, AcmeDirectory, Code, ExternalAccount, Secret, email};

pub(super) fn read(r: &mut Reader<'_, '_>) -> Acme {
    let d = Acme::new(r.name("name"));
    let challenge = word(&AcmeChallenge::ALL, AcmeChallenge::as_str, &[]);
    Acme {
        directory: r.get("directory", d.directory, parsed(AcmeDirectory::parse)),
        email: r.get("email", d.email, parsed_or_empty(email)),
        challenge: r.get("challenge", d.challenge, challenge),
        eab: r.table("eab", read_eab).flatten(),
        ca: r.get("ca", d.ca, parsed_or_empty(absolute)),
        name: d.name,
    }
}

/// Two empty values say nothing, as no key does.
fn read_eab(r: &mut Reader<'_, '_>) -> Option<ExternalAccount> {
    let key_id = r.get("key_id", None, parsed_or_empty(key_id));
    let is_empty =
        |field: Field<'_>| matches!(&field.tree.value, Value::Text(text) if text.is_empty());
    let hmac = match r.take("hmac").is_some_and(is_empty) {
        true => Secret::Absent,
        false => secret::read(r, "hmac"),
    };
    if key_id.is_none() && hmac != Secret::Absent && !r.failed("key_id") {
        r.note_key("key_id", Fault::new(Code::Missing, "is missing"));
    }
    key_id.map(|key_id| ExternalAccount { key_id, hmac })
}

fn key_id(text: &str) -> Result<String, String> {
    match text.len() > ExternalAccount::MAX_KEY_ID {
        true => Err(format!(
            "must be at most {} bytes",
            ExternalAccount::MAX_KEY_ID
        )),
        false if text.bytes().all(|b| b.is_ascii_graphic()) => Ok(text.to_owned()),
        false => Err(format!(
            "must be one word of letters and signs of ASCII (is {text:?})"
        )),
    }
}

pub(super) fn write(w: &mut Writer, acme: &Acme) {
    let d = Acme::new(acme.name.clone());
    w.always("name", acme.name.as_str());
    let directory = |acme: &Acme| acme.directory.to_string();
    w.field("directory", directory(acme), directory(&d));
    w.field("email", acme.email.as_deref().unwrap_or(""), "");
    w.field("challenge", acme.challenge.as_str(), d.challenge.as_str());
    if let Some(eab) = &acme.eab {
        w.table_always("eab", |w| {
            w.always("key_id", eab.key_id.as_str());
            secret::write(w, "hmac", &eab.hmac);
        });
    }
    let ca = acme.ca.as_ref().map(|path| path.to_string_lossy());
    w.field("ca", ca.unwrap_or_default(), "".into());
}
