/* What every page of the panel does beyond a plain page: forms are sent in the background and what
   changed is put in its place; the page says whether what it shows is of now. Without this file
   every link and form works all the same. */
"use strict";
(() => {
  const on = (name, act) => document.addEventListener(name, act);

  // Forms alone: links are the browser's.
  on("htmx:before:init", (event) => {
    const it = event.target;
    if (it.tagName === "A" && !it.hasAttribute("hx-get")) event.preventDefault();
  });

  // An answer that is no page of the frame, such as the sign-in, is gone to.
  on("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (ctx.select && !/<nav class="rail" /.test(ctx.text)) {
      event.preventDefault();
      const page = new URL(ctx.response.raw.url, location.href);
      if (page.pathname === "/sign-in") location.assign("/sign-in?next=" + encodeURIComponent(location.pathname));
      else document.querySelector("#main").replaceChildren(...new DOMParser().parseFromString(ctx.text, "text/html").querySelectorAll("#main > :not(.top)"));
    }
  });

  // What a control shows follows the page, unless somebody is just using it.
  on("htmx:after:swap", () => {
    for (const it of document.querySelectorAll("[data-follow]")) {
      if (it !== document.activeElement) it.checked = it.defaultChecked;
    }
  });

  on("change", (event) => {
    const it = event.target;
    if (it.matches("[data-submit]") && it.form.reportValidity()) it.form.requestSubmit();
  });

  // A file is read into the field above it, as if it were pasted: the form sends text alone.
  const offer = () => {
    for (const it of document.querySelectorAll(".pick[hidden]")) it.hidden = false;
  };
  offer();
  on("htmx:after:swap", offer);
  on("change", async (event) => {
    const { into } = event.target.dataset;
    if (into) document.getElementById(into).value = (await event.target.files[0]?.text()) ?? "";
  });

  on("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const from = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(from.value ?? from.textContent);
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 2000);
    } catch {
      getSelection().selectAllChildren(from);
    }
  });

  // Whether what is shown is of now. The stream says something every second; whoever says
  // nothing for five is gone, whatever the network believes.
  let silence;
  const say = (state) => {
    for (const it of document.querySelectorAll(".live")) it.dataset.state = state;
    document.body.classList.toggle("stale", state === "lost");
  };
  const heard = (event) => {
    clearTimeout(silence);
    say("live");
    const { connection } = event.detail;
    silence = setTimeout(() => {
      say("lost");
      connection.reader?.cancel();
    }, 5000);
  };
  on("htmx:sse:after:connection", heard);
  on("htmx:sse:after:message", heard);
  for (const name of ["htmx:sse:error", "htmx:sse:close"]) {
    on(name, () => {
      clearTimeout(silence);
      say("lost");
    });
  }
  on("htmx:error", (event) => {
    if (event.target.matches?.("[hx-sse\\:connect]")) say("lost");
  });
  on("visibilitychange", () => {
    if (document.hidden) clearTimeout(silence);
    else if (document.querySelector("[hx-sse\\:connect]")) say("lost");
  });
})();
