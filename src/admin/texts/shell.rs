//! The frame of every page, what stands on several, and the pages for what went wrong.

use super::texts;

texts! {
    product(): "Steelyard", "Steelyard";
    language_english(): "English", "English";
    language_chinese(): "中文", "中文";
    skip(): "Skip to content", "跳到内容";
    main_navigation(): "Main", "主导航";
    people(): "People", "用户";
    audit(): "Audit", "审计";
    switch_theme(): "Light, dark or as the system", "浅色、深色或跟随系统";
    signed_in_as(name, role): "Signed in as {name}, {role}", "已登录：{name}，{role}";
    sign_out(): "Sign out", "退出登录";
    now(): "just now", "刚刚";
    minutes_ago(n): "{n} min ago", "{n} 分钟前";
    hours_ago(n): "{n} h ago", "{n} 小时前";
    days_ago(n): "{n} d ago", "{n} 天前";
    never(): "never", "从未";
    role_viewer(): "Viewer", "查看者";
    role_operator(): "Operator", "操作员";
    role_admin(): "Admin", "管理员";
    back(): "Back", "返回";
    home(): "Back to the panel", "回到面板";
    not_found_title(): "There is nothing here", "这里什么都没有";
    not_found(): "The address may be mistyped, or what was here is gone.", "地址可能有误，或者内容已不存在。";
    method_title(): "That cannot be done here", "此处不支持该操作";
    method(): "This address answers, but not to a request of this kind.", "该地址存在，但不接受这种请求。";
    forbidden_title(): "Your role may not do this", "你的角色无权执行此操作";
    forbidden(): "Ask an admin of this appliance to do it, or to change your role.", "请让本机的管理员来执行，或更改你的角色。";
    address_title(): "Your address may not use the panel", "你的地址不能使用此面板";
    address(): "The configuration (admin.allow) lists who may.", "配置项 admin.allow 列出了允许的地址。";
    host_title(): "This name is not ours", "这个名字不属于本机";
    host(): "Open the panel by its IP address or as localhost. A web site elsewhere could otherwise use your browser to reach it.", "请用 IP 地址或 localhost 打开面板，否则别处的网站可能借你的浏览器访问它。";
    cross_site_title(): "This request came from another site", "该请求来自其他网站";
    cross_site(): "Nothing was changed. Open the page here and do it again.", "没有任何更改。请在此打开页面后重试。";
    too_large_title(): "That is too much at once", "一次提交的内容过多";
    too_large(limit): "A form may hold {limit} KiB. Nothing was changed.", "表单最多 {limit} KiB。没有任何更改。";
    bad_form_title(): "The form did not arrive whole", "表单没有完整送达";
    bad_form(): "Nothing was changed. Go back and send it again.", "没有任何更改。请返回后重新提交。";
    unavailable_title(): "The database cannot be used now", "数据库暂不可用";
    unavailable(): "Requests are served on as before. Signing in and changes have to wait until it can be used again:", "请求照常处理。登录和更改需等它恢复：";
    internal_title(): "Something went wrong here", "这里出错了";
    internal(): "It is in the log of steelyard. Requests are served on as before.", "详情在 steelyard 的日志中。请求照常处理。";
}
