/* The Nodes page: a weight is held and let go, rows are filtered, chosen and reached by keys.
   What is saved is always a form of the page. */
"use strict";
(() => {
  const on = (name, act, more) => document.addEventListener(name, act, more);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const live = () => document.getElementById("live");
  const words = (name, value) => live().dataset[name].replace("#", value);
  const percent = (part) => words("percent", (part * 100).toFixed(0));

  // A weight that is held: its number, its slider, and what every node of the pool would get.
  let held = null;
  const row = (it) => it.closest("tbody");
  const fields = (beam) => [beam.querySelector(".num"), beam.querySelector("[type=range]")];

  const weights = (pool) => all("tbody[data-counts]", pool).map((node) => {
    const number = node.querySelector(".num");
    const value = node.contains(held) ? number.value : node.dataset.weight;
    return [node.dataset.node, node, Number(value) || 0];
  });

  const draw = () => {
    const pool = held.closest(".pool");
    const counted = weights(pool);
    const sum = counted.reduce((sum, [, , weight]) => sum + weight, 0) || 1;
    let from = 0;
    for (const [name, node, weight] of counted) {
      const part = weight / sum;
      const cell = node.querySelector(".c-s");
      cell.setAttribute("hx-morph-skip", "");
      cell.querySelector("b.to").textContent = "→ " + percent(part);
      cell.querySelector("rect.to").setAttribute("width", part * 100 + "%");
      cell.querySelector("rect.at")?.setAttribute("x", part * 100 + "%");
      const arm = pool.querySelector(`[data-part="${name}"]`);
      if (arm) place(arm, from, part, node.contains(held));
      from += part;
    }
    const arm = pool.querySelector(".pool-arm");
    arm.setAttribute("hx-morph-skip", "");
    dots(arm.querySelector(".dots"), sum);
  };

  const place = (arm, from, part, isHeld) => {
    const at = from * 100 + "%";
    const [line, tick] = arm.querySelectorAll("line");
    line.setAttribute("x1", at);
    line.setAttribute("x2", (from + part) * 100 + "%");
    tick.setAttribute("x1", at);
    tick.setAttribute("x2", at);
    const text = arm.querySelector("text");
    text.setAttribute("x", at);
    text.classList.toggle("ac", isHeld);
    text.classList.toggle("nar", part < .09);
    text.classList.toggle("small", part >= .09 && part < .2);
    text.querySelector("tspan").textContent = percent(part);
  };

  const dots = (group, sum) => {
    group.replaceChildren();
    if (sum > 60) return;
    for (let unit = 0; unit <= sum; unit++) {
      const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      for (const [name, value] of [["class", "ci"], ["fill", "currentColor"], ["cx", unit / sum * 100 + "%"], ["cy", 21], ["r", 2]]) {
        dot.setAttribute(name, value);
      }
      group.append(dot);
    }
  };

  const hint = (isDragged) => {
    const toast = document.getElementById("hold");
    const before = row(held).dataset.weight;
    const [number] = fields(held);
    toast.querySelector("b").textContent = `${row(held).dataset.node}: ${before} → ${number.value}`;
    toast.querySelector("p").textContent = words(isDragged ? "letGo" : "enter", before);
    toast.hidden = false;
  };

  const hold = (beam, isDragged) => {
    if (held && held !== beam) release(true);
    held = beam;
    beam.classList.add("held");
    beam.setAttribute("hx-morph-skip", "");
    draw();
    hint(isDragged);
  };

  // Nobody holds it any more: it is saved, or as it was.
  const release = (isBack) => {
    if (!held) return;
    const beam = held;
    const pool = beam.closest(".pool");
    if (isBack) {
      for (const field of fields(beam)) field.value = row(beam).dataset.weight;
      draw();
      for (const to of all(".c-s b.to", pool)) to.textContent = "";
      for (const to of all(".c-s rect.to", pool)) to.setAttribute("width", "0");
    }
    held = null;
    beam.classList.remove("held");
    for (const it of all("[hx-morph-skip]", pool)) it.removeAttribute("hx-morph-skip");
    document.getElementById("hold").hidden = true;
  };

  const is = (beam) => fields(beam)[0].value === row(beam).dataset.weight;

  let dragged = false;
  on("pointerdown", (event) => {
    if (event.target.matches(".arm [type=range]")) dragged = true;
  });
  on("input", (event) => {
    const beam = event.target.closest(".beam");
    if (!beam) return;
    const [number, slider] = fields(beam);
    if (event.target === slider) number.value = slider.value;
    else slider.value = number.value || 1;
    is(beam) ? release(true) : hold(beam, dragged);
  });
  on("change", (event) => {
    const it = event.target;
    if (dragged && held && it.matches(".arm [type=range]")) held.requestSubmit();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    on(name, () => setTimeout(() => { dragged = false; }));
  }
  on("focusout", (event) => {
    if (held?.contains(event.target) && !held.contains(event.relatedTarget) && !dragged) release(true);
  });
  on("submit", (event) => {
    for (const it of all("[hx-morph-skip]")) if (event.target.contains(it) || event.target === it) it.removeAttribute("hx-morph-skip");
    if (event.target === held) release(false);
    if (event.target.matches(".many")) for (const box of all(".nm input", event.target.closest(".pool"))) setTimeout(() => { box.checked = false; });
  }, true);

  // Which rows are shown.
  const filter = () => {
    const form = document.getElementById("find-nodes");
    if (!form) return;
    const query = form.elements.q.value.trim().toLowerCase();
    const wrong = form.elements.wrong.checked;
    let shown = 0;
    const nodes = all("tbody[data-node]");
    for (const node of nodes) {
      const is = node.dataset.find.includes(query) && (!wrong || "wrong" in node.dataset);
      node.classList.toggle("away", !is);
      shown += is;
    }
    document.getElementById("nothing").hidden = shown > 0 || !nodes.length;
  };
  on("input", (event) => {
    if (event.target.closest("#find-nodes")) filter();
  });
  on("submit", (event) => {
    if (event.target.id !== "find-nodes") return;
    // Rows that are not here are found by asking for them.
    if (document.getElementById("more")) return;
    event.preventDefault();
    event.stopPropagation();
    filter();
  }, true);

  // Which rows are chosen.
  const count = () => {
    for (const pool of all(".pool[data-pool]")) {
      const boxes = all("tbody .nm input", pool);
      const chosen = boxes.filter((box) => box.checked).length;
      const told = pool.querySelector("[data-count]");
      if (told) told.textContent = words("selected", chosen);
      const every = pool.querySelector("[data-all]");
      if (!every) continue;
      every.checked = chosen > 0 && chosen === boxes.length;
      every.indeterminate = chosen > 0 && chosen < boxes.length;
    }
  };
  on("change", (event) => {
    const it = event.target;
    if (it.matches("[data-all]")) {
      for (const node of all("tbody:not(.away)", it.closest(".pool"))) node.querySelector(".nm input").checked = it.checked;
    }
    if (it.closest(".nm")) count();
  });

  on("htmx:after:swap", () => {
    filter();
    count();
  });

  // Keys: j and k to the next row, and what is done to it.
  const links = () => all("tbody:not(.away) .c-n a");
  const here = () => document.activeElement.closest?.("tbody[data-node]");
  const step = (by) => {
    const to = links();
    const at = to.findIndex((link) => row(link) === here());
    to[at < 0 ? (by > 0 ? 0 : to.length - 1) : Math.min(Math.max(at + by, 0), to.length - 1)]?.focus();
  };
  const acts = {
    j: () => step(1),
    k: () => step(-1),
    e: () => { const number = here()?.querySelector(".num"); number?.focus(); number?.select(); },
    d: () => here()?.querySelector(".seg [value=draining]:not(:disabled)")?.click(),
    x: () => here()?.querySelector(".nm input")?.click(),
    "/": () => document.querySelector("#find-nodes .in")?.focus(),
  };
  on("keydown", (event) => {
    if (event.key === "Escape" && held) {
      event.preventDefault();
      const link = row(held).querySelector(".c-n a");
      release(true);
      link.focus();
      return;
    }
    if (event.key === "Enter" && event.target.matches(".arm [type=range]")) {
      event.preventDefault();
      if (held) held.requestSubmit();
      return;
    }
    if (event.key === "Escape" && event.target.closest("#find-nodes")) {
      event.target.value = "";
      filter();
      event.target.blur();
      return;
    }
    const typing = event.target.matches("input:not([type=checkbox], [type=range]), textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !live()) return;
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  filter();
  count();
})();
