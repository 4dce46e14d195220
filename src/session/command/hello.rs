//! Commands about the connection itself: who it is, which protocol, which database.

use super::refusal::{NOT_INTEGER, SYNTAX, WRONG_PASSWORD};
use super::{Call, Done, Refusal};
use crate::session::memory::DATABASES;
use crate::session::resp::integer;
use crate::session::shared::add;

/// The version that clients are told: they choose by it what they ask.
pub(super) const VERSION: &str = "7.2.0";

pub(super) fn ping(call: &mut Call<'_, '_, '_>) -> Done {
    match call.args.len() {
        1 => call.out.simple("PONG"),
        2 => call.out.bulk(call.args.get(1)),
        _ => return Err(Refusal::arity("ping")),
    }
    Ok(())
}

pub(super) fn echo(call: &mut Call<'_, '_, '_>) -> Done {
    call.out.bulk(call.args.get(1));
    Ok(())
}

pub(super) fn auth(call: &mut Call<'_, '_, '_>) -> Done {
    let (user, password): (&[u8], &[u8]) = match call.args.len() {
        2 if !call.settings.databases.has_password() => {
            return Err(Refusal::of(
                "ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            ));
        }
        2 => (b"default", call.args.get(1)),
        3 => (call.args.get(1), call.args.get(2)),
        _ => return Err(SYNTAX),
    };
    let_in(call, user, password)?;
    call.out.ok();
    Ok(())
}

fn let_in(call: &mut Call<'_, '_, '_>, user: &[u8], password: &[u8]) -> Done {
    match call.settings.databases.opened_by(user, password) {
        Some(rights) => {
            call.session.settle(call.shared);
            call.session.wrong_passwords = 0;
            call.session.rights = Some(rights);
            // Only a change of the password leaves a connection in a database that it may not use.
            if let Some(home) = rights.home {
                call.session.database = home;
            }
            Ok(())
        }
        None => {
            call.session.wrong_passwords += 1;
            add(&call.shared.counters.wrong_passwords, 1);
            Err(WRONG_PASSWORD)
        }
    }
}

pub(super) fn hello(call: &mut Call<'_, '_, '_>) -> Done {
    let mut three = call.out.three;
    if call.args.len() > 1 {
        let version = integer(call.args.get(1)).ok_or(Refusal::of(
            "ERR Protocol version is not an integer or out of range",
        ))?;
        three = match version {
            2 => false,
            3 => true,
            _ => return Err(Refusal::of("NOPROTO unsupported protocol version")),
        };
    }
    let mut name = None;
    let mut at = 2;
    while at < call.args.len() {
        let word = call.args.get(at);
        let more = call.args.len() - 1 - at;
        if word.eq_ignore_ascii_case(b"AUTH") && more >= 2 {
            let_in(call, call.args.get(at + 1), call.args.get(at + 2))?;
            at += 3;
        } else if word.eq_ignore_ascii_case(b"SETNAME") && more >= 1 {
            name = Some(checked_name(call.args.get(at + 1))?);
            at += 2;
        } else {
            let shown = word.split(|byte| *byte == 0).next().unwrap_or_default();
            return Err(Refusal::with(
                [b"ERR Syntax error in HELLO option '", shown, b"'"].concat(),
            ));
        }
    }
    if call.session.rights.is_none() {
        return Err(Refusal::of(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
             <user> <pass> option can be used to authenticate the client and select the RESP protocol version at \
             the same time",
        ));
    }
    if let Some(name) = name {
        call.session.name = name.to_vec();
    }
    call.out.three = three;
    let id = i64::try_from(call.session.id).unwrap_or(i64::MAX);
    let out = &mut *call.out;
    out.map(7);
    out.bulk(b"server");
    out.bulk(b"redis");
    out.bulk(b"version");
    out.bulk(VERSION.as_bytes());
    out.bulk(b"proto");
    out.integer(if three { 3 } else { 2 });
    out.bulk(b"id");
    out.integer(id);
    out.bulk(b"mode");
    out.bulk(b"standalone");
    out.bulk(b"role");
    out.bulk(b"master");
    out.bulk(b"modules");
    out.array(0);
    Ok(())
}

/// A client's name, as it may stand in a list.
fn checked_name(name: &[u8]) -> Result<&[u8], Refusal> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) && name.len() <= 256 {
        return Ok(name);
    }
    Err(Refusal::of(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}

pub(super) fn client(call: &mut Call<'_, '_, '_>) -> Done {
    let word = call.args.get(1).to_ascii_lowercase();
    match &word[..] {
        b"setname" => {
            call.session.name = checked_name(call.args.get(2))?.to_vec();
            call.out.ok();
        }
        b"getname" if call.session.name.is_empty() => call.out.null(),
        b"getname" => call.out.bulk(&call.session.name),
        b"id" => {
            let id = i64::try_from(call.session.id).unwrap_or(i64::MAX);
            call.out.integer(id);
        }
        // Libraries tell their name; nobody asks for it here.
        _ => call.out.ok(),
    }
    Ok(())
}

/// The number of a database.
pub(super) fn database(text: &[u8]) -> Result<u8, Refusal> {
    let number = integer(text).ok_or(NOT_INTEGER)?;
    if i32::try_from(number).is_err() {
        return Err(Refusal::of(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        ));
    }
    let number = u8::try_from(number)
        .ok()
        .filter(|number| *number < DATABASES);
    number.ok_or(Refusal::of("ERR DB index is out of range"))
}

pub(super) fn select(call: &mut Call<'_, '_, '_>) -> Done {
    let database = database(call.args.get(1))?;
    if !call.session.may(database) {
        return Err(Refusal::with(format!(
            "NOPERM this password does not open database {database}"
        )));
    }
    call.session.settle(call.shared);
    call.session.database = database;
    call.keys.select(database);
    call.out.ok();
    Ok(())
}
