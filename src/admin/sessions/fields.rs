//! What the forms of the session store ask for.

use crate::admin::forms::{Field, Group, Kind, NONE, Words};

const LISTEN: Field = Field::new("listen", Kind::Text, ["Address", "地址"], ["IP and port, such as 127.0.0.1:6379 for this machine alone. Empty: off, and applications lose their connections.", "IP 和端口，例如 127.0.0.1:6379 仅供本机。留空为关闭，应用会断开连接。"]);

const VERSIONS: &[(&str, Words)] = &[("1.2", ["TLS 1.2", "TLS 1.2"]), ("1.3", ["TLS 1.3", "TLS 1.3"])];

const FSYNC: &[(&str, Words, Words)] = &[
    ("everysec", ["Every second", "每秒"], ["Fast. A power cut loses one second at most.", "速度快。断电最多丢失一秒。"]),
    ("always", ["Always", "每次写入"], ["Answered when it is on disk: nothing is lost, writes take longer.", "落盘后才应答，不会丢失，但写入更慢。"]),
    ("no", ["Whenever the system does", "由系统决定"], ["A power cut may lose half a minute.", "断电可能丢失半分钟。"]),
];

const WHERE: &[Field] = &[
    LISTEN,
    Field::new("allow", Kind::Lines, ["Only from", "仅允许来自"], ["Addresses or networks, one a line. Empty: this machine and the nodes.", "地址或网段，每行一个。留空则为本机和节点。"]),
    Field::new("tls.on", Kind::Flag, ["TLS", "TLS"], ["Applications then connect by rediss://. Needed where the network is not yours alone.", "应用改用 rediss:// 连接。网络并非专用时需要。"]),
    Field::new("tls.certificates", Kind::Names, ["Certificates", "证书"], ["None chosen: all there are, by the name that is asked for.", "不选则用全部证书，按请求的主机名选取。"]).when("if-tls"),
    Field::new("tls.min_version", Kind::Choice(VERSIONS), ["At least", "最低版本"], NONE).when("if-tls"),
];

const WHOSE: &[Field] = &[
    Field::new("password", Kind::Secret, ["Common password", "公用密码"], ["Empty: stays as it is. One was made for you.", "留空则不变。已自动生成。"]),
    Field::new("databases", Kind::Pairs, ["Databases of their own", "独立数据库"], ["One a line, a name and a number from 0 to 15, such as shop: 1. Each gets a password of its own.", "每行一个，名称和 0 到 15 的编号，例如 shop: 1。每个都有独立密码。"]),
];

const STORE: &[Field] = &[
    Field::new("store", Kind::Text, ["Store", "存储"], ["memory, or a Redis such as redis://10.0.0.5:6379/1 (rediss:// by TLS). Changed here nothing is taken along and everybody is signed out: the page of sessions moves them.", "memory，或 Redis，例如 redis://10.0.0.5:6379/1（TLS 用 rediss://）。在此更改不会迁移会话，所有用户会被登出；请在会话页面迁移。"]),
    Field::new("store_password", Kind::Secret, ["Password at the Redis", "Redis 密码"], ["Empty: stays as it is. Applications never see it.", "留空则不变，应用看不到它。"]),
];

const HOW: &[Field] = &[
    Field::new("max_memory", Kind::Size, ["Memory", "内存"], ["When it is full, new sessions are refused; none is ever thrown out.", "用满后拒绝新会话，绝不丢弃已有会话。"]),
    Field::new("max_value", Kind::Size, ["Largest session", "单个会话上限"], NONE),
    Field::new("fsync", Kind::Cards(FSYNC), ["Safe on disk", "落盘"], NONE),
    Field::new("ttl_jitter", Kind::Time, ["Spread of lifetimes", "有效期抖动"], ["0% to 50%: so much longer or shorter than asked for, so that many do not end at once.", "0% 到 50%：在要求的有效期上随机增减，避免大量同时过期。"]),
];

/// `[sessions]`
pub(super) const SESSIONS: &[Group] = &[
    Group { title: ["Where applications connect", "连接位置"], hint: NONE, folded: false, fields: WHERE },
    Group { title: ["Passwords", "密码"], hint: NONE, folded: false, fields: WHOSE },
    Group { title: ["Where sessions are", "会话存放处"], hint: NONE, folded: false, fields: STORE },
    Group { title: ["Keeping sessions", "保存会话"], hint: NONE, folded: false, fields: HOW },
];

const FIRST: &[Field] = &[
    Field::new("listen", Kind::Text, ["Address", "地址"], ["127.0.0.1 is this machine alone, 6379 where applications expect a Redis. Everything else can be set later.", "127.0.0.1 仅供本机，6379 是应用默认的 Redis 端口。其他设置可稍后更改。"]),
];

/// Turning it on.
pub(super) const TURN_ON: &[Group] = &[Group {
    title: ["Turn on the session store", "启用会话存储"], hint: NONE, folded: false, fields: FIRST,
}];
