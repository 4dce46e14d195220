//! A turn of a connection: the commands that its bytes hold, one after the other, until something is in the way.

use super::command::{Long, Next, Session, Talk};
use super::resp::{May, Parser, Step};
use super::settings::Settings;

/// Wrong passwords of one connection before it is closed.
const WRONG_PASSWORDS: u32 = 10;

/// Answers are written before more commands are carried out, once they have so many bytes.
const ANSWERED: usize = 256 * 1024;

/// Why the commands that were read are not carried out further.
pub(super) enum Stop {
    /// There are no more.
    Read,
    /// Answers wait to be written.
    Written,
    /// The journal has to say whether it takes the next.
    Admit,
    /// What is in force lets nothing through for a moment.
    Hold,
    Long(Long),
    Close,
}

pub(super) fn may(settings: &Settings, session: &Session) -> May {
    May {
        // Other words of a command may have some length although values may not.
        argument: settings.max_value.max(64 * 1024),
        known: session.rights.is_some(),
    }
}

/// Carries out one command after the other, until there are no more or something is in the way.
pub(super) fn commands(talk: &mut Talk<'_>, parser: &mut Parser, input: &[u8]) -> (usize, Stop) {
    let mut used = 0;
    loop {
        let may = may(talk.settings, talk.session);
        let rest = &input[used..];
        match parser.step(rest, may) {
            Step::More(not_needed) => return (used + not_needed, Stop::Read),
            Step::Empty(length) => used += length,
            Step::TooLong(length) => {
                used += length;
                let from = talk.out.bytes.len();
                talk.too_long();
                talk.said(from);
            }
            Step::Broken(text) => {
                let from = talk.out.bytes.len();
                talk.out.error(text.as_bytes());
                talk.said(from);
                return (input.len(), Stop::Close);
            }
            Step::Command(length) => {
                let args = parser.args(rest);
                let next = talk.execute(args);
                let again = match next {
                    Next::Admit => Some(Stop::Admit),
                    Next::Hold => Some(Stop::Hold),
                    Next::First => Some(Stop::Written),
                    Next::Go | Next::Close | Next::Long(_) => None,
                };
                if let Some(stop) = again {
                    // The same is read again, whole.
                    parser.again();
                    return (used, stop);
                }
                talk.admitted = false;
                used += length;
                match next {
                    Next::Close => return (input.len(), Stop::Close),
                    Next::Long(long) => return (used, Stop::Long(long)),
                    Next::Go | Next::Admit | Next::Hold | Next::First => {}
                }
            }
        }
        if talk.session.wrong_passwords >= WRONG_PASSWORDS {
            return (input.len(), Stop::Close);
        }
        if talk.out.bytes.len() >= ANSWERED || talk.waste.len() > 64 {
            return (used, Stop::Written);
        }
    }
}
