//! What the forms of the Certificates page ask for.

use crate::admin::forms::{Field, Group, Kind, NONE, Words};

const HTTPS: &[Field] = &[
    Field::new("host", Kind::Text, ["Name", "主机名"], ["What visitors type, such as shop.example.com; *.example.com for all below it.", "访问者输入的域名，例如 shop.example.com；*.example.com 表示其下所有名称。"]),
    Field::new("authority", Kind::Name, ["Signed by", "签发者"], ["An authority that browsers trust, added below. –: by itself, which they warn of.", "浏览器信任的颁发机构（在下方添加）。–：自签名，浏览器会警告。"]),
    Field::new("port", Kind::Number(NONE), ["Port", "端口"], ["443 is the one that no URL has to name.", "443 是网址中无需写出的端口。"]),
    Field::new("redirect", Kind::Flag, ["Send visitors of HTTP to HTTPS", "将 HTTP 访问者转到 HTTPS"], ["Once browsers trust the certificate: they warn of a self-signed one. Forms sent by HTTP arrive too.", "请在浏览器信任证书之后再启用：自签名证书会引起警告。通过 HTTP 提交的表单也会送达。"]),
];

/// The one switch.
pub(super) const SWITCH: &[Group] = &[Group {
    title: ["Turn on HTTPS", "启用 HTTPS"],
    hint: ["In one change: a certificate where none fits, the port, and the redirect.", "一次更改完成：缺少合适的证书时取得一张、打开端口、设置跳转。"],
    folded: false, fields: HTTPS,
}];

/// The same where HTTPS is on.
pub(super) const SWITCH_AGAIN: &[Group] = &[Group {
    title: ["Turn on HTTPS for another name", "为其他主机名启用 HTTPS"], hint: NONE, folded: true, fields: HTTPS,
}];

const NAME: Field = Field::new("name", Kind::Text, ["Name", "名称"], ["One that is there already is replaced at once: that is a renewal.", "若名称已存在，则立即替换：即续期。"]);
const HOSTS: Field = Field::new("hosts", Kind::Lines, ["For these names", "用于这些主机名"], ["One a line. Empty: those it is made for.", "每行一个。留空则按证书自身的主机名。"]);

/// One that is given.
pub(super) const UPLOAD: &[Group] = &[Group {
    title: ["Upload a certificate", "上传证书"], hint: ["Bought, or of your own authority.", "购买的，或自有机构签发的。"], folded: true,
    fields: &[
        NAME,
        Field::new("chain", Kind::Pem, ["Certificate", "证书"], ["PEM: the certificate first, then those that lead to its authority.", "PEM 格式：证书在前，随后是通向签发机构的各级证书。"]),
        Field::new("key", Kind::PemKey, ["Private key", "私钥"], ["PEM, without a passphrase. Kept sealed and never shown again.", "PEM 格式，不带口令。加密保存，不再显示。"]),
        HOSTS,
    ],
}];

/// One of our own.
pub(super) const SELF_SIGNED: &[Group] = &[Group {
    title: ["Make a self-signed certificate", "生成自签名证书"], hint: ["For tests and machines of your own: browsers warn of it.", "用于测试和自有设备：浏览器会警告。"], folded: true,
    fields: &[
        Field::new("name", Kind::Text, ["Name", "名称"], NONE),
        Field::new("hosts", Kind::Lines, ["For these names", "用于这些主机名"], ["One a line: host names or addresses. Made anew in good time, and when they change.", "每行一个：主机名或地址。更改后及到期前会自动重新生成。"]),
    ],
}];

const CHALLENGES: &[(&str, Words)] = &[
    ("http-01", ["HTTP, port 80", "HTTP，端口 80"]), ("tls-alpn-01", ["TLS, port 443", "TLS，端口 443"]),
];

/// An authority that certificates are had from.
pub(super) const AUTHORITY: &[Group] = &[Group {
    title: ["Add an authority", "添加颁发机构"], hint: ["By ACME, such as Let's Encrypt: certificates come and are renewed by themselves.", "通过 ACME（如 Let's Encrypt）：证书自动获取和续期。"], folded: true,
    fields: &[
        Field::new("name", Kind::Text, ["Name", "名称"], NONE),
        Field::new("directory", Kind::Text, ["Directory", "目录地址"], ["letsencrypt, letsencrypt-staging to try it, or the URL that the authority gives.", "letsencrypt、试用的 letsencrypt-staging，或颁发机构给出的 URL。"]),
        Field::new("email", Kind::Text, ["E-mail", "电子邮件"], ["Where the authority writes to you. May be empty.", "颁发机构联系您的地址，可留空。"]),
        Field::new("challenge", Kind::Choice(CHALLENGES), ["It looks at", "验证方式"], ["Where it sees that the name is yours.", "颁发机构在此验证域名归您所有。"]),
        Field::new("ca", Kind::Text, ["Its own root", "自有根证书"], ["A PEM file, where the authority is your own. Empty: what this machine trusts.", "自建颁发机构的 PEM 文件。留空则信任本机已信任的机构。"]),
        Field::new("eab.key_id", Kind::Text, ["Account there", "外部账户"], ["The key id, where the authority binds to an account of its own.", "颁发机构要求绑定外部账户时的 Key ID。"]),
        Field::new("eab.hmac", Kind::Secret, ["Its key", "账户密钥"], ["The HMAC key beside it, as it was handed out.", "与之对应的 HMAC 密钥。"]),
    ],
}];

/// One in files.
pub(super) const FILES: &[Group] = &[Group {
    title: ["Use files of this machine", "使用本机文件"], hint: ["Such as certbot's. Read again when they change.", "例如 certbot 的文件。变化后自动重新读取。"], folded: true,
    fields: &[
        Field::new("name", Kind::Text, ["Name", "名称"], NONE),
        Field::new("files.chain", Kind::Text, ["Certificate file", "证书文件"], ["With the chain, PEM, such as /etc/letsencrypt/live/shop/fullchain.pem.", "含证书链的 PEM，例如 /etc/letsencrypt/live/shop/fullchain.pem。"]),
        Field::new("files.key", Kind::Text, ["Key file", "私钥文件"], ["Such as /etc/letsencrypt/live/shop/privkey.pem.", "例如 /etc/letsencrypt/live/shop/privkey.pem。"]),
        HOSTS,
    ],
}];
