//! What the forms of a site and of a route ask for.

use crate::admin::forms::{Field, Group, Kind, NONE, Words};

const SITE_FIELDS: &[Field] = &[
    Field::new("hosts", Kind::Lines, ["Host names", "主机名"], ["One a line, such as shop.example.com or *.example.com. Empty: every name that no other site has.", "每行一个，例如 shop.example.com 或 *.example.com。留空则接收其他站点未占用的所有主机名。"]),
    Field::new("listeners", Kind::Names, ["Only by these listeners", "限于这些监听器"], ["None chosen: by all.", "不选则不限。"]),
];

const HTTPS: &[Field] = &[
    Field::new("https_redirect", Kind::Flag, ["Send HTTP to HTTPS", "HTTP 跳转到 HTTPS"], ["Who asks by HTTP is sent to the same page by HTTPS. See first that HTTPS works.", "通过 HTTP 访问的请求会被跳转到同一页面的 HTTPS 地址。请先确认 HTTPS 可用。"]),
    Field::new("hsts.max_age", Kind::Time, ["Browsers remember it for", "浏览器记住的时间"], ["HSTS: for so long browsers ask by HTTPS alone, and let nobody past a bad certificate. Begin with 5m, end with 365d; 0 is off.", "HSTS：在这段时间内浏览器只用 HTTPS 访问，证书有误时也不允许继续。建议从 5m 开始，最终设为 365d；0 为关闭。"]),
    Field::new("hsts.subdomains", Kind::Flag, ["For all names below it too", "包括所有子域名"], ["Also for those that other machines answer.", "也包括由其他机器应答的子域名。"]),
    Field::new("hsts.preload", Kind::Flag, ["May be built into browsers", "允许内置到浏览器"], ["There is no quick way back. Needs all names below it, and 365d.", "很难撤回。需要包括所有子域名，且时间不少于 365d。"]),
];

const ACCESS: &[Field] = &[
    Field::new("allow", Kind::Lines, ["Only these clients", "只允许这些客户端"], ["Addresses or networks, one a line, such as 10.0.0.0/8. Empty: everyone.", "地址或网段，每行一个，例如 10.0.0.0/8。留空为所有人。"]),
    Field::new("deny", Kind::Lines, ["Never these clients", "拒绝这些客户端"], NONE),
    Field::new("methods", Kind::Lines, ["Only these methods", "只允许这些方法"], ["One a line, such as GET. Empty: all.", "每行一个，例如 GET。留空为全部。"]),
];

const SITE_HEADERS: &[Field] = &[
    Field::new("headers", Kind::Pairs, ["Set on answers", "添加到响应"], ["One a line: Name: value", "每行一个：名称: 值"]),
    Field::new("request_headers", Kind::Pairs, ["Set on requests to nodes", "添加到发给节点的请求"], ["One a line: Name: value", "每行一个：名称: 值"]),
    Field::new("error_pages", Kind::Pairs, ["Pages for errors", "错误页"], ["One a line: status and file, such as 502: /srv/pages/502.html. Shown where Steelyard itself answers.", "每行一个：状态码和文件，例如 502: /srv/pages/502.html。用于 Steelyard 自己应答的错误。"]),
];

/// A site, without its routes.
pub(super) const SITE: &[Group] = &[
    Group { title: ["Which requests", "接收哪些请求"], hint: NONE, folded: false, fields: SITE_FIELDS },
    Group { title: ["HTTPS", "HTTPS"], hint: ["Redirect, and what browsers remember.", "跳转，以及浏览器记住的内容。"], folded: true, fields: HTTPS },
    Group { title: ["Who may", "访问限制"], hint: ["Clients and methods.", "客户端和方法。"], folded: true, fields: ACCESS },
    Group { title: ["Header fields and error pages", "头字段和错误页"], hint: NONE, folded: true, fields: SITE_HEADERS },
];

const NEW: &[Field] = &[
    Field::new("name", Kind::Text, ["Name", "名称"], ["Letters, digits and . _ - such as shop.", "字母、数字和 . _ -，例如 shop。"]),
    Field::new("hosts", Kind::Lines, ["Host names", "主机名"], ["One a line. Empty: every name that no other site has.", "每行一个。留空则接收其他站点未占用的所有主机名。"]),
    Field::new("pool", Kind::Name, ["Pool", "节点池"], ["Who answers. More routes can be added later.", "由谁应答。以后可再添加路由。"]),
];

