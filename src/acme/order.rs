//! One order: from the hosts that a certificate is wanted for to the chain that was issued.

use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    AuthorizationStatus, ChallengeType, Error, NewOrder, OrderStatus, Problem, RetryPolicy,
};
use tokio::time::timeout;

use super::account::Account;
use super::alpn::challenge_certificate;
use super::issued::{Issued, Wish, identifier};
use super::outstanding::{Outstanding, Shown};
use super::problem::{Kind, plain};
use super::trouble::{Failed, Trouble};
use crate::model::AcmeChallenge;
use crate::tls::Engine;

/// How long an authority may look at what it was shown, and how long it may take to issue. Those
/// known take seconds; one with much to do says how long.
const LOOKING: Duration = Duration::from_secs(90);

/// How long an order may take in all: a hundred names, each looked at from several places.
const ORDER: Duration = Duration::from_secs(300);

/// Limit: of an authority's own words, in characters.
const SAID: usize = 300;

/// What is wanted, and how it is shown to be ours.
#[derive(Debug)]
pub struct Order<'o> {
    /// The hosts.
    pub hosts: &'o [String],
    /// How each is shown to be ours.
    pub challenge: AcmeChallenge,
    /// What makes the certificates of tls-alpn-01.
    pub engine: &'o Engine,
    /// Where the data plane looks.
    pub outstanding: &'o Arc<Outstanding>,
}

/// Orders a certificate, and waits for it.
///
/// # Errors
/// Why there is none.
pub async fn obtain(account: &Account, order: &Order<'_>) -> Result<Issued, Failed> {
    let done = timeout(ORDER, try_obtain(account, order)).await;
    let done = done.unwrap_or(Err(Stop::Ours(Trouble::Unfinished { waited: ORDER })));
    done.map_err(|stop| {
        let trouble = match stop {
            Stop::Ours(trouble) => trouble,
            Stop::Theirs(error) => Trouble::of(error, account.asked.status()),
        };
        account.asked.failed(trouble)
    })
}

// Where an order ended.
enum Stop {
    Ours(Trouble),
    Theirs(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Theirs(error)
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Ours(trouble)
    }
}

async fn try_obtain(account: &Account, wanted: &Order<'_>) -> Result<Issued, Stop> {
    let identifiers: Vec<_> = wanted.hosts.iter().map(|host| identifier(host)).collect();
    let mut order = account
        .inner
        .new_order(&NewOrder::new(&identifiers))
        .await?;
    let shown = show(&mut order, wanted).await?;
    let patience = RetryPolicy::new()
        .initial_delay(Duration::from_millis(250))
        .timeout(LOOKING);
    match order.poll_ready(&patience).await {
        Ok(OrderStatus::Ready) => {}
        Ok(_) => return Err(why_not(&mut order).await),
        Err(Error::Api(said)) => {
            return Err(match why_not(&mut order).await {
                Stop::Ours(trouble @ Trouble::Refused { .. }) => trouble.into(),
                _ => Error::Api(said).into(),
            });
        }
        Err(error) => return Err(error.into()),
    }
    drop(shown);
    let wish = Wish::new(wanted.hosts)?;
    order.finalize_csr(&wish.request).await?;
    let chain = order.poll_certificate(&patience).await?;
    Ok(wish.fulfilled(chain))
}

/// Shows what the authority wants to see of each host that it does not believe yet, and says so.
async fn show(order: &mut instant_acme::Order, wanted: &Order<'_>) -> Result<Vec<Shown>, Stop> {
    let kind = match wanted.challenge {
        AcmeChallenge::Http01 => ChallengeType::Http01,
        AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
    };
    let mut shown = Vec::new();
    let mut all = order.authorizations();
    while let Some(authorization) = all.next().await {
        let mut authorization = authorization?;
        let host = authorization.identifier().to_string();
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let challenge = authorization.challenge(kind.clone());
        let mut challenge = challenge.ok_or_else(|| Trouble::NoChallenge {
            host: host.clone(),
            challenge: wanted.challenge,
        })?;
        let proof = challenge.key_authorization();
        shown.push(match wanted.challenge {
            AcmeChallenge::Http01 => wanted
                .outstanding
                .show_token(&challenge.token, proof.as_str()),
            AcmeChallenge::TlsAlpn01 => {
                let digest = proof.digest();
                let made = challenge_certificate(wanted.engine, &host, digest.as_ref());
                let handshake = made.map_err(|why| Trouble::Ours { why })?;
                wanted.outstanding.show_host(&handshake.0, handshake.1)
            }
        });
        challenge.set_ready().await?;
    }
    Ok(shown)
}

/// Why an order that was given up was: what was said of the first host that failed.
async fn why_not(order: &mut instant_acme::Order) -> Stop {
    let mut all = order.authorizations();
    while let Some(authorization) = all.next().await {
        let Ok(mut authorization) = authorization else {
            break;
        };
        let host = authorization.identifier().to_string();
        let Ok(state) = authorization.refresh().await else {
            break;
        };
        let mut errors = state.challenges.iter().filter_map(|c| c.error.as_ref());
        if let Some(problem) = errors.next() {
            return Stop::Ours(refused(problem, Some(host)));
        }
    }
    Stop::Ours(Trouble::NotAcme {
        what: "an order that failed without a reason".to_owned(),
    })
}

fn refused(problem: &Problem, host: Option<String>) -> Trouble {
    // Of several the first says enough: the others mostly say the same of other names.
    if let Some(first) = problem.subproblems.first() {
        let of = first.identifier.as_ref();
        return Trouble::Refused {
            kind: Kind::parse(first.r#type.as_deref()),
            said: plain(first.detail.as_deref().unwrap_or_default(), SAID),
            host: of
                .map(|of| plain(&of.clone().authorized(false).to_string(), 100))
                .or(host),
        };
    }
    Trouble::Refused {
        kind: Kind::parse(problem.r#type.as_deref()),
        said: plain(problem.detail.as_deref().unwrap_or_default(), SAID),
        host,
    }
}

impl Trouble {
    /// Of what instant-acme says, behind an answer with `status`.
    pub(super) fn of(error: Error, status: u16) -> Self {
        match error {
            Error::Api(problem) if problem.r#type.is_none() && problem.detail.is_none() => {
                Self::Status(problem.status.unwrap_or(status))
            }
            Error::Api(problem) => refused(&problem, None),
            Error::Timeout(_) => Self::Unfinished { waited: LOOKING },
            Error::Other(error) => match error.downcast::<Self>() {
                Ok(trouble) => *trouble,
                Err(error) => Self::Ours {
                    why: plain(&error.to_string(), SAID),
                },
            },
            Error::Json(_) if status >= 400 => Self::Status(status),
            Error::Json(error) => Self::NotAcme {
                what: plain(&error.to_string(), SAID),
            },
            Error::Crypto | Error::KeyRejected => Self::Ours {
                why: error.to_string(),
            },
            error => Self::NotAcme {
                what: plain(&error.to_string(), SAID),
            },
        }
    }
}
