//! What `explain` says, in Chinese: reasons by their code, and its clauses one by one.

use super::problems::{self, Table};

const REASONS: &[(&str, &str)] = &[
    ("bad_request", "请求不符合 HTTP 规则。"),
    ("head_too_large", "请求头过大。"),
    ("target_too_long", "网址过长。"),
    ("body_too_large", "请求正文超过了此站点的上限。"),
    ("client_timeout", "请求到达得太慢。"),
    ("no_site", "没有站点接收这个主机名。"),
    ("misdirected", "此连接是为另一个主机名建立的。"),
    ("no_route", "此站点没有匹配该路径的路由。"),
    ("no_file", "此路径没有文件。"),
    ("forbidden", "此客户端不在允许之列。"),
    ("method_not_allowed", "此站点不接受该方法。"),
    ("too_many_connections", "打开的连接过多。"),
    ("no_node", "目前没有节点能接收请求。"),
    ("queue_full", "所有节点已满，队列也已满。"),
    ("queue_timeout", "排队超时。"),
    ("internal", "本程序内部出错。"),
];

#[rustfmt::skip]
const CLAUSES: Table = &[
    ("up", "正常"),
    ("down", "宕机"),
    ("down: {}", "宕机：{}"),
    ("disabled", "已停用"),
    ("draining: it takes no new requests", "排空中：不接收新请求"),
    ("draining: takes only bound requests", "排空中：只接收已绑定的请求"),
    ("draining, and ", "排空中，且"),
    ("draining, and {}", "排空中，且{}"),
    ("not checked yet", "尚未检查"),
    ("not checked", "未设检查"),
    ("ejected for another {} s: requests to it failed", "因请求失败暂停，还有 {} 秒"),
    ("weight {} of {}, {} in flight", "权重 {}/{}，进行中 {}"),
    ("weight {} of {}, {} in flight of {} at most", "权重 {}/{}，进行中 {}，上限 {}"),
    ("full: {} in flight", "已满：进行中 {}"),
    ("bound by the affinity cookie", "由会话保持 Cookie 绑定"),
    ("the affinity cookie names it, and another is chosen instead", "会话保持 Cookie 指向它，但改选了另一个"),
    ("asked all the same, for no enabled node is well", "没有健康的节点，仍向它请求"),
    ("who asks is led to another node", "此客户端被引到另一节点"),
    ("who asks is led here", "此客户端被引到这里"),
    ("a backup, for when no other node can answer", "备用，其他节点都不能应答时才用"),
    ("nothing listens: there is no listener", "没有监听器"),
    ("nothing listens for {} on port {}; told as if it came by listener {}", "端口 {1} 上没有 {0} 的监听器；按经由监听器 {2} 说明"),
    ("{} listeners have port {}; told as if it came by listener {}", "{} 个监听器使用端口 {}；按经由监听器 {} 说明"),
    ("the listener has no certificate to show: no client gets in", "监听器没有证书，客户端无法连接"),
    ("certificate {} is shown", "出示证书 {}"),
    ("certificate {} is shown, which is not made for {}: clients will tell", "出示证书 {}，但它不适用于 {}，客户端会警告"),
    ("whether the file is there is not looked up: 404 no_file where none is", "未查看文件是否存在：不存在则返回 404"),
    ("no file has such a path: pool {} is asked", "不会有这样路径的文件：转给节点池 {}"),
    ("pool {} is asked only where no file is there", "没有该文件时才转给节点池 {}"),
    ("where a file is there: {} {}", "若文件存在：{} {}"),
    ("where no file is there: {} {}", "若文件不存在：{} {}"),
    ("no node has room: it would wait", "没有空闲节点：请求会排队"),
    ("the node it is bound to has no room: it would wait", "所绑定的节点已满：请求会排队"),
    ("listener {} is not open on {}", "监听器 {} 未在 {} 打开"),
    ("Nothing listens.", "没有监听器。"),
];

/// A reason, by its code.
pub(in crate::admin) fn reason(code: &str) -> Option<&'static str> {
    let found = REASONS.iter().find(|(known, _)| *known == code);
    found.map(|(_, words)| *words)
}

/// What stands in place of a value that is not known yet.
const PLACEHOLDERS: [(&str, &str); 2] = [
    ("(signed for the node that answers)", "（为应答的节点签名）"),
    ("(new for every request)", "（每个请求各不相同）"),
];

/// Header fields with Chinese in place of what is not known yet.
pub(in crate::admin) fn header_fields(text: &str) -> String {
    let replace = |text: String, (english, chinese): (&str, &str)| text.replace(english, chinese);
    PLACEHOLDERS.into_iter().fold(text.to_owned(), replace)
}

/// A note, as a whole; what is not known stays as it is.
pub(in crate::admin) fn note(text: &str) -> String {
    problems::find(CLAUSES, text).unwrap_or_else(|| text.to_owned())
}

/// Why a node may get a request or not, clause by clause. `down` is what its check found, in
/// Chinese.
pub(in crate::admin) fn why(text: &str, down: &str) -> String {
    let clause = |clause: &str| match clause.split_once("down: ") {
        Some((before, _)) if !down.is_empty() => format!("{}宕机：{down}", note(before)),
        _ => note(clause),
    };
    let all: Vec<String> = text.split("; ").map(clause).collect();
    all.join("；")
}

#[cfg(test)]
mod tests {
    use super::{note, why};

    #[test]
    fn why_a_node_is_asked_is_told_in_chinese() {
        assert_eq!(
            why(
                "up; weight 1 of 3, 0 in flight; bound by the affinity cookie",
                ""
            ),
            "正常；权重 1/3，进行中 0；由会话保持 Cookie 绑定"
        );
        assert_eq!(
            why("down: refused; weight 1 of 3, 0 in flight", "被拒绝"),
            "宕机：被拒绝；权重 1/3，进行中 0"
        );
        assert_eq!(
            note("nothing listens for https on port 443; told as if it came by listener web"),
            "端口 443 上没有 https 的监听器；按经由监听器 web 说明"
        );
    }
}
