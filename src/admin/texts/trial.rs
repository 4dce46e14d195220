//! What a trial of an address found.

use super::texts;

texts! {
    trial_answers(status, ms): "answers {status} in {ms}", "应答 {status}，用时{ms}";
    trial_connects(ms): "accepts connections, in {ms}", "接受连接，用时{ms}";
    trial_server_django(server): "{server} with Django", "{server}，运行 Django";
    trial_django(): "Django", "运行 Django";
    trial_server(server): "{server}", "服务器：{server}";
    trial_connected(ms): "connected in {ms}", "连接用时{ms}";
    trial_ms(n): "{n} ms", " {n} 毫秒";
    trial_below_one(): "less than 1 ms", "不到 1 毫秒";
    trial_only_connects(): "The pool's check only connects; this asked for / beside it.", "节点池的检查只建立连接；本次测试另外请求了 /。";
    trial_own_sessions(): "this is the session store of this program: it is no node", "这是本程序的会话存储，不能作为节点";
    trial_own_panel(): "this is where the panel itself listens: it is no node", "这是面板自身的监听地址，不能作为节点";
    trial_own_socket(): "this is the control socket of Steelyard: it is no node", "这是 Steelyard 的控制套接字，不能作为节点";
    trial_link_local(): "link-local and cloud metadata addresses are not connected to: no node is there", "不连接链路本地地址和云平台元数据地址：那里不会有节点";
    trial_no_machine(): "this is no address of one machine", "这不是某一台机器的地址";
    trial_too_many(): "not tested: too many were tested in a short time. Try again in a moment.", "未测试：短时间内测试过多，请稍后再试。";
    trial_broken_off(): "not tested: the test was broken off. Try again.", "未测试：测试中断，请重试。";
    trial_start(): "Start your application there, for example:", "请在那里启动应用，例如：";
    trial_allow_host(): "Add this to settings.py and restart Gunicorn, or name another host for the check:", "在 settings.py 中加入下面一行并重启 Gunicorn，或为检查另设主机名：";
    trial_exempt(): "Add this to settings.py and restart Gunicorn:", "在 settings.py 中加入下面一行并重启 Gunicorn：";
    trial_sent(): "Sent", "发送";
    trial_answered(): "Answered", "应答";
    trial_nothing(): "Nothing was sent: there was no connection.", "未发送任何内容：没有建立连接。";
    trial_no_answer(): "Nothing was answered.", "没有任何应答。";
    trial_exchange(): "The whole exchange", "完整的请求与应答";
    copy(): "Copy", "复制";
}
