//! Forwarding: one node after the other, until one answers or none may be asked.

use std::sync::Arc;

use tokio::time::Instant;

use super::Reason;
use super::answer::{self, Answer};
use super::attempt::{Answered, attempt};
use super::connection::{Client, Next};
use super::deliver::deliver;
use super::exchange::Exchange;
use super::failure::Failure;
use super::hash_key::asker;
use super::request::{RequestBody, Trail, Try};
use super::request_body::{Taken, take_in};
use super::retry::{Situation, is_retried};
use super::tunnel::Tunnel;
use super::upgrade::check;
use super::waiting::wait;
use crate::balance::{Bound, Lease, Leasing, Tried, unix_now};
use crate::http::ResponseHead;
use crate::metrics::{NodeErrorKind, RetryReason, Series};
use crate::model::{Condition, Policy};
use crate::snapshot::{Pool, Route};

/// A request on its way to a pool.
#[derive(Clone, Copy)]
pub(super) struct Forwarding<'f, 'x> {
    pub(super) exchange: &'f Exchange<'x>,
    pub(super) route: &'x Route,
    pub(super) pool: &'x Pool,
    /// Per node, what it answered for the site.
    pub(super) series: &'x [Arc<Series>],
    /// The node that the client's cookie binds it to.
    pub(super) bound: Option<Bound>,
}

/// The two sides of a forwarded request.
pub(super) struct Sides<'s> {
    pub(super) client: &'s mut Client,
    pub(super) response: &'s mut ResponseHead,
    pub(super) body: &'s mut RequestBody,
}

/// What is to be done before a node is asked.
pub(super) enum Prepared {
    Ready,
    /// The body took its time, and another snapshot is in force by now.
    Stale,
    Answered(Next),
}

/// Finds what the client should be refused, and takes the request's body in.
pub(super) async fn prepare(
    this: &Forwarding<'_, '_>,
    sides: &mut Sides<'_>,
    trail: &mut Trail<'_>,
) -> Prepared {
    let exchange = this.exchange;
    if let Err(reason) = check(&exchange.request, this.route) {
        let refused = answer::refuse(exchange, sides.client, trail, reason).await;
        return Prepared::Answered(refused);
    }
    match take_in(this, sides).await {
        Ok(Taken::AtOnce) => Prepared::Ready,
        Ok(Taken::InTime) => match exchange.is_stale(sides.client) {
            true => Prepared::Stale,
            false => Prepared::Ready,
        },
        Err(reason) => {
            sides.body.reader = None;
            Prepared::Answered(this.refuse(sides, trail, reason).await)
        }
    }
}

/// Forwards the request to a node of the pool, and to others where that fails and may be
/// repeated.
pub(super) async fn forward<'x>(
    this: Forwarding<'_, 'x>,
    mut sides: Sides<'_>,
    trail: &mut Trail<'x>,
) -> Next {
    let pool = this.pool;
    let clock = &this.exchange.worker.clock;
    let mut course = Course::new(clock.now());
    pool.balancer.count_request(clock.now());
    trail.pool = Some(pool.balancer.name().as_str());
    let this = this.if_still_bound();
    let mut lease = match this.lease(&mut sides, trail, &mut course.tried).await {
        Ok(lease) => lease,
        Err(reason) => return this.refuse(&mut sides, trail, reason).await,
    };
    loop {
        let index = lease.index();
        let (mut note, begun) = (this.begin_try(index), clock.now());
        let result = attempt(&this, &mut sides, &lease, &course.tried, &mut note).await;
        let verdict = this.judge(&result, &sides, trail, &course);
        this.clock(index, &result, &note, begun);
        note.status = result.is_ok().then_some(sides.response.status);
        note.reason = result.as_ref().err().map(Failure::reason);
        trail.tries.push(note);
        this.count(index, &result, verdict.fault, &mut course);
        match result {
            Ok(answered) => {
                if let Some(reason) = verdict.retry
                    && let Some(next) = this.better_lease(&mut course.tried)
                {
                    this.exchange.worker.metrics.count_retry(reason);
                    lease = next;
                    continue;
                }
                if verdict.fault.is_none() {
                    this.acquit_or_convict(index, &course);
                }
                trail.node = Some(pool.balancer.nodes()[index].name.as_str());
                trail.series = this.series.get(index);
                // It is not sent again: who takes the answer slowly must not keep its room.
                sides.body.held = None;
                return match sides.response.status {
                    101 => Tunnel::begin(&this, &mut sides, answered, lease, trail),
                    _ => deliver(&this, &mut sides, answered, lease, trail).await,
                };
            }
            Err(failure) => {
                // Its place is free for others while this request may wait for another node.
                drop(lease);
                let mut why = failure.reason();
                if let Some(reason) = verdict.retry
                    && this.may_go_on(&failure)
                {
                    match this.lease(&mut sides, trail, &mut course.tried).await {
                        Ok(next) => {
                            this.exchange.worker.metrics.count_retry(reason);
                            lease = next;
                            continue;
                        }
                        Err(Reason::ClientGone) => why = Reason::ClientGone,
                        // What went wrong with a node says more than that no other is free.
                        Err(_) => {}
                    }
                }
                return this.refuse(&mut sides, trail, why).await;
            }
        }
    }
}

