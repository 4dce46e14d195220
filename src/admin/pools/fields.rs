//! What the form of a pool asks for.

use crate::admin::forms::{Field, Group, Kind, NONE, Words};

const POLICIES: &[(&str, Words, Words)] = &[
    ("round_robin", ["In turn", "轮流"], ["Each node gets its share by weight, one after another. Right for most sites.", "按权重依次分给每个节点，适合大多数站点。"]),
    ("least_conn", ["Least busy", "最少请求"], ["The node with the fewest requests under way for its weight. Good where some requests take long.", "分给当前请求最少（按权重折算）的节点，适合耗时差别大的请求。"]),
    ("least_time", ["Fastest", "最快响应"], ["The node that has answered fastest lately and has least to do.", "分给近期响应最快且最空闲的节点。"]),
    ("random_two", ["Better of two", "二选一"], ["Two nodes are drawn and the less busy one gets it. For several balancers before the same nodes.", "随机抽两个节点，选较空闲的一个。适合多台均衡器共用同一批节点。"]),
    ("ip_hash", ["By client address", "按客户端地址"], ["The same address always meets the same node, as long as it is up.", "同一地址总是到同一节点（只要它正常）。"]),
    ("hash", ["By a key", "按键哈希"], ["The same key, such as the URL, always meets the same node. Good for caches on the nodes.", "同一个键（例如 URL）总是到同一节点，适合节点上有缓存的情况。"]),
];

const RETRY_ON: &[(&str, Words)] = &[
    ("error", ["it cannot be reached or breaks off", "连不上或中断"]),
    ("timeout", ["it is silent for too long", "超时无响应"]),
    ("invalid_header", ["its answer is no HTTP", "响应不是 HTTP"]),
    ("http_403", ["403", "返回 403"]), ("http_404", ["404", "返回 404"]), ("http_429", ["429", "返回 429"]),
    ("http_500", ["500", "返回 500"]), ("http_502", ["502", "返回 502"]),
    ("http_503", ["503", "返回 503"]), ("http_504", ["504", "返回 504"]),
];

const KINDS: &[(&str, Words)] = &[
    ("http", ["Ask for a page", "请求页面"]),
    ("tcp", ["Only connect", "仅连接"]),
    ("off", ["Off", "关闭"]),
];

const METHODS: &[(&str, Words)] = &[("GET", ["GET", "GET"]), ("HEAD", ["HEAD", "HEAD"])];

const SAME_SITE: &[(&str, Words)] = &[
    ("lax", ["Lax", "Lax"]), ("strict", ["Strict", "Strict"]), ("none", ["None", "None"]),
];

const SECURE: &[(&str, Words)] = &[
    ("auto", ["As the request", "随请求"]), ("true", ["Always", "始终"]), ("false", ["Never", "从不"]),
];

const PROXY: &[(&str, Words)] = &[
    ("off", ["Off", "关闭"]), ("v1", ["Version 1", "版本 1"]), ("v2", ["Version 2", "版本 2"]),
];

const TIMES: Words = ["times", "次"];
const REQUESTS: Words = ["requests", "个请求"];

const BALANCING: &[Field] = &[
    Field::new("policy", Kind::Cards(POLICIES), ["Who gets the next request", "下一个请求给谁"], NONE),
    Field::new("hash_key", Kind::Text, ["Key", "键"], ["uri, path, host, client, header:NAME, cookie:NAME or query:NAME.", "uri、path、host、client、header:名称、cookie:名称 或 query:名称。"]).when("if-hash"),
];

const CHECK: &[Field] = &[
    Field::new("health_check.kind", Kind::Choice(KINDS), ["Check", "检查方式"], ["A page tells more than a connection: Django may accept and still fail.", "请求页面比仅连接更可靠：Django 可能接受连接却无法响应。"]),
    Field::new("health_check.path", Kind::Text, ["Path", "路径"], ["A page that needs no sign-in, such as /healthz.", "无需登录的页面，例如 /healthz。"]).when("if-http"),
    Field::new("health_check.host", Kind::Text, ["Host name", "主机名"], ["Django answers 400 to a name that is not in ALLOWED_HOSTS. Empty: the node's address.", "不在 ALLOWED_HOSTS 中的主机名会被 Django 以 400 拒绝。留空则用节点地址。"]).when("if-http"),
    Field::new("health_check.expect", Kind::Text, ["Good status", "正常状态码"], ["A number or a range, such as 200 or 200-399.", "数字或范围，例如 200 或 200-399。"]).when("if-http"),
    Field::new("health_check.body", Kind::Text, ["Text in the page", "页面须含文本"], ["The check fails where the page does not hold it. Empty: anything.", "页面不含此文本则检查失败。留空不限。"]).when("if-http"),
    Field::new("health_check.interval", Kind::Time, ["Every", "间隔"], ["Time from one check to the next, such as 5s.", "两次检查之间的时间，例如 5s。"]).when("if-check"),
    Field::new("health_check.timeout", Kind::Time, ["Fails after", "超时"], ["At most the interval.", "不超过间隔。"]).when("if-check"),
    Field::new("health_check.rise", Kind::Number(TIMES), ["Up after good checks", "恢复需连续成功"], NONE).when("if-check"),
    Field::new("health_check.fall", Kind::Number(TIMES), ["Down after failed checks", "宕机需连续失败"], NONE).when("if-check"),
];

