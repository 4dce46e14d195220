//! What each field of a document is called, in both languages, and how its value is shown.

/// How a value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it is: a number, an address, a word of a protocol.
    Plain,
    /// `1h30m`.
    Time,
    /// The same; nothing of it is off.
    TimeOrOff,
    /// `64k`; nothing of it is no limit.
    Size,
    /// A number; 0 is no limit.
    Limit,
    /// A number; 0 is what the machine has.
    Auto,
    /// On or off.
    Flag,
    /// A word of ours.
    Word,
    /// Never shown.
    Secret,
}

/// What a field is called.
#[derive(Debug)]
pub(super) struct Label {
    /// The way to it without names: `pools.*.read_timeout`.
    pub(super) field: &'static str,
    pub(super) english: &'static str,
    pub(super) chinese: &'static str,
    pub(super) kind: Kind,
}

const fn label(
    field: &'static str,
    english: &'static str,
    chinese: &'static str,
    kind: Kind,
) -> Label {
    Label {
        field,
        english,
        chinese,
        kind,
    }
}

use Kind::{Auto, Flag, Limit, Plain, Secret, Size, Time, TimeOrOff, Word};

/// Those with a length of their own: `headers.NAME` and the like end with the name.
#[rustfmt::skip]
pub(super) const LABELS: &[Label] = &[
    label("settings.trusted_proxies", "Trusted proxies", "可信代理", Plain),
    label("settings.workers", "Worker threads", "工作线程数", Auto),
    label("settings.max_connections", "Most connections", "最大连接数", Auto),
    label("settings.max_connections_per_client", "Most connections per client", "每个客户端最大连接数", Limit),
    label("settings.memory_budget", "Memory for requests and responses", "请求与响应缓冲内存", Size),
    label("settings.spool_limit", "Disk for large bodies", "大请求体磁盘上限", Size),
    label("settings.dns_refresh", "Looking up node names again after", "节点域名重新解析间隔", Time),
    label("settings.shutdown_grace", "Time to finish at a stop", "停止时的收尾时间", Time),
    label("settings.affinity_secret", "Key of session affinity cookies", "会话保持签名密钥", Secret),

    label("admin.address", "Admin address", "管理地址", Plain),
    label("admin.tls", "TLS of the admin address", "管理地址的 TLS", Word),
    label("admin.allow", "Who may use the panel", "可访问面板的网段", Plain),
    label("admin.metrics", "Who may read metrics", "可读取指标者", Word),
    label("admin.language", "Language of the panel", "面板语言", Word),

    label("listeners.*.address", "Address", "地址", Plain),
    label("listeners.*.tls", "TLS", "TLS", Flag),
    label("listeners.*.tls.certificates", "Certificates", "证书", Plain),
    label("listeners.*.tls.min_version", "Oldest TLS version", "最低 TLS 版本", Plain),
    label("listeners.*.head_timeout", "Time for a request head", "请求头超时", Time),
    label("listeners.*.idle_timeout", "Time an idle connection is kept", "空闲连接保留时间", Time),
    label("listeners.*.max_requests", "Most requests per connection", "每个连接最多请求数", Limit),
    label("listeners.*.body_min_rate", "Slowest upload per second", "每秒最低上传量", Size),
    label("listeners.*.response_min_rate", "Slowest download per second", "每秒最低下载量", Size),
    label("listeners.*.max_head", "Largest request head", "请求头大小上限", Size),
    label("listeners.*.max_target", "Longest URL", "网址长度上限", Size),
    label("listeners.*.max_fields", "Most header fields", "请求头字段数上限", Limit),
    label("listeners.*.underscores", "Header names with underscores", "带下划线的请求头", Word),
    label("listeners.*.proxy_protocol", "Clients named by a proxy before this program", "由前置代理提供客户端地址", Flag),
    label("listeners.*.refuse_get_body", "Refusing GET with a body", "拒绝带请求体的 GET", Flag),

    label("certificates.*.hosts", "Host names", "域名", Plain),
    label("certificates.*.files.chain", "Chain file", "证书链文件", Plain),
    label("certificates.*.files.key", "Key file", "私钥文件", Plain),

    label("pools.*.policy", "Balancing", "负载均衡方式", Word),
    label("pools.*.hash_key", "Hash key", "哈希依据", Word),
    label("pools.*.tls", "TLS to the nodes", "到节点的 TLS", Flag),
    label("pools.*.tls.verify", "Verifying the nodes' certificates", "验证节点证书", Flag),
    label("pools.*.tls.ca", "Authority of the nodes' certificates", "节点证书的签发机构", Plain),
    label("pools.*.tls.server_name", "Name in the nodes' certificates", "节点证书中的名称", Plain),
    label("pools.*.host", "Host sent to the nodes", "发给节点的主机名", Plain),
    label("pools.*.connect_timeout", "Connect timeout", "连接超时", Time),
    label("pools.*.send_timeout", "Send timeout", "发送超时", Time),
    label("pools.*.read_timeout", "Read timeout", "读取超时", Time),
    label("pools.*.keepalive.idle", "Idle connections kept", "保留的空闲连接数", Plain),
    label("pools.*.keepalive.timeout", "Time an idle connection is kept", "空闲连接保留时间", Time),
    label("pools.*.keepalive.requests", "Most requests per connection", "每个连接最多请求数", Limit),
    label("pools.*.keepalive.max_age", "Longest life of a connection", "连接最长寿命", TimeOrOff),
    label("pools.*.max_fails", "Failures before a node rests", "节点暂停前的失败次数", Plain),
    label("pools.*.fail_timeout", "How long a node rests", "节点暂停时长", Time),
    label("pools.*.slow_start", "Slow start", "慢启动", TimeOrOff),
    label("pools.*.queue.size", "Places in the queue", "排队名额", Plain),
    label("pools.*.queue.timeout", "Longest wait in the queue", "排队最长等待", Time),
    label("pools.*.retry.on", "What is tried again", "重试条件", Plain),
    label("pools.*.retry.tries", "Tries", "尝试次数", Plain),
    label("pools.*.retry.timeout", "Time for all tries", "全部尝试的时限", TimeOrOff),
    label("pools.*.retry.non_idempotent", "Trying POST and the like again", "重试非幂等请求", Flag),
    label("pools.*.health_check", "Health check", "健康检查", Word),
    label("pools.*.health_check.kind", "Health check", "健康检查", Word),
    label("pools.*.health_check.method", "Method of the health check", "健康检查方法", Plain),
    label("pools.*.health_check.path", "Path of the health check", "健康检查路径", Plain),
    label("pools.*.health_check.host", "Host of the health check", "健康检查主机名", Plain),
    label("pools.*.health_check.expect", "Statuses that are well", "视为正常的状态码", Plain),
    label("pools.*.health_check.body", "Text that a well node answers", "正常应答须含文本", Plain),
    label("pools.*.health_check.port", "Port of the health check", "健康检查端口", Plain),
    label("pools.*.health_check.interval", "Time between checks", "检查间隔", Time),
    label("pools.*.health_check.timeout", "Timeout of a check", "检查超时", Time),
    label("pools.*.health_check.rise", "Good checks until up", "判定正常所需次数", Plain),
    label("pools.*.health_check.fall", "Failed checks until down", "判定离线所需次数", Plain),
    label("pools.*.health_check.default_down", "Down until the first check", "首次检查前视为离线", Flag),
    label("pools.*.health_check.headers.*", "Header of the health check", "健康检查请求头", Plain),
    label("pools.*.affinity", "Session affinity", "会话保持", Flag),
    label("pools.*.affinity.cookie", "Affinity cookie", "会话保持 Cookie 名", Plain),
    label("pools.*.affinity.max_age", "Life of the affinity cookie", "会话保持 Cookie 有效期", TimeOrOff),
    label("pools.*.affinity.path", "Path of the affinity cookie", "会话保持 Cookie 路径", Plain),
    label("pools.*.affinity.domain", "Domain of the affinity cookie", "会话保持 Cookie 域", Plain),
    label("pools.*.affinity.secure", "Affinity cookie over HTTPS only", "会话保持 Cookie 仅限 HTTPS", Word),
    label("pools.*.affinity.http_only", "Affinity cookie hidden from scripts", "会话保持 Cookie 对脚本隐藏", Flag),
    label("pools.*.affinity.same_site", "SameSite of the affinity cookie", "会话保持 Cookie 的 SameSite", Plain),

    label("pools.*.nodes.*.address", "Address", "地址", Plain),
    label("pools.*.nodes.*.weight", "Weight", "权重", Plain),
    label("pools.*.nodes.*.backup", "Backup", "备用", Flag),
    label("pools.*.nodes.*.max_conns", "Most requests at once", "最大并发请求", Limit),
    label("pools.*.nodes.*.slow_start", "Slow start", "慢启动", TimeOrOff),
    label("pools.*.nodes.*.state", "State", "状态", Word),

    label("sites.*.hosts", "Host names", "域名", Plain),
    label("sites.*.listeners", "Listeners", "监听", Plain),
    label("sites.*.https_redirect", "Send HTTP to HTTPS", "HTTP 跳转到 HTTPS", Flag),
    label("sites.*.hsts.max_age", "Time browsers ask by HTTPS alone", "浏览器仅用 HTTPS 的时间", Time),
    label("sites.*.hsts.subdomains", "HSTS for names below", "HSTS 包括子域名", Flag),
    label("sites.*.hsts.preload", "HSTS built into browsers", "HSTS 内置到浏览器", Flag),
    label("sites.*.methods", "Methods", "允许的方法", Plain),
    label("sites.*.allow", "Who is let in", "允许的网段", Plain),
    label("sites.*.deny", "Who is kept out", "拒绝的网段", Plain),
    label("sites.*.headers.*", "Response header", "响应头", Plain),
    label("sites.*.request_headers.*", "Request header", "请求头", Plain),
    label("sites.*.error_pages.*", "Page for error", "错误页", Plain),

    label("sites.*.routes.*.match", "Match", "匹配方式", Word),
    label("sites.*.routes.*.pool", "Pool", "节点池", Plain),
    label("sites.*.routes.*.files", "Static files", "静态文件", Plain),
    label("sites.*.routes.*.files.root", "Directory", "目录", Plain),
    label("sites.*.routes.*.files.index", "Index files", "索引文件", Plain),
    label("sites.*.routes.*.files.expires", "Time browsers keep files", "浏览器缓存时间", Time),
    label("sites.*.routes.*.files.cache_control", "Cache rule", "缓存规则", Plain),
    label("sites.*.routes.*.files.precompressed", "Compressed copies of files", "预压缩文件", Flag),
    label("sites.*.routes.*.files.fallback", "Pool asked where no file is", "无文件时的节点池", Plain),
    label("sites.*.routes.*.redirect", "Redirect", "跳转", Plain),
    label("sites.*.routes.*.redirect.to", "Redirect", "跳转", Plain),
    label("sites.*.routes.*.redirect.status", "Status of the redirect", "跳转状态码", Plain),
    label("sites.*.routes.*.respond", "Fixed answer", "固定应答", Plain),
    label("sites.*.routes.*.respond.status", "Status of the fixed answer", "固定应答状态码", Plain),
    label("sites.*.routes.*.respond.body", "Text of the fixed answer", "固定应答文本", Plain),
    label("sites.*.routes.*.respond.content_type", "Type of the fixed answer", "固定应答类型", Plain),
    label("sites.*.routes.*.strip_prefix", "Path without the route's own", "去掉路由前缀", Flag),
    label("sites.*.routes.*.body_limit", "Largest upload", "上传大小上限", Size),
    label("sites.*.routes.*.buffer_request", "Buffering requests", "缓冲请求", Flag),
    label("sites.*.routes.*.buffer_response", "Buffering responses", "缓冲响应", Flag),
    label("sites.*.routes.*.read_timeout", "Read timeout", "读取超时", Time),
    label("sites.*.routes.*.upgrade", "WebSocket", "WebSocket", Flag),
    label("sites.*.routes.*.tunnel_idle_timeout", "Time an idle WebSocket is kept", "空闲 WebSocket 保留时间", Time),
    label("sites.*.routes.*.headers.*", "Response header", "响应头", Plain),
    label("sites.*.routes.*.remove_headers", "Response headers taken out", "移除的响应头", Plain),
    label("sites.*.routes.*.request_headers.*", "Request header", "请求头", Plain),
    label("sites.*.routes.*.remove_request_headers", "Request headers taken out", "移除的请求头", Plain),
    label("sites.*.routes.*.allow", "Who is let in", "允许的网段", Plain),

    label("sessions.store", "Where sessions are kept", "会话存放位置", Plain),
    label("sessions.store_password", "Password at the Redis of the sessions", "会话存储后端的密码", Secret),
    label("sessions.listen", "Address of the session store", "会话存储地址", Plain),
    label("sessions.password", "Password of the session store", "会话存储密码", Secret),
    label("sessions.allow", "Who may reach the session store", "可访问会话存储的网段", Plain),
    label("sessions.tls", "TLS of the session store", "会话存储的 TLS", Flag),
    label("sessions.tls.certificates", "Certificates of the session store", "会话存储的证书", Plain),
    label("sessions.tls.min_version", "Oldest TLS version of the session store", "会话存储的最低 TLS 版本", Plain),
    label("sessions.max_memory", "Memory for sessions", "会话内存上限", Size),
    label("sessions.max_value", "Largest session", "单个会话大小上限", Size),
    label("sessions.fsync", "When sessions are safe on disk", "会话落盘时机", Word),
    label("sessions.ttl_jitter", "Spread of session lifetimes", "会话有效期抖动", Plain),
    label("sessions.databases.*.index", "Number", "编号", Plain),
    label("sessions.databases.*.password", "Password", "密码", Secret),

    label("logs.file", "Access log file", "访问日志文件", Plain),
    label("logs.format", "Format of the access log", "访问日志格式", Plain),
    label("logs.level", "Level of the program's log", "程序日志级别", Plain),
    label("logs.rotate.size", "Size at which the access log is rotated", "访问日志轮转大小", Size),
    label("logs.rotate.age", "Age at which the access log is rotated", "访问日志轮转时间", TimeOrOff),
    label("logs.rotate.keep", "Old access logs kept", "保留的旧访问日志数", Plain),
    label("logs.rotate.compress", "Compressing old access logs", "压缩旧访问日志", Flag),
    label("logs.store.on", "Log search", "日志搜索", Flag),
    label("logs.store.max_size", "Disk for log search", "日志搜索磁盘上限", Size),
    label("logs.store.max_age", "Age up to which logs are searched", "日志搜索保留时间", TimeOrOff),

    label("webhooks.*.url", "URL", "网址", Plain),
    label("webhooks.*.events", "Events", "事件", Plain),
    label("webhooks.*.secret", "Signing secret", "签名密钥", Secret),
];