/// What is known of the tries so far.
struct Course {
    /// When the first node was to be asked: how long its client took to send the body is no
    /// node's fault.
    began: Instant,
    tried: Tried,
    /// Nodes that failed in a way that could be the request's own doing: held against them
    /// only once another node has answered the same request (else one broken URL would
    /// eject every node).
    suspects: Vec<usize>,
}

impl Course {
    fn new(began: Instant) -> Self {
        Self {
            began,
            tried: Tried::default(),
            suspects: Vec::new(),
        }
    }
}

/// What a try's result means.
#[derive(Clone, Copy)]
struct Verdict {
    /// What was wrong, if anything.
    fault: Option<NodeErrorKind>,
    /// Why another node may be asked, if it may.
    retry: Option<RetryReason>,
}

impl<'x> Forwarding<'_, 'x> {
    pub(super) fn now(&self) -> Instant {
        self.exchange.worker.clock.now()
    }

    /// Its body may have taken longer to come than the binding lasted, and the node be drained.
    /// Where it lasts, the node is told of its client.
    fn if_still_bound(self) -> Self {
        let bound = self.bound.filter(|bound| bound.lasts(unix_now()));
        if let Some(bound) = bound {
            self.pool.balancer.see(bound, unix_now());
        }
        Self { bound, ..self }
    }

    /// A node for the request, which may have to wait for it.
    async fn lease(
        &self,
        sides: &mut Sides<'_>,
        trail: &mut Trail<'x>,
        tried: &mut Tried,
    ) -> Result<Lease<'x>, Reason> {
        let lease = match self.ask(tried) {
            Leasing::Leased(lease) => lease,
            Leasing::Wait(waiting) => {
                let began = self.now();
                let waited = wait(self, sides, waiting).await;
                trail.queued += self.now() - began;
                waited?
            }
            Leasing::Full => return Err(Reason::QueueFull),
            Leasing::NoNode => return Err(Reason::NoNode),
        };
        tried.insert(lease.index());
        Ok(lease)
    }

    fn ask(&self, tried: &Tried) -> Leasing<'x> {
        let asker = asker(&self.exchange.request.view(), self.pool, self.bound);
        self.pool.balancer.lease(asker, tried, self.now())
    }

    /// A node to ask in place of the one that has answered with a status the pool does not
    /// want. An answer in hand is not given up for a node that is down, nor to wait.
    fn better_lease(&self, tried: &mut Tried) -> Option<Lease<'x>> {
        if !self.pool.balancer.may_retry(self.now()) {
            return None;
        }
        match self.ask(tried) {
            Leasing::Leased(lease) => {
                tried.insert(lease.index());
                (!lease.fail_open).then_some(lease)
            }
            Leasing::Wait(_) | Leasing::Full | Leasing::NoNode => None,
        }
    }

    /// Whether retries have not become the greater part of what the pool is asked.
    fn may_go_on(&self, failure: &Failure) -> bool {
        matches!(failure, Failure::WentDown) || self.pool.balancer.may_retry(self.now())
    }

    fn begin_try(&self, index: usize) -> Try<'x> {
        Try {
            node: self.pool.balancer.nodes()[index].name.as_str(),
            address: self.pool.addresses[index].as_str(),
            status: None,
            reason: None,
            connect: None,
            first_byte: None,
        }
    }

    fn judge(
        &self,
        result: &Result<Answered, Failure>,
        sides: &Sides<'_>,
        trail: &Trail<'_>,
        course: &Course,
    ) -> Verdict {
        let retry = &self.pool.config.retry;
        let (condition, fault, reason) = match result {
            Ok(_) => {
                let condition = Condition::Status(sides.response.status);
                let failed = retry.on.contains(&condition) && sides.response.status >= 429;
                let fault = failed.then_some(NodeErrorKind::Status);
                (condition, fault, RetryReason::Status)
            }
            Err(failure) => match failure.condition() {
                Some((condition, fault, reason)) => (condition, Some(fault), reason),
                // The client's doing: nothing is held against the node.
                None => {
                    return Verdict {
                        fault: None,
                        retry: None,
                    };
                }
            },
        };
        let situation = Situation {
            condition,
            sent: result.as_ref().err().is_none_or(Failure::was_sent),
            idempotent: self.exchange.request.is_idempotent(),
            body_started: sides.body.started,
            tries: u32::try_from(trail.tries.len())
                .unwrap_or(u32::MAX)
                .saturating_add(1),
            elapsed: (self.now() - course.began).saturating_sub(trail.queued),
            went_down: matches!(result, Err(Failure::WentDown)),
        };
        Verdict {
            fault,
            retry: is_retried(retry, &situation).then_some(reason),
        }
    }

    /// Counts how fast the node was, and tells the balancer if it wants to know. One that fails fast is no fast node: it
    /// took as long as the longest that a node may take to connect.
    fn clock(
        &self,
        index: usize,
        result: &Result<Answered, Failure>,
        note: &Try<'_>,
        begun: Instant,
    ) {
        let counters = &self.pool.counters[index];
        let connected = !matches!(result, Err(Failure::Connect(_)));
        for (took, durations) in [
            (note.connect.filter(|_| connected), &counters.connect),
            (note.first_byte, &counters.first_byte),
        ] {
            took.into_iter().for_each(|took| durations.count(took));
        }
        if self.pool.config.policy != Policy::LeastTime {
            return;
        }
        let now = self.now();
        let took = match result {
            Ok(_) => note.connect.unwrap_or_default() + note.first_byte.unwrap_or_default(),
            Err(failure) if failure.is_the_node_s() => {
                (now - begun).max(self.pool.config.connect_timeout)
            }
            Err(_) => return,
        };
        self.pool.balancer.took(index, took, now);
    }

    fn count(
        &self,
        index: usize,
        result: &Result<Answered, Failure>,
        fault: Option<NodeErrorKind>,
        course: &mut Course,
    ) {
        let Some(fault) = fault else { return };
        if let Err(failure) = result {
            let candidate = &self.pool.balancer.nodes()[index];
            tracing::debug!(
                "node {}/{} {failure}",
                self.pool.config.name,
                candidate.name
            );
        }
        self.pool.counters[index].count(fault);
        self.pool.balancer.nodes()[index].state.count_error();
        match result {
            Err(failure) if failure.speaks_for_itself() => {
                self.pool.balancer.failed(index, self.now());
            }
            // Its checks have told already.
            Err(Failure::WentDown) => {}
            Ok(_) | Err(_) => course.suspects.push(index),
        }
    }

    /// A node answered acceptably: so it could be done, and those that did not are to blame.
    fn acquit_or_convict(&self, index: usize, course: &Course) {
        self.pool.balancer.succeeded(index);
        for suspect in course.suspects.iter().filter(|suspect| **suspect != index) {
            self.pool.balancer.failed(*suspect, self.now());
        }
    }

    async fn refuse(&self, sides: &mut Sides<'_>, trail: &mut Trail<'_>, reason: Reason) -> Next {
        if reason == Reason::ClientGone {
            trail.status = reason.status();
            trail.reason = Some(reason);
            return Next::Close;
        }
        let answer = Answer::refusal(self.exchange, reason);
        answer::local(self.exchange, sides.client, sides.body, trail, answer).await
    }
}