/// A new site.
pub(super) const NEW_SITE: &[Group] = &[Group {
    title: ["New site", "新建站点"], hint: NONE, folded: false, fields: NEW,
}];

const MATCHES: &[(&str, Words)] = &[
    ("prefix", ["This and below", "此路径及以下"]),
    ("exact", ["This path alone", "仅此路径"]),
];

const TARGETS: &[(&str, Words)] = &[
    ("pool", ["Pool", "节点池"]),
    ("files", ["Static files", "静态文件"]),
    ("redirect", ["Redirect", "重定向"]),
    ("respond", ["Fixed answer", "固定响应"]),
];

const STATUSES: &[(&str, Words)] = &[
    ("301", ["301 moved for good", "301 永久移动"]),
    ("302", ["302 for now", "302 临时"]),
    ("303", ["303 see there", "303 参见其他"]),
    ("307", ["307 for now, same method", "307 临时，方法不变"]),
    ("308", ["308 for good, same method", "308 永久，方法不变"]),
];

/// How long browsers keep a file.
pub(in crate::admin) const CACHES: &[(&str, Words, Words)] = &[
    ("hashed", ["Names with a hash", "带哈希的文件名"], ["A year, never asked for again: app.3f2a.css. Django's ManifestStaticFilesStorage makes such names.", "缓存一年，不再询问，例如 app.3f2a.css。Django 的 ManifestStaticFilesStorage 会生成这样的文件名。"]),
    ("short", ["Plain names", "普通文件名"], ["Five minutes, then asked whether it changed.", "缓存五分钟，之后询问是否有变化。"]),
    ("private", ["Private", "私有"], ["Only in the browser itself, and asked every time.", "仅浏览器自己保存，每次都询问。"]),
    ("off", ["Not said", "不指定"], ["Browsers decide.", "由浏览器决定。"]),
    ("other", ["As written below", "自行填写"], NONE),
];

const WHERE: &[Field] = &[
    Field::new("path", Kind::Text, ["Path", "路径"], ["/static/ takes what is below; /static takes it too. The longest path wins.", "/static/ 匹配其下的一切，/static 还包括它自身。最长的路径优先。"]),
    Field::new("match", Kind::Choice(MATCHES), ["Matches", "匹配"], NONE),
    Field::new("target", Kind::Choice(TARGETS), ["Answered by", "由谁应答"], NONE),
    Field::new("pool", Kind::Name, ["Pool", "节点池"], NONE).when("if-pool"),
    Field::new("strip_prefix", Kind::Flag, ["Take the path away", "去掉路径前缀"], ["Nodes see /a for /path/a.", "节点收到的 /path/a 变为 /a。"]).when("if-pool"),
    FILES[0], FILES[1], FILES[2], FILES[3], FILES[4], FILES[5], FILES[6],
    Field::new("redirect.to", Kind::Text, ["To", "目标"], ["A path or URL. {scheme} {host} {path} {uri} {query} stand for those of the request: https://{host}{uri}", "路径或 URL。{scheme} {host} {path} {uri} {query} 代表请求中的对应部分：https://{host}{uri}"]).when("if-redirect"),
    Field::new("redirect.status", Kind::Choice(STATUSES), ["Status", "状态码"], NONE).when("if-redirect"),
    Field::new("respond.status", Kind::Number(NONE), ["Status", "状态码"], NONE).when("if-respond"),
    Field::new("respond.content_type", Kind::Text, ["Type", "内容类型"], NONE).when("if-respond"),
    Field::new("respond.body", Kind::Area, ["Body", "正文"], NONE).when("if-respond"),
];