/// A word of a document: its field's last key, itself, and what it is called.
pub(super) type Meaning = (&'static str, &'static str, &'static str, &'static str);

/// The words.
#[rustfmt::skip]
pub(super) const WORDS: &[Meaning] = &[
    ("policy", "round_robin", "round robin, by weight", "加权轮询"),
    ("policy", "least_conn", "fewest running", "最少处理中"),
    ("policy", "ip_hash", "by client address", "按客户端地址"),
    ("policy", "hash", "by hash", "按哈希"),
    ("policy", "random_two", "best of two at random", "随机两选一"),
    ("policy", "least_time", "fastest answers", "最快应答"),
    ("hash_key", "uri", "the URL", "网址"),
    ("hash_key", "path", "the path", "路径"),
    ("hash_key", "host", "the host", "主机名"),
    ("hash_key", "client", "the client", "客户端"),
    ("health_check", "off", "off", "关闭"),
    ("health_check", "tcp", "TCP", "TCP"),
    ("health_check", "http", "HTTP", "HTTP"),
    ("kind", "tcp", "TCP", "TCP"),
    ("kind", "http", "HTTP", "HTTP"),
    ("state", "enabled", "on", "启用"),
    ("state", "draining", "draining", "排空"),
    ("state", "disabled", "off", "停用"),
    ("match", "prefix", "prefix", "前缀"),
    ("match", "exact", "exact", "精确"),
    ("underscores", "drop", "dropped", "丢弃"),
    ("underscores", "reject", "refused", "拒绝"),
    ("underscores", "keep", "kept", "保留"),
    ("secure", "auto", "as the client came", "随客户端"),
    ("secure", "true", "always", "始终"),
    ("secure", "false", "never", "从不"),
    ("tls", "off", "off", "关闭"),
    ("tls", "self-signed", "self-signed", "自签名"),
    ("fsync", "everysec", "every second", "每秒"),
    ("fsync", "always", "before each answer", "每次应答前"),
    ("fsync", "no", "left to the system", "由系统决定"),
    ("metrics", "token", "with a token", "持令牌者"),
    ("metrics", "allow", "who may use the panel", "可访问面板者"),
    ("metrics", "public", "anyone", "任何人"),
    ("expires", "off", "not said", "不指定"),
    ("expires", "epoch", "always ask again", "每次验证"),
    ("expires", "max", "as long as possible", "尽可能久"),
    ("tries", "0", "every node once", "每个节点一次"),
    ("language", "auto", "as the browser says", "随浏览器"),
    ("language", "en", "English", "英文"),
    ("language", "zh-CN", "Chinese", "中文"),
];
