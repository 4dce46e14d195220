//! What the forms of the settings ask for.

use crate::admin::forms::{Field, Group, Kind, NONE, Words};

const SETTINGS_FIELDS: &[Field] = &[
    Field::new("workers", Kind::Number(NONE), ["Worker threads", "工作线程"], ["0: one for each core. Counts from the next start.", "0 为每核一个。下次启动后生效。"]),
    Field::new("trusted_proxies", Kind::Lines, ["Trusted proxies", "可信代理"], ["Whose X-Forwarded-For is believed: addresses or networks, one a line. Leave empty unless another proxy stands before this one.", "采信哪些来源的 X-Forwarded-For：地址或网段，每行一个。前面没有其他代理时请留空。"]),
    Field::new("max_connections", Kind::Number(NONE), ["Client connections", "客户端连接数"], ["0: as many as the system lets it have.", "0 为系统允许的上限。"]),
    Field::new("memory_budget", Kind::Size, ["Memory for requests and answers", "请求和响应的内存"], ["Of all together; beyond it they wait in files.", "全部合计；超出部分暂存到文件。"]),
    Field::new("spool_limit", Kind::Size, ["Files for them", "暂存文件上限"], NONE),
    Field::new("dns_refresh", Kind::Time, ["Look up node names every", "节点域名解析间隔"], NONE),
    Field::new("shutdown_grace", Kind::Time, ["When stopping, wait for", "停止时等待"], ["Requests under way may finish so long.", "进行中的请求最多再用这么久。"]),
];

/// `[settings]`
pub(super) const SETTINGS: &[Group] = &[Group {
    title: ["Traffic", "流量"], hint: NONE, folded: false, fields: SETTINGS_FIELDS,
}];

const METRICS: &[(&str, Words)] = &[
    ("token", ["With a token", "凭令牌"]),
    ("allow", ["Whoever may use the panel", "能用面板的地址"]),
    ("public", ["Everyone", "所有人"]),
];

const LANGUAGES: &[(&str, Words)] = &[
    ("auto", ["The browser's", "跟随浏览器"]), ("en", ["English", "英文"]), ("zh-CN", ["Chinese", "中文"]),
];

const ADMIN_FIELDS: &[Field] = &[
    Field::new("address", Kind::Text, ["Address of the panel", "面板地址"], ["IP and port. The panel moves there at once: open it there. 127.0.0.1:9443 gives way to admin in steelyard.toml, where that is set. Should it be out of reach: steelyard serve --admin ADDRESS.", "IP 和端口。面板会立即移到新地址，请到新地址打开。若 steelyard.toml 设置了 admin，则 127.0.0.1:9443 以其为准。若无法访问：steelyard serve --admin 地址。"]),
    Field::new("tls", Kind::Name, ["TLS", "TLS"], ["off is for this machine alone. self-signed needs no more; browsers warn once.", "off 仅限本机。self-signed 为自签名，无需其他设置，浏览器会提示一次。"]),
    Field::new("allow", Kind::Lines, ["Only from", "仅允许来自"], ["Addresses or networks, one a line. Empty: whoever can connect and sign in. Yours has to be among them.", "地址或网段，每行一个。留空则能连接并登录即可。请确保包含你自己的地址。"]),
    Field::new("metrics", Kind::Choice(METRICS), ["Who may read /metrics", "谁可读取 /metrics"], NONE),
    Field::new("language", Kind::Choice(LANGUAGES), ["Language before signing in", "登录前的语言"], ["Everybody chooses their own afterwards.", "登录后每人可自行选择。"]),
];

/// `[admin]`
pub(super) const ADMIN: &[Group] = &[Group {
    title: ["Panel", "面板"], hint: NONE, folded: false, fields: ADMIN_FIELDS,
}];

const FORMATS: &[(&str, Words)] = &[
    ("combined", ["combined", "combined"]), ("vcombined", ["with host name", "带主机名"]), ("json", ["JSON", "JSON"]),
];

const LEVELS: &[(&str, Words)] = &[
    ("error", ["Errors", "错误"]), ("warn", ["Warnings", "警告"]), ("info", ["Normal", "一般"]), ("debug", ["Everything", "全部"]),
];

