//! The audit log.

use super::texts;

texts! {
    audit_lead(): "Who did what, and from where. Never changed, only added to.", "谁在何处做了什么。只增不改。";
    audit_whole(): "The rows shown are as they were written.", "所示记录与写入时一致。";
    audit_broken(): "A row was altered or taken out since it was written. Who can write into config.db could do that.", "有记录在写入后被改动或删除。能写入 config.db 的人可以做到。";
    audit_altered(): "Altered, or the row before it is gone", "被改动，或前一条已缺失";
    when(): "When", "时间";
    who(): "Who", "谁";
    what(): "What", "操作";
    result(): "Result", "结果";
    older(): "Older", "更早";
    newest(): "Newest", "最新";
    no_audit(): "Nothing was done yet.", "尚无操作。";
    outcome_done(): "Done", "完成";
    outcome_refused(): "Refused", "被拒绝";
    outcome_failed(): "Failed", "失败";
    action_setup(): "Set up the appliance", "完成初始设置";
    action_setup_link(): "Issued the setup link", "生成设置链接";
    action_sign_in(): "Signed in", "登录";
    action_sign_out(): "Signed out", "退出登录";
    action_sign_in_ended(): "Ended a sign-in of", "结束登录：";
    action_user_added(): "Added the user", "添加用户";
    action_user_removed(): "Removed the user", "移除用户";
    action_role_changed(): "Changed the role of", "更改角色：";
    action_password_changed(): "Changed the password of", "更改密码：";
    action_password_reset(): "Reset the password of", "重置密码：";
    action_second_factor_on(): "Asks for a code besides the password:", "启用动态验证码：";
    action_second_factor_off(): "Asks for no code any more:", "关闭动态验证码：";
    action_recovery_code(): "Signed in by a recovery code, which leaves this many:", "使用恢复码，剩余数量：";
    action_code(): "Knew the password and not the code of", "密码正确但验证码错误：";
    action_token_made(): "Made the token", "创建令牌";
    action_session_passwords(): "Read the session passwords", "查看会话存储密码";
    action_sessions_ended(): "Signed out everybody of database", "结束全部会话，数据库：";
    action_certificate_uploaded(): "Uploaded the certificate", "上传证书";
    action_certificate_forgotten(): "Removed the kept certificate", "移除所存证书";
    action_certificate_renewal(): "Had the certificate renewed", "立即续签证书";
    action_token_ended(): "Ended the token", "停用令牌";
    action_cross_site(): "Asked from another site for", "来自其他网站的请求：";
    action_forbidden(): "Asked without the role for", "角色不足的请求：";
    action_bad_token(): "Showed an unknown token for", "出示未知令牌：";
    action_backup_made(): "Made a backup of", "创建备份：";
    action_backup_taken(): "Downloaded the backup", "下载备份：";
    action_restored(): "Restored the backup", "恢复备份：";
    action_change(): "Changed the configuration", "更改配置";
}
