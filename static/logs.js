/* Logs: a range of time is drawn over the histogram, rows are followed and paused, keys. Every one
   of these has a link or a field that does the same. */
"use strict";
(() => {
  const find = (id) => document.getElementById(id);

  // Links to a search say only what was filled in.
  find("find-records").addEventListener("submit", (event) => {
    for (const field of event.target.elements) {
      if (field.name && !field.value) field.disabled = true;
    }
  });

  // The histogram: what is dragged over becomes the time searched.
  const hist = document.querySelector(".hist");
  if (hist) {
    const svg = hist.querySelector("svg");
    const bars = svg.querySelectorAll("a").length;
    const [begin, step] = [Number(hist.dataset.begin), Number(hist.dataset.step)];
    let from, piece;
    const at = (event) => {
      const { left, width } = svg.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - left) / width));
    };
    const draw = (to) => {
      const [left, right] = from < to ? [from, to] : [to, from];
      piece.setAttribute("x", left * 100 + "%");
      piece.setAttribute("width", (right - left) * 100 + "%");
    };
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = at(event);
    });
    svg.addEventListener("pointermove", (event) => {
      if (from === undefined) return;
      if (!piece) {
        if (Math.abs(at(event) - from) * svg.clientWidth < 4) return;
        svg.querySelector(".piece")?.remove();
        piece = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        for (const [name, value] of [["class", "cf piece"], ["fill", "currentColor"], ["height", 56]]) piece.setAttribute(name, value);
        svg.append(piece);
        svg.setPointerCapture(event.pointerId);
        hist.classList.add("held");
      }
      draw(at(event));
    });
    const end = (event) => {
      if (piece && event.type === "pointerup") {
        const [left, right] = [from, at(event)].sort((a, b) => a - b);
        const url = new URL(hist.dataset.base, location.href);
        const time = (bar) => new Date(begin + bar * step).toISOString();
        url.searchParams.set("from", time(Math.floor(left * bars)));
        url.searchParams.set("to", time(Math.ceil(right * bars)));
        location.assign(url);
      }
      from = undefined;
    };
    svg.addEventListener("pointerup", end);
    svg.addEventListener("pointercancel", end);
    // A drag is no click on the bar it ends on, nor is a bar dragged as a link.
    svg.addEventListener("click", (event) => piece && event.preventDefault(), true);
    svg.addEventListener("dragstart", (event) => event.preventDefault());
  }

  // A row is opened by a click anywhere on it, unless a text in it is being marked.
  document.addEventListener("click", (event) => {
    const row = event.target.closest(".log .one");
    if (row && !event.target.closest("a") && getSelection().isCollapsed) row.querySelector(".tw").click();
  });

  const log = find("log");
  const pause = find("pause");
  const MOST = 500;
  if (pause) {
    pause.hidden = false;
    const above = find("above");
    // Rows that come during a pause wait here, under the id that rows are put behind.
    const wait = document.createElement("table");
    wait.hidden = true;
    wait.append(document.createElement("thead"));
    log.after(wait);
    const count = () => wait.tBodies.length;
    let paused = false;
    const say = () => {
      pause.setAttribute("aria-pressed", paused);
      const waiting = count() ? ` · ${count()} ${pause.dataset.new}` : "";
      pause.lastElementChild.textContent = paused ? pause.dataset.on + waiting : pause.dataset.off;
    };
    const set = (now) => {
      if (now === paused) return;
      paused = now;
      [above.id, wait.tHead.id] = paused ? ["", "above"] : ["above", ""];
      if (!paused) above.after(...wait.tBodies);
      trim();
      say();
    };
    const trim = () => {
      for (const table of [log, wait]) {
        while (table.tBodies.length > MOST) table.tBodies[table.tBodies.length - 1].remove();
      }
    };
    pause.addEventListener("click", () => set(!paused));
    addEventListener("scroll", () => scrollY > 80 && set(true), { passive: true });
    document.addEventListener("htmx:after:swap", () => {
      // An open record stays where it is.
      if (!paused && log.querySelector(".opened")) set(true);
      trim();
      say();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== " " || event.target.closest("input, button, a, summary, select, textarea")) return;
      event.preventDefault();
      set(!paused);
    });
  }

  // j and k go through the rows, / to the path.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    if (event.key === "/") {
      event.preventDefault();
      find("path").focus();
    }
    if (event.key !== "j" && event.key !== "k") return;
    const rows = [...document.querySelectorAll(".log .tw")];
    const here = rows.indexOf(document.activeElement);
    rows[event.key === "j" ? Math.min(here + 1, rows.length - 1) : Math.max(here - 1, 0)]?.focus();
  });
})();
