// Owns: this machine's clock: its offset with what it is uncertain by, and the limits that it must keep.
import { byId, el, mark, put, reconcile, say } from "./dom.js";
import { about, millis, zone } from "./format.js";
import { Plot, timeAxis, valueAxis } from "./plot.js";

const place = byId("clock");
let chart = null;
let limit = 0;
let shown = null;
let drawn = null; // the measurements of the plot

function makeChart(node) {
  return new Plot(node, 150, (c) => ({
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    padding: [8, 12, 0, 0],
    scales: {
      x: { time: true },
      y: {
        range: (u, low, high) => {
          const size = Math.max(Math.abs(low ?? 0), Math.abs(high ?? 0), limit) * 1.15 || 1;
          return [-size, size];
        },
      },
    },
    axes: [timeAxis(c), valueAxis(c, { size: 64, space: 28, unit: " ms" })],
    series: [
      {},
      { stroke: "transparent", width: 0, points: { show: false } },
      { stroke: "transparent", width: 0, points: { show: false } },
      { stroke: c["series-last"], width: 2, points: { show: true, size: 4 } },
    ],
    bands: [{ series: [2, 1], fill: c["series-fill"] }],
    hooks: {
      drawAxes: [
        ({ ctx, bbox, valToPos }) => {
          if (!limit) return;
          ctx.save();
          ctx.strokeStyle = c.bad;
          ctx.setLineDash([6, 4]);
          for (const side of [-limit, limit]) {
            const y = Math.round(valToPos(side, "y", true)) + 0.5;
            ctx.beginPath();
            ctx.moveTo(bbox.left, y);
            ctx.lineTo(bbox.left + bbox.width, y);
            ctx.stroke();
          }
          ctx.restore();
        },
      ],
    },
  }));
}

export function drawClock(store) {
  const clock = store.clock;
  say(byId("clock-note"), clock?.at_ms ? `measured ${about(store.now() - clock.at_ms)} ago` : "");
  if (!clock?.is_measured) {
    chart?.empty();
    const text =
      clock?.breach || "Not measured: [clock] of the feed file names no server, or none has answered yet.";
    reconcile(
      place,
      [text],
      (one) => one,
      (one) => el("p", { class: "empty" }, one),
      () => {},
    );
    return;
  }
  const parts = ["state", "figures", "plot", "legend"];
  const make = {
    state: () => el("p", { class: "state-line" }, mark("good"), el("span")),
    figures: () => el("dl", { class: "figures figures-small" }),
    plot: () => el("div", { class: "plot plot-clock", role: "img" }),
    legend: () => {
      const entry = (swatch, text) => el("li", {}, el("span", { class: `swatch swatch-${swatch}` }), text);
      const entries = [entry("last", "Offset"), entry("band", "Uncertainty"), entry("limit", "Limit")];
      return el(
        "ul",
        { class: "legend" },
        ...entries,
        el("li", { class: "legend-zone" }, `Times: ${zone()}`),
      );
    },
  };
  reconcile(
    place,
    parts,
    (part) => part,
    (part) => make[part](),
    () => {},
  );
  const [state, figures, plot] = place.children;
  put(state.firstElementChild, "data-tone", clock.breach ? "bad" : "good");
  say(
    state.lastElementChild,
    clock.breach || (clock.limit_ms ? "Within its limit" : "Measured; no limit is set"),
  );
  const values = [
    ["Offset", millis(clock.offset_ms)],
    [
      "Uncertainty",
      clock.bound_ms === null || clock.bound_ms === undefined ? "–" : `± ${millis(clock.bound_ms)}`,
    ],
    ["Limit", clock.limit_ms ? `± ${millis(clock.limit_ms)}` : "none"],
  ];
  reconcile(
    figures,
    values,
    ([label]) => label,
    ([label]) => el("div", {}, el("dt", {}, label), el("dd", { class: "num" }, el("b"))),
    (node, [, value]) => say(node.lastElementChild.firstElementChild, value),
  );
  put(plot, "aria-label", values.map((pair) => pair.join(" ")).join(", "));
  if (plot !== shown) {
    shown = plot;
    chart = makeChart(plot);
  }
  limit = clock.limit_ms ?? 0;
  const past = clock.past ?? [];
  plot.hidden = past.length < 2;
  place.children[3].hidden = past.length < 2;
  if (past.length < 2) chart.empty();
  else if (past.at(-1)[0] !== drawn || !chart.plot) {
    const columns = [(p) => p[0] / 1000, (p) => p[1] - p[2], (p) => p[1] + p[2], (p) => p[1]];
    chart.set(columns.map((column) => past.map(column)));
  }
  drawn = past.at(-1)?.[0] ?? null;
}
