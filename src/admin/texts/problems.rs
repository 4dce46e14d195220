//! Problems in Chinese. The check words them in English, with what it found in them; here each of
//! its sentences has a Chinese one, into which the same is put. What no sentence here knows is told
//! by its code, with the English beside it.

use crate::model::Code;

/// Sentences in English and Chinese, `{}` for what was found.
pub(super) type Table = &'static [(&'static str, &'static str)];

/// What is found at the end of a sentence, in brackets.
const ENDS: Table = &[
    (" (is {})", "（当前为 {}）"),
    (" (has {})", "（当前含 {}）"),
    (" (there are: {})", "（现有：{}）"),
    (" (known here: {})", "（此处可用：{}）"),
];

/// Sentences without that, what says more before what says less.
#[rustfmt::skip]
const SENTENCES: Table = &[
    ("is missing", "必须填写"),
    ("is missing: the names that it is to be made for", "必须填写：证书所适用的主机名"),
    ("must not be empty", "不能为空"),
    ("must not be empty; without the key a secret stays as it is", "不能为空；不填则密钥保持不变"),
    ("must be empty: an answer {} has none", "必须为空：{} 响应没有正文"),
    ("must have exactly one of {}", "必须恰好设置其中一项：{}"),
    ("must have at most {} characters", "最多 {} 个字符"),
    ("must have {} characters at least", "至少 {} 个字符"),
    ("must be a time of day such as {}, or empty for none", "必须是时刻，例如 {}，或留空为不备份"),
    ("must have at most {} bytes", "最多 {} 字节"),
    ("must be at most {} bytes long", "最多 {} 字节"),
    ("must be at most {} bytes", "最多 {} 字节"),
    ("must be at most the interval, {}", "不能超过检查间隔 {}"),
    ("must be one of {}", "必须是以下之一：{}"),
    ("must be a whole number, {} to {}", "必须是 {} 到 {} 的整数"),
    ("must be a time with its unit, such as {} or {}", "时间要带单位，例如 {} 或 {}"),
    ("must be a time, such as {}", "必须是时间，例如 {}"),
    ("must be a time such as {}, {} or {}", "必须是时间，例如 {}、{} 或 {}"),
    ("must be a time of day below @24h", "必须是 @24h 以内的时刻"),
    ("must have a unit, such as {} or {}", "必须带单位，例如 {} 或 {}"),
    ("must be whole milliseconds", "最小到整毫秒"),
    ("must be a size, such as {}", "必须是大小，例如 {}"),
    ("must be a size such as {}", "必须是大小，例如 {}"),
    ("must be text in quotes", "必须是加引号的文本"),
    ("must be a name in quotes", "必须是加引号的名称"),
    ("must be a path in quotes", "必须是加引号的路径"),
    ("must be an event in quotes", "必须是加引号的事件名"),
    ("must be true or false", "必须是 true 或 false"),
    ("must be a list in [ ]", "必须是 [ ] 中的列表"),
    ("must be a list of tables, {}", "必须是表的列表 {}"),
    ("must be a table, a JSON object", "必须是一个表"),
    ("must be a table, {}", "必须是表 {}"),
    ("must be one table, {}", "必须是一个表 {}"),
    ("must be one table", "必须是一个表"),
    ("must be an absolute path", "必须是绝对路径，以 / 开头"),
    ("must not hold ..", "不能含 .."),
    ("must not hold control characters", "不能含控制字符"),
    ("must not hold empty segments, . or ..", "不能含空段、. 或 .."),
    ("must start with /", "必须以 / 开头"),
    ("must be a path without ? or #", "路径不能含 ? 或 #"),
    ("must be written as it stands in a URL, with %XX for blanks and letters beyond ASCII", "要按 URL 中的写法：空格和非 ASCII 字符写成 %XX"),
    ("must be a path as it stands in a URL, with %XX for blanks and letters beyond ASCII", "要按 URL 中路径的写法：空格和非 ASCII 字符写成 %XX"),
    ("holds a % that encodes nothing", "其中的 % 没有编码任何字符"),
    ("may hold letters, digits and . _ - only", "只能用字母、数字和 . _ -"),
    ("must be a header name, such as {}", "必须是头字段名，例如 {}"),
    ("must be one line without control characters", "必须是一行，且不含控制字符"),
    ("must not begin or end with a blank", "首尾不能有空格"),
    ("{} belongs to the connection and is written by this program alone", "{} 属于连接本身，只能由本程序写"),
    ("Host cannot be changed here; set `host` of the pool", "这里不能改 Host；请在节点池里设置发给节点的 Host"),
    ("Host cannot be set here; set `host` of the check", "这里不能设 Host；请填健康检查的主机名"),
    ("User-Agent of a probe is steelyard-probe, so that a node can tell it from a visitor", "探测的 User-Agent 固定为 steelyard-probe，便于节点与访客区分"),
    ("is the same header as {}", "与 {} 是同一个头字段"),
    ("must be written in punycode, xn--…", "要写成 punycode（xn--…）"),
    ("must be a host name without a port", "必须是不带端口的主机名"),
    ("must be a host name such as {} or {}", "必须是主机名，例如 {} 或 {}"),
    ("must be HOST or HOST:PORT, such as {}", "必须是 主机 或 主机:端口，例如 {}"),
    ("must be uri, path, host, client, header:NAME, cookie:NAME or query:NAME", "必须是 uri、path、host、client、header:名称、cookie:名称 或 query:名称"),
    ("must be a path or a URL, such as {} or {}", "必须是路径或 URL，例如 {} 或 {}"),
    ("may hold {scheme}, {host}, {path}, {uri} and {query} in braces", "花括号里只能用 {scheme}、{host}、{path}、{uri} 和 {query}"),
    ("must be off, epoch, max or a time such as 30d, -1, modified +24h, @15h30m", "必须是 off、epoch、max 或时间，例如 30d、-1、modified +24h、@15h30m"),
    ("must be a status of 200 to 599 or a range of them, such as {}", "必须是 200 到 599 的状态码或其范围，例如 {}"),
    ("must be the status of an error, 400 to 599", "必须是 400 到 599 的错误状态码"),
    ("must be a type such as {}", "必须是内容类型，例如 {}"),
    ("must be a method in capital letters, such as {} or {}", "方法要用大写字母，例如 {} 或 {}"),
    ("must be an IP address or a network such as {}", "必须是 IP 地址或网段，例如 {}"),
    ("must be IP:PORT, such as {} or {}", "必须是 IP:端口，例如 {} 或 {}"),
    ("must be HOST:PORT, such as {}, or unix:/PATH, such as {}", "必须是 主机:端口（例如 {}）或 unix:/路径（例如 {}）"),
    ("must be HOST:PORT without a scheme", "必须是 主机:端口，不带协议"),
    ("must begin with unix: before a path", "套接字路径前要写 unix:"),
    ("must end with a port of 1 to 65535", "必须以 1 到 65535 的端口结尾"),
    ("must have an IPv4 address of four numbers of 0 to 255, or a name", "必须是由四个 0 到 255 的数字组成的 IPv4 地址，或名称"),
    ("must have a name whose parts between dots are not empty and neither begin nor end with -", "名称中各点之间的部分不能为空，也不能以 - 开头或结尾"),
    ("must be the name of a cookie, such as {}: 1 to {} letters, digits and - _ .", "必须是 Cookie 名，例如 {}：1 到 {} 个字母、数字和 - _ ."),
    ("must be a path as it stands in a URL, of at most {} characters and without ;", "要按 URL 中路径的写法，最多 {} 个字符，不含分号"),
    ("must be a domain, such as {}, without a port", "必须是域名，例如 {}，不带端口"),
    ("must begin with https:// or http://", "必须以 https:// 或 http:// 开头"),
    ("must hold no user and no password: sign with secret instead", "不能含用户名和密码：请改用签名密钥"),
    ("must hold no fragment (#…): it is never sent", "不能含 #…：它不会被发送"),
    ("must hold no blanks, and letters beyond ASCII as %XX", "不能含空格，非 ASCII 字符写成 %XX"),
    ("must name a host, such as {}", "必须写明主机，例如 {}"),
    ("must begin with redis:// or rediss://", "必须以 redis:// 或 rediss:// 开头"),
    ("must hold no password: it belongs in store_password", "地址中不能含密码：密码请填在 store_password"),
    ("must name a user of letters, digits and . _ - only", "用户名只能含字母、数字和 . _ -"),
    ("must end with the number of a database, 0 to {}, or without a path", "结尾须是 0 到 {} 的数据库编号，或不写路径"),
    ("must be memory, or where a Redis is, such as {}", "必须是 memory，或 Redis 的地址，例如 {}"),
    ("must hold a port of 1 to 65535 behind the host", "主机后的端口必须是 1 到 65535"),
    ("must name an event; without the key it is told of all", "至少选一种事件"),
    ("must be the name of a variable, such as {}", "必须是环境变量名，例如 {}"),
    ("must be letsencrypt, letsencrypt-staging, zerossl or the https:// URL of an authority's directory", "必须是 letsencrypt、letsencrypt-staging、zerossl，或颁发机构目录的 https:// 网址"),
    ("{} cannot be had by http-01 or tls-alpn-01: name each host", "{} 无法用 http-01 或 tls-alpn-01 验证：请逐个写明域名"),
    ("must have at most {} hosts for one certificate", "一张证书最多 {} 个主机名"),
    ("must be an e-mail address, such as {}", "必须是邮箱地址，例如 {}"),
    ("must be one word of letters and signs of ASCII", "必须是不含空格的 ASCII 字符"),
    ("must hold file or env, not both", "file 和 env 只能填一个"),
    ("needs kind = {}; a TCP check only connects", "只有 HTTP 检查才有此项；TCP 检查只建立连接"),
    ("needs method = {}; the answer to HEAD has no body", "方法须为 GET：HEAD 的响应没有正文"),
    ("cannot be used with policy {}", "不能与策略 {} 同用"),
    ("{} is already taken by another route of this site", "{} 已被本站点的另一条路由占用"),
    ("any host is already taken by site {}: name the hosts of one of them", "站点 {} 已接收所有主机名：请给其中一个写明主机名"),
    ("{} is already taken by site {}", "{} 已被站点 {} 占用"),
    ("{} is already taken by listener {}, which listens on {}", "{} 已被监听器 {} 占用（它监听 {}）"),
    ("{} is already taken by the admin address {}; change one of them", "{} 已被管理地址 {} 占用；请改其中一个"),
    ("{} is the admin address of this program", "{} 是本程序的管理地址"),
    ("{} is the session store of this program", "{} 是本程序的会话存储"),
    ("{} is already database {}", "{} 已是数据库 {} 的编号"),
    ("must be another than those before it: it tells which database is meant", "必须与前面的密码不同：密码用来区分数据库"),
    ("must be at most max_memory: no such value would find room", "不能超过内存上限：否则无处可存"),
    ("{} is already the name of {}", "{} 这个名称已被 {} 使用"),
    ("there is a route {} of site {} already", "站点 {1} 已有路由 {0}"),
    ("there is a {} already", "{} 已存在"),
    ("no {} is named {}; there is none yet", "没有名为 {1} 的{0}，目前一个也没有"),
    ("no {} is named {}", "没有名为 {1} 的{0}"),
    ("must say which of the {} pools gets which requests: add [[sites]] with routes", "有 {} 个节点池，须说明请求归谁：请添加站点和路由"),
    ("hash takes weights of {} in all (these are {}): divide them all by the same number", "哈希策略的权重总和最多 {}（现为 {}）：请把所有权重除以同一个数"),
    ("cannot be used with node {}, whose address is a Unix socket and has no port: leave it out, or put nodes with and without ports into pools of their own", "节点 {} 的地址是 Unix 套接字，没有端口：请去掉此项，或把两类节点分到不同的节点池"),
    ("must be a host name or an address without a port, such as {}", "必须是不带端口的主机名或地址，例如 {}"),
    ("is a Unix socket, to which no TLS is spoken: take tls from the pool, or put this node into one without", "是 Unix 套接字，不能使用 TLS：请去掉节点池的 tls，或把该节点移到不用 TLS 的节点池"),
    ("this machine trusts no certificate authority (install ca-certificates, or name a file in tls.ca): {}", "本机没有受信任的证书颁发机构（请安装 ca-certificates，或在 tls.ca 中填写文件）：{}"),
    ("{} holds no certificate, but {}", "{} 中没有证书，其内容是：{}"),
    ("{} holds no certificate in PEM", "{} 中没有 PEM 格式的证书"),
    ("{} is damaged: it is not PEM", "{} 已损坏：不是 PEM 格式"),
    ("{} is damaged: what it holds is no certificate", "{} 已损坏：其中不是证书"),
    ("{} holds no private key, but {}", "{} 中没有私钥，其内容是：{}"),
    ("{} holds no private key in PEM", "{} 中没有 PEM 格式的私钥"),
    ("{} needs a passphrase: write it without one (openssl pkey -in FILE -out FILE)", "{} 需要口令：请先去掉口令（openssl pkey -in FILE -out FILE）"),
    ("{} is an RSA key of {} bits, which is too short: make one of {} at least, and have a certificate issued for it", "{} 是 {} 位的 RSA 密钥，太短：请生成至少 {} 位的密钥，并重新签发证书"),
    ("is made for no name: clients believe none but those in subjectAltName, and it has none there", "不适用于任何主机名：客户端只认 subjectAltName 中的名称，而证书中没有"),
    ("the certificate is made for no name: clients believe none but those in subjectAltName, and it has none there", "证书不适用于任何主机名：客户端只认 subjectAltName 中的名称，而证书中没有"),
    ("the certificate in {} is made for no name: clients believe none but those in subjectAltName, and it has none there", "{} 中的证书不适用于任何主机名：客户端只认 subjectAltName 中的名称，而证书中没有"),
    ("{} holds a key of a kind that is not known", "{} 中的私钥类型无法识别"),
    ("{} holds a certificate that no client takes", "{} 中的证书没有客户端会接受"),
    ("{} is the key of another certificate than {}", "{} 与 {} 不是一对：它是另一张证书的私钥"),
    ("{} is in the wrong order: the certificate of the key must be the first, and is number {}", "{} 的顺序不对：私钥对应的证书应排第一，现排第 {}"),
    ("{} is in the wrong order: certificate number {} did not issue number {}", "{} 的顺序不对：第 {} 张证书并未签发第 {} 张"),
    ("may not be believed by clients, as {}; take the whole chain anew from its authority", "可能不被客户端信任：{}；请从颁发机构重新获取完整的证书链"),
    ("the certificate may not be believed by clients, as {}; take the whole chain anew from its authority", "证书可能不被客户端信任：{}；请从颁发机构重新获取完整的证书链"),
    ("the certificate in {} may not be believed by clients, as {}; take the whole chain anew from its authority", "{} 中的证书可能不被客户端信任：{}；请从颁发机构重新获取完整的证书链"),
    ("number {} of its chain ({}) is no authority", "证书链中第 {} 张（{}）不是颁发机构证书"),
    ("number {} of its chain ({}) has an RSA key of {} bits only", "证书链中第 {} 张（{}）的 RSA 密钥仅 {} 位"),
    ("number {} of its chain ({}) has not signed number {}: it has the right name and another key, or one of the two is damaged", "证书链中第 {} 张（{}）并未签发第 {} 张：名称相同但密钥不同，或其中一张已损坏"),
    ("number {} of its chain ({}) has expired on {}", "证书链中第 {} 张（{}）已于 {} 到期"),
    ("number {} of its chain ({}) is good only from {} on, and this machine's clock says {}", "证书链中第 {} 张（{}）从 {} 起才有效，而本机时钟为 {}"),
    ("has expired on {}", "已于 {} 到期"),
    ("is good only from {} on, and this machine's clock says {}", "从 {} 起才有效，而本机时钟为 {}"),
    ("{} is kept and cannot be opened, as seal.key or the credential that sealed it is gone: bring that back and start again, or give the certificate again", "{}已保存但无法解密：seal.key 或加密它的凭据已丢失。请找回后重新启动，或重新上传证书"),
    ("listener {} speaks plain HTTP there", "监听器 {} 在该端口使用明文 HTTP"),
    ("no site answers for {}", "没有站点响应 {}"),
    ("the certificate has expired on {}", "证书已于 {} 到期"),
    ("the certificate is good only from {} on, and this machine's clock says {}", "证书从 {} 起才有效，而本机时钟为 {}"),
    ("the certificate in {} has expired on {}", "{} 中的证书已于 {} 到期"),
    ("the certificate in {} is good only from {} on, and this machine's clock says {}", "{} 中的证书从 {} 起才有效，而本机时钟为 {}"),
    ("the certificate is not made for {} (it is for: {})", "证书不适用于 {}（它适用于：{}）"),
    ("was not uploaded yet: give it on the page Certificates, by `steelyard certificate put {} --chain FILE --key FILE`, or by PUT /api/v1/tls/{}", "尚未上传：请在“证书”页面上传，或用 `steelyard certificate put {} --chain FILE --key FILE`，或 PUT /api/v1/tls/{}"),
    ("{} certificates are kept already: remove one that is not used", "已保存 {} 张证书：请先移除一张不用的"),
    ("the configuration names it: remove it there first", "配置中仍在使用：请先在配置中移除"),
    ("none of what it holds can be an authority", "其中没有可用作签发机构的证书"),
    ("needs the proxies that may speak it in settings.trusted_proxies: nobody else gets in", "需在 settings.trusted_proxies 中填写允许使用它的代理：其他来源一律拒绝"),
    ("needs a certificate to show: add [[certificates]]", "需要一张证书：请先添加证书"),
    ("{} is beyond this machine, where the panel is not spoken without TLS: add tls = \"self-signed\" or the name of a certificate", "{} 可从本机之外访问，面板在那里必须用 TLS：请选自签名或一张证书"),
    ("{} cannot be opened: {}", "无法打开 {}：{}"),
    ("{} cannot be read: {}", "无法读取 {}：{}"),
    ("{} is empty", "{} 是空的"),
    ("{} is not available in this version", "此版本尚不支持 {}"),
    ("duplicate key", "重复的键"),
    ("duplicate key {}", "重复的键 {}"),
    ("unknown key {}; did you mean {}?", "未知的键 {}；是不是 {}？"),
    ("unknown key {}", "未知的键 {}"),
    ("must be 1, the only version this program knows", "必须是 1，本程序只认识这个版本"),
    ("is missing; write version = 1", "缺少版本号；请写 version = 1"),
    ("must be {} to {}", "必须在 {} 到 {} 之间"),
    ("must be {}, as the part is named; for another, remove this and add that", "名称必须是 {}；要改名，请删除后新建"),
    ("must be {}", "必须是 {}"),
];

