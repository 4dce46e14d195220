//! A listener as its form shows it, and back: TLS is a switch there.

use serde_json::{Value as Json, json};

/// A listener as the form shows it.
pub(in crate::admin) fn open(listener: &mut Json) {
    let default = json!({ "on": false, "certificates": [], "min_version": "1.2" });
    let mut tls = default;
    match listener.get("tls") {
        Some(Json::Object(given)) => {
            for (key, value) in given {
                tls[key] = value.clone();
            }
            tls["on"] = true.into();
        }
        Some(Json::Bool(true)) => tls["on"] = true.into(),
        _ => {}
    }
    listener["tls"] = tls;
}

/// The same as the document has it.
pub(in crate::admin) fn close(listener: &mut Json) {
    let is_on = listener["tls"]["on"] == true;
    let Some(table) = listener.as_object_mut() else {
        return;
    };
    if !is_on {
        table.shift_remove("tls");
        return;
    }
    let Some(tls) = table.get_mut("tls").and_then(Json::as_object_mut) else {
        return;
    };
    tls.shift_remove("on");
    let says = |value: &Json| value.as_array().is_none_or(|list| !list.is_empty());
    tls.retain(|_, value| says(value));
    if tls.is_empty() {
        table.insert("tls".to_owned(), true.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{close, open};

    #[test]
    fn what_is_opened_and_closed_again_says_the_same() {
        for (tls, again) in [
            (json!(null), json!(null)),
            (json!(false), json!(null)),
            (json!(true), json!({ "min_version": "1.2" })),
            (
                json!({ "certificates": ["a"] }),
                json!({ "certificates": ["a"], "min_version": "1.2" }),
            ),
        ] {
            let mut listener = json!({ "tls": tls });
            open(&mut listener);
            close(&mut listener);
            assert_eq!(listener["tls"], again);
        }
    }
}
