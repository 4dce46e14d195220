//! What the forms of a listener ask for.

use crate::admin::forms::{Field, Group, Kind, NONE, Words};

const VERSIONS: &[(&str, Words)] = &[("1.2", ["TLS 1.2", "TLS 1.2"]), ("1.3", ["TLS 1.3", "TLS 1.3"])];

const UNDERSCORES: &[(&str, Words)] = &[
    ("drop", ["Drop them", "丢弃"]), ("reject", ["Refuse the request", "拒绝请求"]), ("keep", ["Keep them", "保留"]),
];

const RATE: Words = ["bytes/s", "字节/秒"];

const WHERE: &[Field] = &[
    Field::new("address", Kind::Text, ["Address", "地址"], ["IP and port, such as 0.0.0.0:80 for every address of this machine.", "IP 和端口，例如 0.0.0.0:80 表示本机所有地址。"]),
    Field::new("tls.on", Kind::Flag, ["HTTPS", "HTTPS"], ["With a certificate of the page Certificates.", "使用“证书”页面中的证书。"]),
    Field::new("tls.certificates", Kind::Names, ["Certificates", "证书"], ["None chosen: all there are, by the name that is asked for.", "不选则用全部证书，按请求的主机名选取。"]).when("if-tls"),
    Field::new("tls.min_version", Kind::Choice(VERSIONS), ["At least", "最低版本"], NONE).when("if-tls"),
];

const LIMITS: &[Field] = &[
    Field::new("head_timeout", Kind::Time, ["To send a request's head", "发送请求头限时"], ["From its first byte.", "从首字节起计。"]),
    Field::new("idle_timeout", Kind::Time, ["Idle connections end after", "空闲连接关闭"], NONE),
    Field::new("max_requests", Kind::Number(["requests", "个请求"]), ["On one connection", "每连接请求数"], NONE),
    Field::new("body_min_rate", Kind::Number(RATE), ["Slowest upload", "最慢上传"], ["After 10 s; slower ones are ended. 0: any.", "10 秒后低于此速率则断开。0 为不限。"]),
    Field::new("response_min_rate", Kind::Number(RATE), ["Slowest download", "最慢下载"], ["After 10 s. 0: any.", "10 秒后起计。0 为不限。"]),
    Field::new("max_head", Kind::Size, ["Longest head", "请求头上限"], ["Cookies of many applications on one name add up.", "同一域名下多个应用的 Cookie 会累加。"]),
    Field::new("max_target", Kind::Size, ["Longest URL", "网址上限"], NONE),
    Field::new("max_fields", Kind::Number(NONE), ["Header fields", "头字段数"], NONE),
    Field::new("underscores", Kind::Choice(UNDERSCORES), ["Names with _", "含 _ 的头字段"], ["Django takes X_A and X-A for one, so that a client could pass the one for the other.", "Django 不区分 X_A 与 X-A，客户端可借此冒充。"]),
    Field::new("proxy_protocol", Kind::Flag, ["PROXY protocol", "PROXY 协议"], ["Only for proxies that speak it, and only from settings.trusted_proxies: nobody else gets in.", "仅供使用该协议的前置代理，且其地址须在受信任代理中；其他来源一律拒绝。"]),
    Field::new("refuse_get_body", Kind::Flag, ["Refuse a GET with a body", "拒绝带正文的 GET"], NONE),
];

/// A listener.
pub(super) const LISTENER: &[Group] = &[
    Group { title: ["Where clients connect", "监听位置"], hint: NONE, folded: false, fields: WHERE },
    Group { title: ["Limits", "限制"], hint: ["What one client may send and how long it may take.", "单个客户端的大小和时间限制。"], folded: true, fields: LIMITS },
];

const NEW: &[Field] = &[
    Field::new("name", Kind::Text, ["Name", "名称"], ["Letters, digits and . _ - such as web.", "字母、数字和 . _ -，例如 web。"]),
    WHERE[0], WHERE[1],
];

/// A new listener.
pub(super) const NEW_LISTENER: &[Group] = &[Group {
    title: ["New listener", "新建监听器"], hint: NONE, folded: false, fields: NEW,
}];
