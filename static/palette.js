/* Keys: ⌘K and Ctrl-K find a page or a node, g and a letter go to a page, ? tells the keys. What
   they show is the page /find, in a dialog. Without this file the link in the rail leads there. */
"use strict";
(() => {
  const dialog = document.createElement("dialog");
  dialog.className = "find";
  // g was pressed: the next key says which page, however slow the page or the hand is.
  let goes = false;

  const show = (...what) => {
    dialog.replaceChildren(...what);
    if (!dialog.isConnected) document.body.append(dialog);
    if (!dialog.open) dialog.showModal();
  };

  /* A field at once: what is typed before the list is here is for it, and Enter waits for it too. */
  const early = () => {
    const field = document.createElement("input");
    field.className = "in";
    field.setAttribute("aria-label", document.querySelector(".rail .jump")?.textContent.trim() ?? "");
    field.addEventListener("keydown", (event) => event.key === "Enter" && (field.dataset.entered = "yes"));
    show(field);
    field.focus();
    return field;
  };

  const open = async (part) => {
    const typed = part === "#find" ? early() : null;
    const answer = await fetch("/find").catch(() => null);
    if (!answer?.ok || answer.redirected) return location.assign("/find");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (typed && !(dialog.open && typed.isConnected)) return;
    const it = page.querySelector(part);
    it.classList.remove("panel");
    dialog.setAttribute("aria-label", page.querySelector("h1").textContent);
    show(it);
    const field = dialog.querySelector("input");
    if (typed && field) {
      field.value = typed.value;
      field.focus();
    }
    filter();
    if (typed?.dataset.entered) links()[0]?.click();
  };

  const links = () => [...dialog.querySelectorAll(".places li:not([hidden]) a")];
  const filter = () => {
    const field = dialog.querySelector("input");
    const none = dialog.querySelector(".none");
    // Not the keys, and not a field whose list is on its way.
    if (!field || !none) return;
    const words = field.value.toLowerCase().split(/\s+/);
    for (const row of dialog.querySelectorAll(".places li")) {
      // By its address too, which is in every language the same.
      const text = (row.textContent + row.firstChild.getAttribute("href")).toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    const found = links();
    found.forEach((link, n) => link.classList.toggle("first", n === 0));
    none.hidden = found.length > 0;
  };

  dialog.addEventListener("input", filter);
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    links()[0]?.click();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [dialog.querySelector("input"), ...links()];
    all[all.indexOf(document.activeElement) + step]?.focus();
  });

  document.addEventListener("click", (event) => {
    goes = false;
    if (!event.target.closest(".rail .jump") || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    open("#find");
  });
  document.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      return void open("#find");
    }
    const { target, key } = event;
    if (event.metaKey || event.ctrlKey || event.altKey || target.closest("input, select, textarea, dialog, [contenteditable]")) return;
    const link = goes && document.querySelector(`[data-go="${CSS.escape(key)}"]`);
    goes = key === "g";
    if (link) link.click();
    else if (key === "?") open("#keys");
    else if (key === "/") {
      const field = document.querySelector("main input[type=search]");
      if (field) event.preventDefault();
      field?.focus();
    }
  });
})();
