//! Signing in.

use super::texts;

texts! {
    sign_in(): "Sign in", "登录";
    user_name(): "User name", "用户名";
    password(): "Password", "密码";
    wrong_sign_in(): "The name or the password is wrong.", "用户名或密码错误。";
    wait_sign_in(seconds): "Too many tries. Try again in {seconds} s.", "尝试次数过多，请在 {seconds} 秒后重试。";
    forgotten(): "Forgotten? On the machine itself, as root:", "忘记密码？请在本机以 root 运行：";
}
