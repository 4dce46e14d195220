//! The overview, and events wherever they are told.

use super::texts;

texts! {
    sum_empty(): "Nothing is configured yet", "尚未配置";
    sum_deaf(): "Nothing listens", "没有端口在监听";
    sum_no_node(): "No node is switched on", "没有启用的节点";
    sum_none_well(): "No node is well", "没有正常的节点";
    sum_the_node(): "The node takes requests", "节点正常接收请求";
    sum_all(n): "All {n} nodes take requests", "全部 {n} 个节点正常接收请求";
    sum_some(well, n): "{well} of {n} nodes take requests", "{n} 个节点中有 {well} 个接收请求";
    requests_a_second(n): "{n} req/s", "{n} 请求/秒";
    per_second(n): "{n}/s", "{n}/秒";
    p95(time): "p95 {time}", "p95 耗时 {time}";
    errors_lately(n): "errors in 15 min: {n}", "15 分钟内错误 {n} 个";
    milliseconds(n): "{n} ms", "{n} 毫秒";
    in_seconds(n): "{n} s", "{n} 秒";
    path_node(name, rate): "{name} {rate}", "节点 {name} {rate}";
    path_down(name): "{name} is down", "节点 {name} 已宕机";
    as_sentence(text): "{text}.", "{text}。";

    where_to(): "Where requests go", "请求去向";
    where_how(): "last minute, width is the share of requests", "最近一分钟，宽度表示请求占比";
    listeners(): "Listeners", "监听器";
    routes(): "Routes", "路由";
    to_pool(pool): "pool {pool}", "节点池 {pool}";
    to_files(): "files", "文件";
    to_redirect(): "redirect", "重定向";
    to_respond(): "fixed answer", "固定应答";
    listener_closed(): "not open", "未打开";
    is_off(): "Off", "已停用";
    is_draining(): "Draining", "排空中";
    is_down(): "Down", "宕机";
    is_down_since(time): "Down since {time}", "{time} 起宕机";
    is_resting(): "Resting", "暂歇中";
    in_last_minute(n): "requests in the last minute: {n}", "最近一分钟请求数：{n}";
    and_others(n): "and {n} others", "其余 {n} 个";
    not_logged(): "The log store is off, so nothing is known of single requests.", "日志存储已关闭，没有请求数据可显示。";

    chart_requests(): "Requests a second", "每秒请求数";
    chart_latency(): "Time to answer, ms", "应答耗时（毫秒）";
    chart_at(time): "at {time}", "{time} 时";
    no_charts(): "The charts cannot be read:", "无法读取图表：";
    range(): "Time range", "时间范围";
    range_quarter(): "15 min", "15 分钟";
    range_hour(): "1 h", "1 小时";
    range_day(): "24 h", "24 小时";
    range_week(): "7 d", "7 天";
    as_table(): "The charts as tables", "以表格显示图表";

    what_changed(): "What changed", "最近动态";
    all_history(): "All history", "全部历史";
    nothing_changed(): "Nothing has happened yet.", "还没有任何动态。";
    c_time(): "Time", "时间";
    e_up(node): "{node} is up again", "{node} 已恢复";
    e_down(node): "{node} went down", "{node} 已宕机";
    e_open(pool): "No node of pool {pool} is well", "节点池 {pool} 中没有正常的节点";
    e_open_end(pool): "A node of pool {pool} is well again", "节点池 {pool} 中有节点恢复正常";
    e_sessions_ended(n, database): "{n} sessions of database {database} were ended", "已结束数据库 {database} 的 {n} 个会话";
    e_certificate_ends(name, n): "Certificate {name} ends, days left: {n}", "证书 {name} 即将到期，剩余天数：{n}";
    e_certificate_expired(name): "Certificate {name} has expired", "证书 {name} 已到期";
    e_certificate_trouble(name, why): "Certificate {name}: {why}", "证书 {name}：{why}";
    e_start(): "Steelyard started", "Steelyard 已启动";
    e_stop(): "Steelyard stopped", "Steelyard 已停止";
    e_change(revision): "The configuration was changed, revision {revision}", "配置已更改，版本 {revision}";
    e_by(who, address): "{who}, from {address}", "{who}，来自 {address}";
    e_by_box(who): "{who}, on the box", "{who}，在本机操作";

    why_down(node): "{node} is down.", "{node} 已宕机。";
    why_down_since(node, time): "{node} is down since {time}.", "{node} 自 {time} 起宕机。";
    why_others_serve(): "Visitors notice nothing: the other nodes take its share.", "访客不受影响：其他节点已接管它的请求。";
    why_fails_open(pool): "No node of pool {pool} is well.", "节点池 {pool} 中没有正常的节点。";
    why_all_tried(): "Requests are tried on all of them all the same.", "请求仍会逐个尝试所有节点。";
    why_more(n): "And {n} more troubles.", "另有 {n} 个问题。";
    why_read_only(): "The configuration cannot be changed: its database was not readable at the start.", "配置无法更改：启动时数据库不可读。";
    why_as_known(): "The last configuration known is served.", "正按最后一份已知配置提供服务。";
    why_lost(): "The configuration is lost.", "配置已丢失。";
    why_nothing_serves(): "Nothing is served.", "未提供任何服务。";
    why_no_listener(): "There is no listener.", "没有任何监听。";
    why_nobody_comes(): "No request can come in.", "请求无法进入。";
    why_closed(name, address): "Listener {name} is not open on {address}.", "监听 {name} 未能在 {address} 上打开。";
    why_tried_again(): "It is tried again every 5 s.", "每 5 秒重试一次。";
    why_no_certificate(name): "Listener {name} has no certificate to show.", "监听 {name} 没有可用的证书。";
    why_certificate(name): "Something is wrong with certificate {name}.", "证书 {name} 有问题。";
    why_certificate_ends(name, n): "Certificate {name} ends, days left: {n}.", "证书 {name} 即将到期，剩余天数：{n}。";
    why_certificate_expired(name): "Certificate {name} has expired.", "证书 {name} 已到期。";
    why_browsers_warn(): "Browsers warn of it and let nobody past who is not determined.", "浏览器会警告并阻止访问。";
    why_renew(): "Put the next one in its place.", "请更换新证书。";
    open_certificates(): "Open certificates", "打开证书";
    why_no_https(): "Browsers cannot connect there by https.", "浏览器无法通过 https 连接。";
    why_no_secret(): "A secret is missing.", "缺少密钥。";
    why_not_kept(): "The copy for emergencies could not be written.", "应急配置副本无法写入。";
    why_needed_later(): "It is served from if the database breaks.", "数据库损坏时将靠它提供服务。";
    why_no_backup(): "The nightly backup could not be made.", "每夜备份未能完成。";
    why_backup_again(): "It is tried again every five minutes.", "每五分钟重试一次。";
    open_one(name): "Open {name}", "打开 {name}";
    open_nodes(): "Open nodes", "打开节点";
    open_listeners(): "Open listeners", "打开监听器";
    open_diagnostics(): "Open diagnostics", "打开诊断";

    begin_title(): "Add your first nodes", "添加第一批节点";
    begin(): "Nothing is configured yet. Name the addresses where your application listens, and see at once whether they answer.", "尚未配置。填入应用的监听地址，即可看到它们是否应答。";
    begin_go(): "Add nodes", "添加节点";
    begin_by_file(): "Or write a document and apply it:", "或编写文档后应用：";
}
