//! The page of diagnostics. What was found has its words where it is judged.

use super::texts;

texts! {
    dia_lead(): "Ports, DNS, clock, disk, limits, nodes, certificates and what Django needs, looked at now.", "即时检查端口、域名解析、时钟、磁盘、系统限制、节点、证书以及 Django 所需的设置。";
    dia_again(): "Look again", "重新检查";
    dia_bundle(): "Download support bundle", "下载诊断包";
    dia_text(): "As text", "文本形式";
    dia_text_lead(): "To be pasted into an issue; no secrets are in it. The bundle holds this and the configuration without its secrets.", "可直接粘贴到问题报告中，不含任何密钥。诊断包内含此文本和去除密钥的配置。";
}
