//! Certificates, and HTTPS by one switch.

use super::texts;

texts! {
    cert_lead(): "What browsers are shown, until when it is good, and who shows it", "浏览器看到的证书、有效期以及使用者";
    cert_turn_on(): "Turn on HTTPS", "启用 HTTPS";
    cert_upload(): "Upload", "上传";
    cert_make(): "Make certificate", "生成证书";
    cert_add(): "Add certificate", "添加证书";
    cert_valid(): "Good for", "有效期";
    cert_signed_by(): "Signed by", "签发者";
    cert_shown_by(): "Shown by", "使用者";
    cert_nobody(): "nobody", "无";
    cert_itself(): "Itself", "自身";
    cert_uploaded(): "uploaded", "已上传";
    cert_made(): "made here, renewed by itself", "本机生成，自动续期";
    cert_issued(): "from an authority, renewed by itself", "由颁发机构签发，自动续期";
    cert_add_authority(): "Add authority", "添加颁发机构";
    cert_first(): "The first one is on its way; until then a self-signed one is shown.", "首张证书正在获取，在此之前使用自签名证书。";
    cert_first_failed(): "None was had so far; a self-signed one is shown.", "尚未取得证书，目前使用自签名证书。";
    cert_asking(): "Being renewed now.", "正在续期。";
    cert_failed(): "Renewing failed; this one is shown on.", "续期失败，继续使用当前证书。";
    cert_renewed(): "Renewed in good time.", "将按时自动续期。";
    cert_next(): "Next", "下次";
    cert_check(): "Check", "检查";
    cert_renew(): "Renew now", "立即续期";
    cert_checked(name): "What would fail for {name}", "{name} 可能失败的原因";
    cert_all_well(): "Nothing that can be seen from here: it should work.", "从本机未发现问题，应可成功。";
    cert_files(): "files of this machine", "本机文件";
    cert_day(): "1 day", "1 天";
    cert_days(n): "{n} days", "{n} 天";
    cert_awaited(): "not there yet", "尚未取得";
    cert_today(): "less than a day", "不足一天";
    cert_expired(): "expired", "已到期";
    cert_unusable(): "cannot be used", "无法使用";
    cert_not_named(): "Kept, and the configuration does not name it.", "已保存，但配置中未使用。";
    cert_choose_file(): "From a file", "从文件读取";
    cert_remove_title(name): "Remove certificate {name}?", "移除证书 {name}？";
    cert_remove(): "It is shown to nobody any more. It stays kept, so that an undo from the history finds it.", "此后不再出示。证书仍会保存，可在历史中撤销。";
    cert_remove_files(): "Its files stay where they are. It can be undone from the history.", "文件本身不受影响。可在历史中撤销。";
    cert_forget(): "Certificate and key are gone for good.", "证书和私钥将被永久删除。";
}
