//! A code besides the password.

use super::texts;

texts! {
    second_factor(): "A code besides your password", "密码之外的动态验证码";
    second_factor_lead(): "With it, whoever learns your password still cannot sign in: an app on your phone (Aegis, Google Authenticator, 1Password …) shows a code that changes every half minute.", "启用后，仅凭密码无法登录：手机上的验证器应用（Aegis、Google Authenticator、1Password 等）每半分钟显示一个新验证码。";
    second_factor_on_since(): "A code is asked for when you sign in, since", "登录时需要验证码，启用于";
    recovery_left(count): "Recovery codes left: {count}. Switch it off and on again for new ones.", "剩余恢复码：{count} 个。关闭后重新启用可获得新的恢复码。";
    second_factor_begin(): "Switch on", "启用";
    second_factor_end(): "Switch off", "关闭";
    with_code(): "asked for a code too", "需要验证码";
    enrol_title(): "Put it into your app", "添加到验证器应用";
    enrol_picture(): "Add an account in the app and point the camera at this:", "在应用中添加账户，然后扫描此二维码：";
    enrol_picture_alt(): "QR code for your authenticator app", "供验证器应用扫描的二维码";
    enrol_typed(): "No camera? Type this key instead (time-based, six digits):", "无法扫描？请手动输入此密钥（基于时间，六位数字）：";
    enrol_code(): "The code that the app shows now", "应用当前显示的验证码";
    enrol_go(): "Switch on", "启用";
    not_now(): "Not now", "暂不启用";
    enrol_wrong(): "This is not the code. If it is what the app shows, its clock or this machine's is wrong.", "验证码不正确。如果与应用显示的一致，说明手机或本机的时钟不准。";
    enrol_over(): "That took too long. Begin anew.", "等待时间过长，请重新开始。";
    recovery_title(): "Your recovery codes", "你的恢复码";
    recovery_lead(): "Each lets you in once in place of a code, when your phone is lost. Keep them somewhere else than the phone: they are not shown again.", "手机丢失时，每个恢复码可代替验证码登录一次。请保存在手机以外的地方：它们不会再次显示。";
    recovery_kept(): "I have kept them", "我已保存";
    code_title(): "One more step", "还差一步";
    code_asked(): "Code from your app", "应用中的验证码";
    code_hint(): "Or one of your recovery codes.", "也可输入一个恢复码。";
    code_wrong(): "The code is wrong, or was used already. Wait for the next one.", "验证码错误或已用过，请等待下一个。";
    code_over(): "That took too long. Sign in again.", "等待时间过长，请重新登录。";
    code_lost(): "Phone and recovery codes lost? Another admin can switch the code off, or on the machine itself, as root:", "手机和恢复码都丢失？请让其他管理员关闭验证码，或在本机以 root 运行：";
    begin_anew(): "Sign in as somebody else", "使用其他用户登录";
    factor_off_wrong(): "The password or the code is wrong.", "密码或验证码错误。";
    reset_factor(): "Switch the code off", "关闭验证码";
    reset_factor_title(name): "Ask {name} for no code any more?", "不再要求 {name} 输入验证码？";
    reset_factor_lead(): "For somebody who has lost what their codes come from. They are signed out everywhere and sign in by their password alone, until they switch it on again.", "适用于丢失验证器的用户。该用户会在所有地方退出，之后仅凭密码登录，直到重新启用。";
    reset_factor_own(): "Your own password", "你自己的密码";
    done_factor_on(): "A code is asked for from now on. Elsewhere you are signed out.", "已启用验证码，你在其他地方已退出登录。";
    done_factor_off(): "No code is asked for any more. Elsewhere you are signed out.", "已关闭验证码，你在其他地方已退出登录。";
    done_factor_reset(): "They sign in by their password alone now.", "该用户现在仅凭密码登录。";
}