/// What there may be none of, within a sentence.
const THINGS: Table = &[
    ("the uploaded chain", "上传的证书链"),
    ("the uploaded key", "上传的私钥"),
    ("the self-signed certificate", "自签名证书"),
    ("a private key", "私钥"),
    ("a certificate", "证书"),
    ("a public key", "公钥"),
    ("a request for a certificate", "证书请求"),
    ("pool", "节点池"),
    ("listener", "监听器"),
    ("certificate", "证书"),
    ("site", "站点"),
    ("node", "节点"),
    ("route", "路由"),
    ("webhook", "Webhook"),
    ("authority", "证书颁发机构"),
];

/// A message of the check in Chinese; none where it is not known.
pub(in crate::admin) fn chinese(message: &str) -> Option<String> {
    let (body, end) = ENDS
        .iter()
        .find_map(|(english, chinese)| {
            let found = captured(english, message, true)?;
            let [body, found] = <[&str; 2]>::try_from(found).ok()?;
            Some((body, chinese.replacen("{}", found, 1)))
        })
        .unwrap_or((message, String::new()));
    Some(find(SENTENCES, body)? + &end)
}

/// The Chinese of `text`, by the sentence of `table` that it is.
pub(super) fn find(table: Table, text: &str) -> Option<String> {
    let is = |(english, chinese): &(&str, &'static str)| {
        let found = captured(english, text, false)?;
        Some(filled(chinese, &found))
    };
    table.iter().find_map(is)
}