const LOGS_FIELDS: &[Field] = &[
    Field::new("store.on", Kind::Flag, ["Keep requests to search", "保存请求供搜索"], ["For the log page and the charts.", "用于日志页和图表。"]),
    Field::new("store.max_size", Kind::Size, ["At most", "最多占用"], NONE),
    Field::new("store.max_age", Kind::Time, ["For", "保留"], NONE),
    Field::new("file", Kind::Text, ["Access log file", "访问日志文件"], ["In the logs folder of the data directory, or a whole path. Empty: none.", "在数据目录的 logs 文件夹中，或写完整路径。留空为不写。"]),
    Field::new("format", Kind::Choice(FORMATS), ["Its format", "格式"], NONE),
    Field::new("rotate.size", Kind::Size, ["New file after", "轮换大小"], ["0: whatever its size.", "0 为不按大小轮换。"]),
    Field::new("rotate.age", Kind::Time, ["Or after", "或轮换时间"], ["0s: whatever its age.", "0s 为不按时间轮换。"]),
    Field::new("rotate.keep", Kind::Number(["files", "个文件"]), ["Old ones kept", "保留旧文件"], NONE),
    Field::new("rotate.compress", Kind::Flag, ["Compress old ones", "压缩旧文件"], NONE),
    Field::new("level", Kind::Choice(LEVELS), ["Own log", "程序日志级别"], ["What steelyard says of itself in the journal.", "steelyard 写入系统日志的内容。"]),
];

/// `[logs]`
pub(super) const LOGS: &[Group] = &[Group {
    title: ["Logs", "日志"], hint: NONE, folded: false, fields: LOGS_FIELDS,
}];

const BACKUP_FIELDS: &[Field] = &[
    Field::new("nightly", Kind::Text, ["Every night at", "每夜备份时间"], ["By the clock of this machine: 03:00. Empty: never. A night that was missed is made up for.", "按本机时间，例如 03:00。留空为不备份。错过的会补做。"]),
    Field::new("keep", Kind::Number(["backups", "份"]), ["Kept", "保留"], NONE),
    Field::new("dir", Kind::Text, ["Folder", "目录"], ["Empty: backups in the data directory. Better one on another disk.", "留空为数据目录中的 backups。最好放在另一块磁盘上。"]),
    Field::new("passphrase", Kind::Secret, ["Passphrase", "口令"], ["At least 12 characters. Without one no secrets, passwords or keys are in them. Empty: stays as it is.", "至少 12 个字符。没有口令时，备份不含密钥和密码。留空则不变。"]),
];

/// `[backup]`
pub(super) const BACKUP: &[Group] = &[Group {
    title: ["Nightly backups", "每夜备份"], hint: NONE, folded: false, fields: BACKUP_FIELDS,
}];

const EVENTS: &[(&str, Words)] = &[
    ("node_down", ["A node is down", "节点宕机"]), ("node_up", ["A node is up again", "节点恢复"]),
    ("fail_open", ["No node of a pool is well", "节点池无健康节点"]), ("change", ["The configuration changed", "配置更改"]),
    ("certificate", ["A certificate ends soon", "证书即将到期"]),
];

const WEBHOOK_FIELDS: &[Field] = &[
    Field::new("url", Kind::Text, ["URL", "网址"], ["Gets a POST with JSON. Whoever knows it may use it with most services.", "以 POST 发送 JSON。多数服务中，知道此网址即可使用，请保密。"]),
    Field::new("events", Kind::Many(EVENTS), ["Tell of", "通知事项"], NONE),
    Field::new("secret", Kind::Secret, ["Secret", "签名密钥"], ["Signs each message (X-Steelyard-Signature). Empty: stays as it is.", "为每条消息签名（X-Steelyard-Signature）。留空则不变。"]),
];

/// `[[webhooks]]`
pub(super) const WEBHOOK: &[Group] = &[Group {
    title: ["Webhook", "Webhook 通知"], hint: NONE, folded: false, fields: WEBHOOK_FIELDS,
}];

const NEW: &[Field] = &[
    Field::new("name", Kind::Text, ["Name", "名称"], NONE), WEBHOOK_FIELDS[0], WEBHOOK_FIELDS[1], WEBHOOK_FIELDS[2],
];

/// A new webhook.
pub(super) const NEW_WEBHOOK: &[Group] = &[Group {
    title: ["New webhook", "新建 Webhook"], hint: ["Tells a chat or a pager what happens.", "把事件通知到聊天群或值班系统。"], folded: true, fields: NEW,
}];
