//! What the forms of the Certificates page ask for.

use crate::admin::forms::{Field, Group, Kind, NONE};

const HTTPS: &[Field] = &[
    Field::new("host", Kind::Text, ["Name", "主机名"], ["What visitors type, such as shop.example.com; *.example.com for all below it.", "访问者输入的域名，例如 shop.example.com；*.example.com 表示其下所有名称。"]),
    Field::new("port", Kind::Number(NONE), ["Port", "端口"], ["443 is the one that no URL has to name.", "443 是网址中无需写出的端口。"]),
    Field::new("redirect", Kind::Flag, ["Send visitors of HTTP to HTTPS", "将 HTTP 访问者转到 HTTPS"], ["Once browsers trust the certificate: they warn of a self-signed one. Forms sent by HTTP arrive too.", "请在浏览器信任证书之后再启用：自签名证书会引起警告。通过 HTTP 提交的表单也会送达。"]),
];

/// The one switch.
pub(super) const SWITCH: &[Group] = &[Group {
    title: ["Turn on HTTPS", "启用 HTTPS"],
    hint: ["In one change: a certificate where none fits (signed by itself), the port, and the redirect.", "一次更改完成：缺少合适的证书时生成自签名证书、打开端口、设置跳转。"],
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