const RARE_CHECK: &[Field] = &[
    Field::new("health_check.method", Kind::Choice(METHODS), ["Method", "方法"], NONE).when("if-http"),
    Field::new("health_check.port", Kind::Number(NONE), ["Another port", "其他端口"], ["Empty: the node's own.", "留空则用节点自己的端口。"]).when("if-check"),
    Field::new("health_check.headers", Kind::Pairs, ["Header fields", "请求头"], ["One a line: Name: value", "每行一个：名称: 值"]).when("if-http"),
    Field::new("health_check.default_down", Kind::Flag, ["Down until checked", "检查前视为宕机"], ["A new node gets nothing before its first good check.", "新节点首次检查成功前不接收请求。"]).when("if-check"),
    Field::new("max_fails", Kind::Number(TIMES), ["Failed requests", "请求失败"], ["So many within the time below take a node out for as long. 0: never.", "在下述时间内失败达到此数，节点停用同样长的时间。0 为不停用。"]),
    Field::new("fail_timeout", Kind::Time, ["Within", "时间窗口"], NONE),
    Field::new("slow_start", Kind::Time, ["Slow start", "慢启动"], ["A node that comes back gets its share bit by bit over this time. 0s: at once.", "恢复的节点在此时间内逐步拿到应有份额。0s 为立即。"]),
];

const AFFINITY: &[Field] = &[
    Field::new("affinity.on", Kind::Flag, ["Keep visitors on their node", "让访客留在同一节点"], ["By a signed cookie. Needed only where nodes keep something of their own of a visitor, such as uploads or sessions in memory.", "通过签名 Cookie 实现。只有节点自己保存访客数据（如内存会话）时才需要。"]),
    Field::new("affinity.cookie", Kind::Text, ["Cookie", "Cookie 名"], NONE).when("if-affinity"),
    Field::new("affinity.max_age", Kind::Time, ["Lasts", "有效期"], ["0s: until the browser is closed.", "0s 表示到浏览器关闭为止。"]).when("if-affinity"),
    Field::new("affinity.path", Kind::Text, ["Path", "路径"], NONE).when("if-affinity"),
    Field::new("affinity.domain", Kind::Text, ["Domain", "域名"], ["Empty: the host alone that answered.", "留空则仅限当前主机。"]).when("if-affinity"),
    Field::new("affinity.secure", Kind::Choice(SECURE), ["Over https only", "仅 https"], NONE).when("if-affinity"),
    Field::new("affinity.http_only", Kind::Flag, ["Hidden from scripts", "禁止脚本读取"], NONE).when("if-affinity"),
    Field::new("affinity.same_site", Kind::Choice(SAME_SITE), ["SameSite", "SameSite 属性"], NONE).when("if-affinity"),
];

const TLS: &[Field] = &[
    Field::new("tls.on", Kind::Flag, ["Encrypt to the nodes", "到节点的连接加密"], ["The nodes speak HTTPS on the ports given.", "节点在所填端口上使用 HTTPS。"]),
    Field::new("tls.verify", Kind::Flag, ["Verify their certificates", "验证节点证书"], ["Without it whoever stands between can read and change everything.", "不验证时，中间人可以读取和篡改所有内容。"]).when("if-tls"),
    Field::new("tls.ca", Kind::Text, ["Authority", "签发机构"], ["A PEM file of the authority, or of a node's own certificate. Empty: those that this machine trusts.", "签发机构证书（或节点自签名证书）的 PEM 文件。留空则信任本机已信任的机构。"]).when("if-tls"),
    Field::new("tls.server_name", Kind::Text, ["Name in the certificate", "证书中的名称"], ["Empty: that of the node's address.", "留空则为节点地址中的名称。"]).when("if-tls"),
    Field::new("proxy_protocol", Kind::Choice(PROXY), ["PROXY protocol", "PROXY 协议"], ["Tells the nodes ahead of each connection who it is for. They must expect it, and a connection then serves one client only.", "在每个连接开头告知节点客户端是谁。节点必须启用此协议；每个连接只服务一个客户端。"]),
];

