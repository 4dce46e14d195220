//! The session store, and a Redis behind it. What applications see of it is not tried here: that
//! writes, and the page Sessions has it.

use super::finding::{Area, Finding, Said};
use crate::control::{Handle, MoveView, SessionsView};
use crate::model::{Language, size, words};

impl Handle {
    pub(super) fn session_store(&self, language: Language) -> Vec<Finding> {
        if !self.control.running {
            return Vec::new();
        }
        let name = Area::Sessions.text(language);
        let Some(view) = self.sessions_view() else {
            let off = Said::ok(words!(language, "off", "未启用"));
            return vec![off.of(Area::Sessions, name)];
        };
        let mut found = vec![judge(&view, language).of(Area::Sessions, name)];
        if let Some(redis) = &view.redis {
            let said = match (&redis.why, &redis.evicts) {
                (Some(why), _) => Said::bad(
                    why,
                    words!(
                        language,
                        "look whether it runs, at its password and at what lies between",
                        "请检查 Redis 是否运行、密码是否正确以及中间的网络"
                    ),
                ),
                (None, Some(policy)) => Said::warn(
                    words!(
                        language,
                        "removes sessions when it is full: its maxmemory-policy is {policy}",
                        "内存满时会删除会话：其 maxmemory-policy 为 {policy}"
                    ),
                    "maxmemory-policy noeviction",
                ),
                (None, None) => Said::ok(words!(language, "answers", "有应答")),
            };
            found.push(said.of(Area::Sessions, &redis.address));
        }
        found
    }
}

fn judge(view: &SessionsView, language: Language) -> Said {
    if let Some(why) = &view.not_kept {
        return Said::bad(
            words!(
                language,
                "takes no writes (-MISCONF): {why}",
                "拒绝写入（-MISCONF）：{why}"
            ),
            words!(language, "look at the disk", "请检查磁盘"),
        );
    }
    if let MoveView::Failed(to, why) = &view.moving {
        let text = words!(
            language,
            "moving sessions to {to} failed: {why}",
            "会话迁移到 {to} 失败：{why}"
        );
        return Said::warn(text, String::new());
    }
    let (keys, used) = (view.keys(), size(view.memory));
    let text = words!(
        language,
        "sessions: {keys}, {used}",
        "会话 {keys} 个，{used}"
    );
    let is_near = view.redis.is_none()
        && view.most_memory > 0
        && u128::from(view.memory) * 10 > u128::from(view.most_memory) * 9;
    match is_near {
        false => Said::ok(text),
        true => Said::warn(
            text,
            words!(
                language,
                "memory is nearly full, then writes are refused: raise sessions.max_memory",
                "内存将满，届时写入会被拒绝：请调大 sessions.max_memory"
            ),
        ),
    }
}
