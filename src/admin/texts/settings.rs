//! Listeners, settings, and the document as text.

use super::texts;

texts! {
    listeners_lead(): "Where clients connect", "客户端连接的地方";
    listeners_title(name): "Listener {name}", "监听器 {name}";
    listeners_all(): "All listeners", "所有监听器";
    listeners_none(): "Nothing listens yet, so that nobody can connect.", "还没有监听器，无人能连接。";
    listeners_add(): "Add listener", "添加监听器";
    listeners_address(): "Address", "地址";
    listeners_speaks(): "Speaks", "协议";
    listeners_open(): "open", "已打开";
    listeners_closed(): "closed", "未打开";
    listeners_remove_title(name): "Remove listener {name}?", "移除监听器 {name}？";
    listeners_remove(): "Nobody can connect there any more. Requests under way are finished. It can be undone from the history.", "此后无法再从该地址连接，进行中的请求会完成。可在历史中撤销。";
    settings_admin(): "The panel", "面板";
    settings_hooks(): "Webhooks", "Webhook 通知";
    settings_hook(name): "Webhook {name}", "Webhook {name} 通知";
    settings_hook_remove_title(name): "Remove webhook {name}?", "移除 Webhook {name}？";
    settings_hook_remove(): "It is told of nothing any more. It can be undone from the history.", "此后不再通知。可在历史中撤销。";
    document_title(): "The document as text", "配置文本";
    document_lead(): "Everything there is to set, in TOML", "以 TOML 书写的全部设置";
    document_label(): "Configuration in TOML", "TOML 配置";
    document_hint(): "What steelyard export prints. Comments are not kept, and what is the default is not written.", "与 steelyard export 的输出相同。注释不会保留，默认值不会写出。";
    document_check(): "Check", "检查";
    document_place(line, column): "Line {line}, column {column}", "第 {line} 行第 {column} 列";
    document_problems(n): "Problems: {n}. Nothing was changed.", "{n} 个问题，没有任何更改。";
    document_fine(): "No problem. Saving it would change nothing.", "没有问题。保存不会带来变化。";
    document_would(n): "No problem. Saving it would change this ({n}):", "没有问题。保存后将有以下变化（{n} 项）：";
    document_more(n): "and {n} more", "以及另外 {n} 项";
    document_long(limit): "It is longer than {limit} MiB. Use steelyard apply.", "超过 {limit} MiB，请用 steelyard apply。";
    document_stale_no_diff(): "Saving yours would also undo what was changed meanwhile. This would change now:", "保存你的文本会同时撤销其间的更改。现在保存将有以下变化：";
}