const QUEUE: &[Field] = &[
    Field::new("queue.size", Kind::Number(REQUESTS), ["Requests that may wait", "可排队的请求"], ["Only where nodes have a limit of their own (max_conns) and all are full. 0: none waits.", "仅当节点设有上限（max_conns）且都已满时才排队。0 为不排队。"]),
    Field::new("queue.timeout", Kind::Time, ["Wait at most", "最长等待"], NONE),
];

const RETRY: &[Field] = &[
    Field::new("retry.on", Kind::Many(RETRY_ON), ["Try another node if", "何时换节点重试"], NONE),
    Field::new("retry.tries", Kind::Number(TIMES), ["Nodes tried", "尝试节点数"], ["In all, the first included. 0: every node once.", "含首个节点。0 表示每个节点一次。"]),
    Field::new("retry.timeout", Kind::Time, ["No retry after", "停止重试"], ["0s: no limit.", "0s 为不限。"]),
    Field::new("retry.non_idempotent", Kind::Flag, ["POST too", "也重试 POST"], ["An order may then be placed twice. Leave off unless the application expects it.", "可能造成重复提交。除非应用能处理，否则请勿开启。"]),
];

const TIMEOUTS: &[Field] = &[
    Field::new("connect_timeout", Kind::Time, ["To connect", "连接"], ["A node that is not reached by then counts as failed.", "超过此时间未连上，视为失败。"]),
    Field::new("read_timeout", Kind::Time, ["Silence of the node", "节点无响应"], ["Between two pieces of its answer.", "响应的两段数据之间。"]),
    Field::new("send_timeout", Kind::Time, ["To take a request", "发送请求"], ["Between two pieces that the node takes.", "节点接收的两段数据之间。"]),
    Field::new("host", Kind::Text, ["Host sent to nodes", "发给节点的 Host"], ["Empty: the one the visitor asked for, which is what Django wants.", "留空则用访客请求的主机名，Django 需要的正是它。"]),
    Field::new("keepalive.idle", Kind::Number(NONE), ["Idle connections kept", "保留的空闲连接"], ["To each node by each worker. 0: none is used again.", "每个工作线程对每个节点。0 表示不复用。"]),
    Field::new("keepalive.timeout", Kind::Time, ["Idle for", "空闲时间"], ["Shorter than the node's own: Gunicorn closes after 2 s.", "须短于节点自己的设置：Gunicorn 默认 2 秒后关闭。"]),
    Field::new("keepalive.requests", Kind::Number(REQUESTS), ["Requests on one", "每连接请求数"], NONE),
    Field::new("keepalive.max_age", Kind::Time, ["Oldest", "最长寿命"], NONE),
];

/// The form.
pub(super) const POOL: &[Group] = &[
    Group { title: ["Balancing", "负载均衡"], hint: NONE, folded: false, fields: BALANCING },
    Group { title: ["Health check", "健康检查"], hint: ["Who does not answer well gets no requests.", "应答异常的节点不会收到请求。"], folded: false, fields: CHECK },
    Group { title: ["Session affinity", "会话保持"], hint: NONE, folded: false, fields: AFFINITY },
    Group { title: ["TLS to the nodes", "到节点的 TLS"], hint: NONE, folded: true, fields: TLS },
    Group { title: ["Retries", "重试"], hint: ["What one node fails to answer, another may.", "一个节点失败，可由另一个接手。"], folded: true, fields: RETRY },
    Group { title: ["Queue", "排队"], hint: ["When every node is full.", "所有节点都满时。"], folded: true, fields: QUEUE },
    Group { title: ["Timeouts and connections", "超时和连接"], hint: NONE, folded: true, fields: TIMEOUTS },
    Group { title: ["More on failures", "故障判断细节"], hint: ["Method, port and header fields of the check, failed requests, slow start.", "检查的方法、端口和请求头，请求失败，慢启动。"], folded: true, fields: RARE_CHECK },
];

const NEW: &[Field] = &[
    Field::new("name", Kind::Text, ["Name", "名称"], ["Letters, digits and . _ - such as django.", "字母、数字和 . _ -，例如 django。"]),
    Field::new("nodes", Kind::Lines, ["Nodes", "节点"], ["One address a line, such as 10.0.0.1:8000 or unix:/run/gunicorn.sock. More can be added later.", "每行一个地址，例如 10.0.0.1:8000 或 unix:/run/gunicorn.sock。以后可再添加。"]),
];

/// A new pool.
pub(super) const NEW_POOL: &[Group] = &[Group {
    title: ["New pool", "新建节点池"], hint: NONE, folded: false, fields: NEW,
}];

/// A policy in words.
pub(super) fn policy_words(t: crate::admin::texts::Texts, policy: &str) -> &'static str {
    let found = POLICIES.iter().find(|(word, ..)| *word == policy);
    found.map_or("", |(_, words, _)| crate::admin::forms::pick(t, *words))
}
