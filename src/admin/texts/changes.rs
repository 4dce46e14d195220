//! What changed, in a sentence.

use super::texts;

texts! {
    value_of(label, of, before, after): "{label} of {of}: {before} → {after}", "{of} 的{label}：{before} → {after}";
    value_alone(label, before, after): "{label}: {before} → {after}", "{label}：{before} → {after}";
    changed_of(label, of): "{label} of {of} changed", "{of} 的{label}已更改";
    changed_alone(label): "{label} changed", "{label}已更改";
    node_drains(node): "{node} is draining", "{node} 正在排空";
    node_on(node): "{node} is on", "{node} 已启用";
    node_off(node): "{node} is off", "{node} 已停用";
    node_added(node, pool, weight): "Node {node} added to pool {pool}, weight {weight}", "节点池 {pool} 新增节点 {node}，权重 {weight}";
    node_removed(node, pool): "Node {node} removed from pool {pool}", "节点池 {pool} 移除节点 {node}";
    pool_added(pool, nodes): "Pool {pool} added, {nodes}", "新增节点池 {pool}，{nodes}";
    pool_removed(pool, nodes): "Pool {pool} removed, {nodes}", "移除节点池 {pool}，{nodes}";
    one_node(): "1 node", "1 个节点";
    some_nodes(n): "{n} nodes", "{n} 个节点";
    listener_added(listener, address): "Listener {listener} added at {address}", "新增监听 {listener}，地址 {address}";
    thing_added(thing): "Added: {thing}", "新增{thing}";
    thing_removed(thing): "Removed: {thing}", "移除{thing}";
    and_more(first, n): "{first} and {n} more", "{first}，另有 {n} 处更改";
    label_of(label, of): "{label} of {of}", "{of} 的{label}";
    of_node(node, pool): "node {node} of pool {pool}", "节点池 {pool} 的节点 {node}";
    of_listener(name): "listener {name}", "监听 {name}";
    of_certificate(name): "certificate {name}", "证书 {name}";
    of_acme(name): "authority {name}", "证书颁发机构 {name}";
    of_pool(name): "pool {name}", "节点池 {name}";
    of_site(name): "site {name}", "站点 {name}";
    of_route(route, site): "route {route} of site {site}", "站点 {site} 的路由 {route}";
    of_session_database(name): "session database {name}", "会话数据库 {name}";
    of_webhook(name): "webhook {name}", "通知 {name}";
    value_none(): "none", "无";
    value_on(): "on", "开启";
    value_off(): "off", "关闭";
    value_no_limit(): "no limit", "不限";
    value_automatic(): "automatic", "自动";
    secret_changed(): "A secret was replaced", "更换了一个密钥";
}