/// What stands in `text` at each `{}` of `pattern`; of an end, what is before it first.
fn captured<'t>(pattern: &str, text: &'t str, is_end: bool) -> Option<Vec<&'t str>> {
    let mut parts = pattern.split("{}");
    let first = parts.next()?;
    let mut found = Vec::new();
    let mut rest = match is_end {
        true => {
            let at = text.rfind(first)?;
            found.push(&text[..at]);
            &text[at + first.len()..]
        }
        false => text.strip_prefix(first)?,
    };
    let parts: Vec<&str> = parts.collect();
    for (i, part) in parts.iter().enumerate() {
        let is_last = i + 1 == parts.len();
        let at = match is_last {
            true => rest
                .len()
                .checked_sub(part.len())
                .filter(|_| rest.ends_with(part)),
            false => rest.find(part),
        }?;
        found.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    rest.is_empty().then_some(found)
}

fn filled(chinese: &str, found: &[&str]) -> String {
    let in_words = |text: &str| {
        if let Some((_, whole)) = THINGS.iter().find(|(english, _)| *english == text) {
            return (*whole).to_owned();
        }
        // A sentence may be the reason within another.
        if let Some(reason) = find(SENTENCES, text).filter(|_| text.contains(' ')) {
            return reason;
        }
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        let thing = THINGS.iter().find(|(english, _)| *english == first);
        let named = |(_, chinese): &(_, &str)| format!("{chinese} {rest}").trim_end().to_owned();
        thing.map_or_else(|| text.to_owned(), named)
    };
    let mut filled = chinese.to_owned();
    for (i, text) in found.iter().enumerate() {
        let numbered = format!("{{{i}}}");
        let mark = match filled.contains(&numbered) {
            true => numbered,
            false => "{}".to_owned(),
        };
        // What was found may hold braces of its own: they come behind those still to be filled.
        filled = filled.replacen(&mark, &in_words(text), 1);
    }
    filled
}

