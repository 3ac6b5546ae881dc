// Owns: the histogram of latencies, with where half, nine tenths and all but a hundredth of the ticks lie.
import { byId, el, put, reconcile, say } from "./dom.js";
import { count, micros, percent } from "./format.js";

const place = byId("latency");
const QUANTILES = [
  ["p50", "p50_us"],
  ["p90", "p90_us"],
  ["p99", "p99_us"],
];

/** The bars from the first to the last that holds a tick, and one empty one at either side. */
function trim(bounds, counts) {
  const from = Math.max(0, counts.findIndex((n) => n > 0) - 1);
  const to = Math.min(counts.length, counts.findLastIndex((n) => n > 0) + 2);
  return { from, to, size: to - from };
}

/** Where a latency lies among bars of one width each, as a share of them all. */
export function position(us, bounds, from, size) {
  let i = bounds.findIndex((upper) => us <= upper);
  if (i < 0) return 1;
  const lower = i > 0 ? bounds[i - 1] : 0;
  const inside = bounds[i] > lower ? (us - lower) / (bounds[i] - lower) : 0;
  return Math.min(1, Math.max(0, (i - from + inside) / size));
}

export function drawLatency(store) {
  const latency = store.latency;
  const bounds = latency?.bounds_us ?? [];
  const counts = latency?.counts ?? [];
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (!total) {
    reconcile(
      place,
      ["No tick has reached a sink yet."],
      (text) => text,
      (text) => el("p", { class: "empty" }, text),
      () => {},
    );
    return;
  }
  reconcile(
    place,
    ["quantiles", "histogram", "scale"],
    (part) => part,
    (part) =>
      part === "quantiles"
        ? el("dl", { class: "figures figures-small" })
        : el("div", { class: part, ...(part === "histogram" ? { role: "img" } : { "aria-hidden": "true" }) }),
    () => {},
  );
  const [quantiles, histogram, scale] = place.children;
  reconcile(
    quantiles,
    QUANTILES,
    ([label]) => label,
    ([label]) =>
      el("div", { data: { quantile: label } }, el("dt", {}, label), el("dd", { class: "num" }, el("b"))),
    (node, [, field]) => say(node.lastElementChild.firstElementChild, micros(latency[field])),
  );
  const { from, to, size } = trim(bounds, counts);
  const most = Math.max(...counts);
  const said = QUANTILES.map(([label, field]) => `${label} ${micros(latency[field])}`).join(", ");
  put(histogram, "aria-label", `${count(total)} ticks; ${said}`);
  const bars = counts.slice(from, to).map((n, i) => ({ key: `bar ${from + i}`, n, i: from + i }));
  const lines = QUANTILES.filter(([, field]) => latency[field] !== null && latency[field] !== undefined).map(
    ([label, field]) => ({
      key: label,
      at: position(latency[field], bounds, from, size),
    }),
  );
  reconcile(
    histogram,
    [...bars, ...lines],
    (one) => one.key,
    (one) =>
      one.at === undefined
        ? el("span", { class: "column" }, el("span"))
        : el("span", { class: "quantile", data: { quantile: one.key } }),
    (node, one) => {
      if (one.at !== undefined) {
        node.style.left = `${(100 * one.at).toFixed(2)}%`;
        return;
      }
      node.firstElementChild.style.height = `${one.n ? Math.max(1.5, (100 * one.n) / most) : 0}%`;
      const [lower, upper] = [one.i ? bounds[one.i - 1] : 0, bounds[one.i]];
      const range = upper === undefined ? `above ${micros(lower)}` : `${micros(lower)} to ${micros(upper)}`;
      put(node, "title", `${range}: ${count(one.n)} (${percent((100 * one.n) / total)})`);
    },
  );
  const ends = [
    from ? micros(bounds[from - 1]) : "0",
    micros(bounds[from + Math.floor(size / 2) - 1]),
    to > bounds.length ? `> ${micros(bounds.at(-1))}` : micros(bounds[to - 1]),
  ];
  reconcile(
    scale,
    ["left", "middle", "right"],
    (end) => end,
    () => el("span", { class: "num" }),
    (node, end) => say(node, ends[["left", "middle", "right"].indexOf(end)]),
  );
}
