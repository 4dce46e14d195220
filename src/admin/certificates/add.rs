//! Adding a certificate: uploaded, made here, or in files.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use serde_json::{Value as Json, json};

use super::{Answer, HERE, Which, beside, fields, refused};
use crate::admin::api::tls::give;
use crate::admin::forms::{Desk, Group, Refused, fill, saved};
use crate::admin::page::{self, Shell};
use crate::admin::request::author;
use crate::control::{ChangeError, GivenCertificate, Handle};
use crate::document::{Part, PartEdit, PartOp};
use crate::model::{CertificateSource, HostPattern, SecretBytes};
use crate::people::People;

/// `POST /certificates/self-signed`: `name`, `hosts`.
pub(in crate::admin) async fn self_signed(
    request: HttpRequest,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    let start = json!({ "self_signed": true });
    add(&desk, Which::SelfSigned, (start, fields::SELF_SIGNED)).await
}

/// `POST /certificates/files`: `name`, `files.chain`, `files.key`, `hosts`.
pub(in crate::admin) async fn files(
    request: HttpRequest,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people, body).await?;
    add(&desk, Which::Files, (json!({}), fields::FILES)).await
}

async fn add(
    desk: &Desk,
    which: Which,
    (mut certificate, groups): (Json, &'static [Group]),
) -> Answer {
    let shell = Shell::of(&desk.request, HERE);
    fill(&mut certificate, groups, &desk.form);
    let part = Part::Certificate(desk.form.get("name").trim().to_owned());
    let edits = vec![PartEdit::new(part, PartOp::Add(certificate))];
    Ok(match desk.change(&shell, edits).await? {
        Ok(applied) => saved(HERE, &applied),
        Err(why) => refused(desk, which, &why),
    })
}

/// `POST /certificates/upload`: `name`, `chain`, `key`, `hosts`. It is kept first; named where it
/// is not yet.
pub(in crate::admin) async fn upload(
    request: HttpRequest,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let desk = Desk::open(request, handle, people.clone(), body).await?;
    let shell = Shell::of(&desk.request, HERE);
    let name = desk.form.get("name").trim().to_owned();
    let config = desk.handle.config();
    let mut named = config.certificates.iter();
    let named = named.find(|one| one.name.as_str() == name);
    let hosts: Vec<&str> = lines(desk.form.get("hosts"));
    let given = GivenCertificate {
        name: name.clone(),
        chain: desk.form.get("chain").to_owned(),
        key: SecretBytes::new(desk.form.get("key").as_bytes()),
        // Before it is kept: what is no host the document's check tells, and of all others it is
        // too late then.
        hosts: match (hosts.as_slice(), named) {
            ([], Some(one)) => one.hosts.clone(),
            (typed, _) => {
                let parsed = typed.iter().map(|host| HostPattern::parse(host));
                parsed.filter_map(Result::ok).collect()
            }
        },
        author: author(&desk.request),
    };
    if let Err(error) = give(&desk.request, (&desk.handle, &people), given).await {
        return Ok(refused(
            &desk,
            Which::Upload,
            &why_not(&desk, &shell, error).await?,
        ));
    }
    let op = match named {
        // A renewal: nothing of the configuration is another.
        Some(one) if one.source == CertificateSource::Uploaded && hosts.is_empty() => {
            return Ok(page::go(HERE));
        }
        Some(_) if hosts.is_empty() => {
            PartOp::Merge(json!({ "uploaded": true, "files": null, "self_signed": null }))
        }
        Some(_) => PartOp::Merge(
            json!({ "uploaded": true, "files": null, "self_signed": null, "hosts": hosts }),
        ),
        None => PartOp::Add(json!({ "uploaded": true, "hosts": hosts })),
    };
    let edits = vec![PartEdit::new(Part::Certificate(name), op)];
    Ok(match desk.change(&shell, edits).await? {
        Ok(applied) => saved(HERE, &applied),
        Err(why) => refused(&desk, Which::Upload, &why),
    })
}

fn lines(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).collect()
}

/// Why one is not kept, each beside its row.
async fn why_not(
    desk: &Desk,
    shell: &Shell,
    error: ChangeError,
) -> Result<Refused, crate::admin::error_page::Wrong> {
    if let ChangeError::Invalid(problems) = &error {
        let place = |found: &crate::document::PlacedProblem| {
            let field = found.problem.field.clone();
            beside(found.clone(), &field)
        };
        return Ok(Refused {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            problems: problems.iter().map(place).collect(),
            trouble: None,
        });
    }
    match desk.told(shell, Err(error)).await? {
        Err(refused) => Ok(refused),
        Ok(_) => Err(crate::admin::error_page::Wrong::NotFound),
    }
}