/// What is wrong, by its code alone.
pub(in crate::admin) fn of_code(code: Code) -> &'static str {
    match code {
        Code::Syntax => "这不是有效的 TOML 或 JSON。",
        Code::UnknownKey => "没有这个键。",
        Code::NotAvailable => "此版本尚不支持。",
        Code::Missing => "缺少必填内容。",
        Code::Type => "值的类型不对。",
        Code::Value => "值不在允许的范围或格式内。",
        Code::Duplicate => "与已有的重复。",
        Code::Dangling => "所指的名称不存在。",
        Code::Conflict => "与另一项设置冲突。",
    }
}

#[cfg(test)]
mod tests {
    use super::{SENTENCES, chinese};

    #[test]
    fn what_was_found_is_told_in_chinese() {
        for (english, told) in [
            (
                "must be 1 to 1000 (is 0)",
                "必须在 1 到 1000 之间（当前为 0）",
            ),
            ("is missing", "必须填写"),
            (
                "must have exactly one of pool, files, redirect, respond (has none)",
                "必须恰好设置其中一项：pool, files, redirect, respond（当前含 none）",
            ),
            (
                "no pool is named java (there are: a, b)",
                "没有名为 java 的节点池（现有：a, b）",
            ),
            (
                "must be a time with its unit, such as \"5s\" or \"5ms\" (is 5)",
                "时间要带单位，例如 \"5s\" 或 \"5ms\"（当前为 5）",
            ),
            (
                "may not be believed by clients, as number 2 of its chain (R11) is no authority; take the whole chain anew from its authority",
                "可能不被客户端信任：证书链中第 2 张（R11）不是颁发机构证书；请从颁发机构重新获取完整的证书链",
            ),
            (
                "may hold {scheme}, {host}, {path}, {uri} and {query} in braces (is \"/{x}\")",
                "花括号里只能用 {scheme}、{host}、{path}、{uri} 和 {query}（当前为 \"/{x}\"）",
            ),
        ] {
            assert_eq!(chinese(english).as_deref(), Some(told));
        }
        assert_eq!(chinese("the moon is full"), None);
    }

    #[test]
    fn each_sentence_is_chinese_and_takes_up_all_that_was_found() {
        for (english, words) in SENTENCES {
            assert!(
                words
                    .chars()
                    .any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)),
                "{words}"
            );
            let numbered = words.matches("{0}").count() + words.matches("{1}").count();
            let taken = words.matches("{}").count() + numbered;
            let is_fewer = english.starts_with("needs ");
            assert!(
                is_fewer || english.matches("{}").count() == taken,
                "{english}"
            );
        }
    }
}
