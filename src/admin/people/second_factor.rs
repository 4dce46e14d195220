//! A code besides the password: switching it on with an app, and off, one's own or another's.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{ENTRY, Fault, forms, show};
use crate::admin::error_page::Wrong;
use crate::admin::form::Form;
use crate::admin::identity;
use crate::admin::page::{self, Shell};
use crate::admin::sign_in::visitor;
use crate::admin::texts::Texts;
use crate::people::{EnrolFault, Enrolment, People, PeopleError, SignIn, SignInFault, User};

type Answer = Result<HttpResponse, Wrong>;

/// Where a new seed is shown.
const ENROL: &str = "/people/second-factor";

/// The seed, as a picture and as text.
#[derive(Template)]
#[template(path = "people/enrol.html")]
struct Enrol {
    shell: Shell,
    shown: Enrolment,
    picture: Picture,
    fault: &'static str,
}

/// The recovery codes, the one time they are shown.
#[derive(Template)]
#[template(path = "people/recovery.html")]
struct Recovery {
    shell: Shell,
    codes: Vec<String>,
}

/// Asks before another's is switched off.
#[derive(Template)]
#[template(path = "people/reset_factor.html")]
struct AskReset {
    shell: Shell,
    user: User,
    fault: String,
}

/// A QR code as what SVG draws, with four modules of nothing around it.
struct Picture {
    side: usize,
    path: String,
}

impl Picture {
    fn of(text: &str) -> Result<Self, Wrong> {
        let code = qrcode::QrCode::new(text).map_err(|_| Wrong::Internal)?;
        let (width, colors) = (code.width(), code.to_colors());
        let mut path = String::new();
        for (y, row) in colors.chunks(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|one, next| one == next) {
                if run.first() == Some(&qrcode::Color::Dark) {
                    let (left, top, long) = (x + 4, y + 4, run.len());
                    path.push_str(&format!("M{left} {top}h{long}v1h-{long}z"));
                }
                x += run.len();
            }
        }
        let side = width + 8;
        Ok(Self { side, path })
    }
}

/// What is wrong with the password that somebody typed once more.
pub(in crate::admin) fn confirmed(fault: SignInFault, t: Texts) -> Result<String, Wrong> {
    match fault {
        SignInFault::Wait(wait) => Ok(t.wait_sign_in(wait.as_secs() + 1)),
        SignInFault::Store(error) => Err(error.into()),
        _ => Ok(t.fault_current().to_owned()),
    }
}

/// `POST /people/second-factor`: `current`. A new seed is made.
pub(in crate::admin) async fn begin(
    request: HttpRequest,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let me = identity::person(&request).ok_or(Wrong::SignIn)?;
    let address = visitor(&request).address;
    let begun = people.begin_second_factor(&me, form.get("current"), address);
    match begun.await {
        Ok(()) => Ok(page::go(ENROL)),
        Err(fault) => {
            let words = confirmed(fault, Shell::of(&request, ENTRY).t)?;
            show(&request, &people, Fault::at("factor", words), None).await
        }
    }
}

/// `GET /people/second-factor`: the seed that waits.
pub(in crate::admin) async fn enrol(request: HttpRequest, people: Data<People>) -> Answer {
    let me = identity::person(&request).ok_or(Wrong::SignIn)?;
    enrolment(&request, &people, &me, "")
}

fn enrolment(request: &HttpRequest, people: &People, me: &SignIn, fault: &'static str) -> Answer {
    let host = rustix::system::uname();
    let Some(shown) = people.enrolment(me, &host.nodename().to_string_lossy()) else {
        return Ok(page::go(ENTRY));
    };
    let status = match fault {
        "" => StatusCode::OK,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = Enrol {
        shell: Shell::of(request, ENTRY),
        picture: Picture::of(&shown.url)?,
        shown,
        fault,
    };
    Ok(page::send(request, status, &page))
}

/// `POST /people/second-factor/on`: `code`. The answer is the one place that shows the recovery
/// codes.
pub(in crate::admin) async fn switch_on(
    request: HttpRequest,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let me = identity::person(&request).ok_or(Wrong::SignIn)?;
    let shell = Shell::of(&request, ENTRY);
    let by = identity::by(&request);
    match people
        .switch_second_factor_on(&me, form.get("code"), &by)
        .await
    {
        Ok(codes) => Ok(page::ok(&request, &Recovery { shell, codes })),
        Err(EnrolFault::Code) => enrolment(&request, &people, &me, shell.t.enrol_wrong()),
        Err(EnrolFault::People(error @ PeopleError::Store(_))) => Err(error.into()),
        // It is on already, or begun too long ago.
        Err(EnrolFault::Over | EnrolFault::People(_)) => {
            let fault = Fault::at("factor", shell.t.enrol_over());
            show(&request, &people, fault, None).await
        }
    }
}

/// `POST /people/second-factor/off`: `current`, `code`.
pub(in crate::admin) async fn switch_off(
    request: HttpRequest,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let me = identity::person(&request).ok_or(Wrong::SignIn)?;
    let t = Shell::of(&request, ENTRY).t;
    let shown = (form.get("current"), form.get("code"));
    let address = visitor(&request).address;
    let off = people.switch_second_factor_off(&me, shown, address).await;
    let words = match off {
        Ok(()) | Err(SignInFault::Over) => return Ok(forms::done("factor-off")),
        Err(SignInFault::Store(error)) => return Err(error.into()),
        Err(SignInFault::Wait(wait)) => t.wait_sign_in(wait.as_secs() + 1),
        Err(_) => t.factor_off_wrong().to_owned(),
    };
    show(&request, &people, Fault::at("factor", words), None).await
}

/// `GET /people/users/{id}/second-factor`: what switching it off would mean.
pub(in crate::admin) async fn ask_reset(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
) -> Answer {
    let user = forms::user(&people, &path).await?;
    let page = AskReset {
        shell: Shell::of(&request, ENTRY),
        user,
        fault: String::new(),
    };
    Ok(page::ok(&request, &page))
}

/// `POST /people/users/{id}/second-factor`: `current`, which is the admin's own.
pub(in crate::admin) async fn reset(
    request: HttpRequest,
    path: Path<String>,
    people: Data<People>,
    body: Payload,
) -> Answer {
    let form = Form::read(body).await?;
    let me = identity::person(&request).ok_or(Wrong::SignIn)?;
    let user = forms::user(&people, &path).await?;
    let address = visitor(&request).address;
    let known = people.confirm(&me.user, form.get("current"), address).await;
    if let Err(fault) = known {
        let shell = Shell::of(&request, ENTRY);
        let fault = confirmed(fault, shell.t)?;
        let page = AskReset { shell, user, fault };
        return Ok(page::send(
            &request,
            StatusCode::UNPROCESSABLE_ENTITY,
            &page,
        ));
    }
    match people
        .reset_second_factor(&user, &identity::by(&request))
        .await
    {
        Ok(()) | Err(PeopleError::Gone) => Ok(forms::done("factor-reset")),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::Picture;

    #[test]
    fn a_picture_has_the_corners_that_a_camera_looks_for() {
        let picture = Picture::of("otpauth://totp/Steelyard:ann%40lb?secret=GEZDGNBV").unwrap();
        let corner = picture.side - 8 + 4 - 7;
        for (x, y) in [(4, 4), (corner, 4), (4, corner)] {
            for row in [y, y + 6] {
                let dark = format!("M{x} {row}h7v1h-7z");
                assert!(picture.path.contains(&dark), "{dark} in {}", picture.path);
            }
        }
        assert!(Picture::of(&"x".repeat(5000)).is_err());
    }
}