/// Those of static files.
const FILES: [Field; 7] = [
    Field::new("files.root", Kind::Text, ["Folder", "文件夹"], ["On this machine, such as /srv/shop/static: Django's STATIC_ROOT.", "本机上的路径，例如 /srv/shop/static，即 Django 的 STATIC_ROOT。"]).when("if-files"),
    Field::new("cache", Kind::Cards(CACHES), ["Browsers keep it", "浏览器缓存"], NONE).when("if-files"),
    Field::new("files.expires", Kind::Text, ["Expires", "过期时间"], ["off, epoch, max or a time such as 30d.", "off、epoch、max 或时间，例如 30d。"]).when("if-files if-cache"),
    Field::new("files.cache_control", Kind::Text, ["Cache-Control", "Cache-Control 头"], NONE).when("if-files if-cache"),
    Field::new("files.precompressed", Kind::Flag, ["Use .gz .br .zst beside a file", "使用旁边的 .gz .br .zst"], ["Sent instead where the browser takes it.", "浏览器支持时发送压缩版本。"]).when("if-files"),
    Field::new("files.index", Kind::Lines, ["Index of a folder", "目录首页"], ["One a line, the first that is there.", "每行一个，取第一个存在的。"]).when("if-files"),
    Field::new("files.fallback", Kind::Name, ["Where no file is", "没有文件时"], ["This pool is asked; nothing chosen: 404.", "转给此节点池；不选则返回 404。"]).when("if-files"),
];

const ROUTE_HEADERS: &[Field] = &[
    Field::new("headers", Kind::Pairs, ["Set on answers", "添加到响应"], ["One a line: Name: value", "每行一个：名称: 值"]),
    Field::new("remove_headers", Kind::Lines, ["Removed from answers", "从响应中移除"], ["One name a line.", "每行一个名称。"]),
    Field::new("request_headers", Kind::Pairs, ["Set on requests to nodes", "添加到发给节点的请求"], ["One a line: Name: value", "每行一个：名称: 值"]),
    Field::new("remove_request_headers", Kind::Lines, ["Removed from requests to nodes", "从发给节点的请求中移除"], ["One name a line.", "每行一个名称。"]),
];

const LIMITS: &[Field] = &[
    Field::new("allow", Kind::Lines, ["Only these clients", "只允许这些客户端"], ["Addresses or networks, one a line. Empty: as the site says.", "地址或网段，每行一个。留空则按站点的设置。"]),
    Field::new("body_limit", Kind::Size, ["Longest upload", "上传上限"], ["Such as 100m; longer is answered 413. 0: no limit.", "例如 100m，超出返回 413。0 为不限。"]),
    Field::new("read_timeout", Kind::Time, ["Silence of the node", "节点无响应"], ["Empty: as the pool says.", "留空则按节点池的设置。"]),
    Field::new("buffer_request", Kind::Flag, ["Take uploads in first", "先接收完整上传"], ["So that slow clients hold no node.", "避免慢客户端占用节点。"]),
    Field::new("buffer_response", Kind::Flag, ["Read answers ahead", "提前读取响应"], ["So that slow clients hold no node. Off for streams of events.", "避免慢客户端占用节点。事件流请关闭。"]),
    Field::new("upgrade", Kind::Flag, ["WebSocket", "WebSocket 连接"], NONE),
    Field::new("tunnel_idle_timeout", Kind::Time, ["Silent WebSocket ends after", "WebSocket 静默上限"], ["0s: never.", "0s 为不限。"]),
];

/// A route.
pub(super) const ROUTE: &[Group] = &[
    Group { title: ["Route", "路由"], hint: NONE, folded: false, fields: WHERE },
    Group { title: ["Header fields", "头字段"], hint: NONE, folded: true, fields: ROUTE_HEADERS },
    Group { title: ["Limits", "限制"], hint: ["Clients, uploads, times, WebSocket.", "客户端、上传、时间、WebSocket。"], folded: true, fields: LIMITS },
];

const MOUNT: &[Field] = &[
    Field::new("site", Kind::Name, ["Site", "站点"], NONE),
    Field::new("path", Kind::Text, ["URL begins with", "URL 前缀"], ["Django's STATIC_URL, such as /static/.", "即 Django 的 STATIC_URL，例如 /static/。"]),
    FILES[0], FILES[1], FILES[2], FILES[3], FILES[4],
];

/// A new folder of static files.
pub(in crate::admin) const NEW_MOUNT: &[Group] = &[Group {
    title: ["Serve a folder", "发布文件夹"], hint: NONE, folded: false, fields: MOUNT,
}];
