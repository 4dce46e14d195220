/* Draws the charts with uPlot where the server's own drawing stands, and asks for new numbers
   every ten seconds while somebody looks. Without this file the server's drawing stays. */
"use strict";
(() => {
  const box = document.getElementById("charts");
  if (!box || !window.uPlot) return;
  const EVERY = 10000;
  const offset = Number(box.dataset.offset);
  // Times as the server's clock shows them, as everywhere in the panel.
  const local = (seconds) => {
    const date = new Date(seconds * 1000);
    return new Date(date.getTime() + (offset + date.getTimezoneOffset() * 60) * 1000);
  };
  const two = (number) => String(number).padStart(2, "0");
  const clock = (seconds, days) => {
    const at = local(seconds);
    const hour = two(at.getHours()) + ":" + two(at.getMinutes());
    return days ? two(at.getMonth() + 1) + "-" + two(at.getDate()) + " " + hour : hour;
  };
  const colour = (name) => {
    const probe = document.createElement("i");
    probe.className = name;
    box.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const shown = (value, most) => (value == null ? "–" : String(+value.toFixed(value >= 100 ? 0 : value >= 10 ? most - 1 : most)));

  const KINDS = {
    requests: {
      lines: ["cf", "m2", "warn", "down"],
      values: (chart) => {
        const now = Date.now() / 1000;
        const over = chart.time.map((time) => Math.max(10, Math.min(chart.step_s, now - time)));
        return ["2xx", "3xx", "4xx", "5xx"].map((name) => chart.requests[name].map((count, n) => count / over[n]));
      },
      digits: 2,
    },
    latency: {
      lines: ["cf", "m2", "m"],
      values: (chart) => ["p50_s", "p95_s", "p99_s"].map((name) => chart.latency[name].map((time) => (time == null ? null : time * 1000))),
      digits: 1,
    },
  };
  const MARKS = { change: "m2", node_up: "up", node_down: "down" };
  const plots = [];
  let marks = [];
  let days = false;

  const mark = (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.lineWidth = devicePixelRatio;
    for (const { time, kind } of marks) {
      // The point of now is not over: what happens within it stands on it.
      const x = plot.valToPos(Math.min(time, plot.data[0].at(-1)), "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.strokeStyle = colour(MARKS[kind]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  };

  // The keys say the values at the crosshair, or the newest.
  const say = (plot, id, { digits }) => {
    const keys = document.getElementById("keys-" + id);
    const at = plot.cursor.idx;
    const values = keys.querySelectorAll("b");
    plot.data.slice(1).forEach((line, n) => {
      const value = at == null ? line.findLast((value) => value != null) : line[at];
      values[n].textContent = shown(value, digits);
    });
    keys.querySelector(".at").textContent = at == null ? "" : box.dataset.at.replace("{}", clock(plot.data[0][at], days));
  };

  const make = (id, data, place) => {
    const kind = KINDS[id];
    const ink = colour("m");
    const grid = { stroke: colour("cl"), width: 1 };
    const axis = { stroke: ink, grid, ticks: { show: false }, font: "12px " + getComputedStyle(document.body).fontFamily };
    place.replaceChildren();
    return new uPlot({
      width: place.clientWidth,
      height: 128,
      legend: { show: false },
      padding: [8, 20, 0, 0],
      cursor: { sync: { key: "charts" }, drag: { x: false, y: false }, points: { size: 6 } },
      tzDate: local,
      scales: { y: { range: (_, low, high) => [0, Math.max(1, high) * 1.1] } },
      axes: [
        { ...axis, grid: { show: false }, size: 24, gap: 4, space: 72, values: (_, all) => all.map((time) => clock(time, days)) },
        { ...axis, size: 38, gap: 4, space: 40, values: (_, all) => all.map(String) },
      ],
      series: [{}, ...kind.lines.map((name, n) => ({
        stroke: colour(name),
        width: 1.5,
        dash: name === "m" ? [3, 3] : undefined,
        fill: id === "requests" && n === 0 ? colour(name).replace(/\)$/, " / .15)") : undefined,
        points: { show: false },
      }))],
      hooks: { draw: [mark], setCursor: [(plot) => say(plot, id, kind)], setData: [(plot) => say(plot, id, kind)] },
    }, data, place);
  };

  const load = async () => {
    const answer = await fetch(box.dataset.url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return;
    const chart = await answer.json();
    days = chart.step_s >= 3600;
    marks = chart.events.filter((event) => MARKS[event.kind]).map(({ time, kind }) => ({ time: Date.parse(time) / 1000, kind }));
    for (const place of document.querySelectorAll("[data-plot]")) {
      const id = place.dataset.plot;
      const data = [chart.time, ...KINDS[id].values(chart)];
      const there = plots.find((plot) => plot.place === place);
      if (there) there.plot.setData(data);
      else plots.push({ place, plot: make(id, data, place) });
    }
  };

  load();
  setInterval(() => document.hidden || load(), EVERY);
  document.addEventListener("visibilitychange", () => document.hidden || load());
  new ResizeObserver(() => {
    for (const { place, plot } of plots) plot.setSize({ width: place.clientWidth, height: 128 });
  }).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const { plot } of plots.splice(0)) plot.destroy();
    load();
  });
})();
