//! What stands on every form of the configuration, and on the pages of pools.

use super::texts;

texts! {
    form_save(): "Save", "保存";
    form_live(): "In force for the next request as soon as it is saved.", "保存后立即对下一个请求生效。";
    form_not_saved(): "Not saved, look at", "未保存，请检查";
    form_was(label, was, now): "{label}: {was} → {now}", "{label}：原为 {was}，现为 {now}";
    form_stale(revision): "Somebody else has changed the configuration meanwhile (revision {revision} is in force). Nothing of yours was saved; it still stands below. Look at what changed and save again.", "其间配置已被他人更改（现为版本 {revision}）。你的更改没有保存，仍保留在下方。请查看变化后再次保存。";
    form_stale_elsewhere(): "What this page shows was not changed. Save again to go on.", "本页显示的内容没有变化，再次保存即可。";
    form_stale_new(revision): "The configuration was changed meanwhile (revision {revision} is in force), perhaps by this very form. Nothing was done now: look at the page and send it again if it is still wanted.", "其间配置已更改（现为版本 {revision}），也可能正是此表单所为。本次没有任何更改：请查看页面，如仍需要再提交一次。";
    form_cannot_save(): "It could not be saved, and nothing was changed. Requests are served on as before.", "无法保存，没有任何更改。请求照常处理。";
    form_in_use(): "It is in use. Change these first:", "它正在使用中。请先更改：";
    form_add(): "Add", "添加";
    pools(): "Pools", "节点池";
    pools_lead(): "A pool is the nodes that share the same work", "节点池是分担同一工作的一组节点";
    pools_title(name): "Pool {name}", "节点池 {name}";
    pools_all(): "All pools", "所有节点池";
    pools_add(): "Add pool", "添加节点池";
    pools_policy(): "Who gets the next request", "分配策略";
    pools_used_by(): "Asked by", "使用者";
    pools_unused(): "not used by any route", "没有路由使用";
    pools_nodes(n): "nodes: {n}", "{n} 个节点";
    pools_remove_title(name): "Remove pool {name}?", "移除节点池 {name}？";
    pools_remove(): "Its nodes get no more requests. It can be undone from the history.", "其节点将不再收到请求。可在历史中撤销。";
}
