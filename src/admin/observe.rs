//! What monitors ask on the admin address.

use std::net::IpAddr;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde_json::json;

use super::answer;
use crate::control::{Handle, Readiness};
use crate::metrics::CONTENT_TYPE;
use crate::model::{Admin, MetricsAccess};

/// `GET /metrics`: the Prometheus text.
pub(super) async fn metrics(handle: Data<Handle>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(CONTENT_TYPE)
        .body(handle.metrics())
}

/// `GET /healthz`: the process is alive.
pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok")
}

/// `GET /readyz`: requests can be served. An outer balancer must not take us away while
/// we can serve, so `degraded` is 200.
pub(super) async fn readyz(handle: Data<Handle>) -> HttpResponse {
    let word = match handle.readiness() {
        Readiness::Ready => "ready",
        Readiness::Degraded { .. } => "degraded",
        Readiness::NotReady { reasons } => {
            let body = json!({ "ready": false, "reasons": reasons });
            return answer::with_status(StatusCode::SERVICE_UNAVAILABLE, &body);
        }
    };
    HttpResponse::Ok().content_type("text/plain").body(word)
}

fn is_allowed(admin: &Admin, peer: IpAddr) -> bool {
    admin.allow.iter().any(|net| net.contains(&peer))
}

/// Whether the client may ask anything: who is on this machine, and else whom `allow` admits.
pub(super) fn may_ask(admin: &Admin, peer: Option<IpAddr>) -> bool {
    peer.is_some_and(|peer| peer.is_loopback() || admin.allow.is_empty() || is_allowed(admin, peer))
}

/// Whether the client may read `/metrics` and `/check_status` without saying who they are.
pub(super) fn may_read_metrics(admin: &Admin, peer: Option<IpAddr>) -> bool {
    peer.is_some_and(|peer| {
        peer.is_loopback()
            || match admin.metrics {
                MetricsAccess::Token => false,
                MetricsAccess::Allow => is_allowed(admin, peer),
                MetricsAccess::Public => true,
            }
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{may_ask, may_read_metrics};
    use crate::model::{Admin, MetricsAccess};

    fn admin(allow: &[&str], metrics: MetricsAccess) -> Admin {
        Admin {
            allow: allow.iter().map(|net| net.parse().unwrap()).collect(),
            metrics,
            ..Admin::default()
        }
    }

    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_allow_list_keeps_everybody_else_out_but_this_machine() {
        let admin = admin(&["10.0.0.0/8"], MetricsAccess::Public);
        assert!(may_ask(&admin, at("10.1.2.3")));
        assert!(may_ask(&admin, at("127.0.0.1")));
        assert!(!may_ask(&admin, at("192.0.2.1")));
        assert!(!may_ask(&admin, None));
    }

    #[test]
    fn metrics_are_for_this_machine_unless_the_config_says_more() {
        for (metrics, near, far) in [
            (MetricsAccess::Token, false, false),
            (MetricsAccess::Allow, true, false),
            (MetricsAccess::Public, true, true),
        ] {
            let admin = admin(&["10.0.0.0/8"], metrics);
            assert!(may_read_metrics(&admin, at("::1")));
            assert_eq!(
                may_read_metrics(&admin, at("10.1.2.3")),
                near,
                "{metrics:?}"
            );
            assert_eq!(
                may_read_metrics(&admin, at("192.0.2.1")),
                far,
                "{metrics:?}"
            );
        }
    }
}
