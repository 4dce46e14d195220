//! Finding a page or a node, and the keys.

use super::texts;

texts! {
    find_title(): "Search or jump to", "搜索或跳转";
    find_hint(): "Page or node", "页面或节点";
    find_go(): "Search", "搜索";
    find_none(): "Nothing of that name.", "没有匹配的名称。";
    find_node_of(pool): "Node of pool {pool}", "节点池 {pool} 的节点";
    find_page(): "Page", "页面";
    keys_title(): "Keys", "键盘快捷键";
    keys_find(): "Search or jump to a page or a node", "搜索或跳转到页面、节点";
    keys_help(): "These keys", "显示快捷键";
    keys_filter(): "To the filter of a list", "定位到列表筛选框";
    keys_rows(): "Next row, row before", "下一行、上一行";
    keys_weight(): "Edit the weight of the row's node", "编辑该行节点的权重";
    keys_drain(): "Drain the row's node", "排空该行节点";
    keys_escape(): "Close, or leave as it was", "关闭或放弃更改";
}
