//! The first minutes.

use super::texts;

texts! {
    set_up(): "Set up", "初始设置";
    step_password(): "Password", "密码";
    step_nodes(): "Nodes", "节点";
    step_address(): "Address", "地址";
    step_try(): "Try it", "试一试";
    setup_title(): "Who looks after this appliance?", "由谁管理这台设备？";
    setup_lead(): "You are its first admin. There is no default account, and this link works once.", "你是第一位管理员。没有默认账户，此链接只能用一次。";
    language(): "Language", "语言";
    new_password(): "New password", "新密码";
    password_again(): "The same again", "再输一次";
    password_hint(): "At least 8 characters, better 15 or more: a sentence is easy to keep in mind.", "至少 8 个字符，最好 15 个以上：一句话最好记。";
    setup_go(): "Go on", "继续";
    setup_closed_title(): "The setup needs its one-time link", "初始设置需要一次性链接";
    setup_closed(): "Nobody can sign in here yet. The link is in the log of the first start; on the machine itself, as root, this prints it:", "目前还没有人可以登录。链接在首次启动的日志里；在本机以 root 运行以下命令也会显示：";
    setup_new_link(): "It is good until it is used. Add --new for another, which makes the old one worthless.", "链接在使用前一直有效。加上 --new 可换新链接，旧链接随即失效。";
    fault_name(): "1 to 64 letters, digits and . _ - @ or spaces between them.", "1 到 64 个字母、数字或 . _ - @，中间可有空格。";
    fault_taken(): "This name is taken.", "该名称已被占用。";
    fault_short(n): "At least {n} characters.", "至少 {n} 个字符。";
    fault_long(n): "At most {n} bytes.", "最多 {n} 字节。";
    fault_common(): "This is one of the first that anybody would try. Take another.", "这是人人最先会试的密码之一，请换一个。";
    fault_obvious(): "This is little more than a name known to everybody here. Take another.", "它与众所周知的名字几乎相同，请换一个。";
    fault_differ(): "The two are not the same.", "两次输入不一致。";
    fault_role(): "Choose what they may do.", "请选择权限。";
}
