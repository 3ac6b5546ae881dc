// Owns: the chart of one instrument: its prices, its spread, and what happened; follows the feed.
import { byId, el, put, reconcile, say } from "./dom.js";
import { age, NONE, time, zone } from "./format.js";
import { Marks } from "./marks.js";
import { Plot, timeAxis, valueAxis } from "./plot.js";
import { Series } from "./series.js";
import { ASK, AT, BID, LAST, REJECTED, SOURCE, SPREAD, STATE } from "./store.js";

const WINDOW_S = 300;
const LEAST_S = 60;
const AGAIN_MS = 15_000; // marks and points are asked for again this often
const SOON_MS = 1_500; // after something that makes a mark

export class Chart {
  constructor(store) {
    this.store = store;
    this.name = null;
    this.series = null;
    this.trouble = "";
    this.rejected = 0;
    this.dueAt = 0;
    this.marks = new Marks();
    const x = { time: true, range: () => this.#window() };
    const cursor = { sync: { key: "price" }, drag: { x: false, y: false }, points: { size: 7 } };
    const common = { legend: { show: false }, cursor, padding: [10, 12, 0, 0] };
    this.price = new Plot(byId("chart-price"), 250, (c) => ({
      ...common,
      padding: [10, 12, 8, 0],
      scales: { x, y: { range: (u, low, high) => this.#room(low, high) } },
      axes: [timeAxis(c, false), valueAxis(c)],
      series: [
        {},
        { stroke: c["series-bid"], width: 1.2, points: { show: false } },
        { stroke: c["series-ask"], width: 1.2, dash: [5, 3], points: { show: false } },
        { stroke: c["series-last"], width: 2, points: { show: false } },
      ],
      bands: [{ series: [2, 1], fill: c["series-fill"] }],
      hooks: {
        drawAxes: [(u) => this.#lines(u, c)],
        draw: [(u) => this.marks.place(u, this.series?.marks ?? [])],
        setCursor: [(u) => this.#readout(u.cursor.idx)],
      },
    }));
    this.spread = new Plot(byId("chart-spread"), 96, (c) => ({
      ...common,
      padding: [12, 12, 0, 0],
      scales: { x, y: { range: (u, low, high) => [0, high > 0 ? high * 1.25 : 1] } },
      axes: [timeAxis(c), valueAxis(c, { space: 26 })],
      series: [{}, { stroke: c.muted, fill: c["series-fill"], width: 1.2, points: { show: false } }],
    }));
    say(byId("chart-zone"), `Times: ${zone()}`);
  }

  #window() {
    const to = this.store.now() / 1000 || Date.now() / 1000;
    const first = this.series?.at[0] ?? to;
    return [Math.min(Math.max(first, to - WINDOW_S), to - LEAST_S), to];
  }

  #room(low, high) {
    if (low === null || high === null) return [0, 1];
    const margin = (high - low || Math.abs(high) * 0.001 || 1) * 0.12;
    return [low - margin, high + margin * 3]; // more above: marks lie there
  }

  #lines(u, colours) {
    const { ctx, bbox } = u;
    const ink = { switch: colours["series-switch"], reject: colours.bad, gap: colours.warning };
    ctx.save();
    ctx.lineWidth = 1;
    const last = {};
    for (const one of this.series?.marks ?? []) {
      const x = Math.round(u.valToPos(one.at_ms / 1000, "x", true)) + 0.5;
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      if (Math.abs(x - last[one.kind]) < 4) continue; // a hundred rejects in a second are one line
      last[one.kind] = x;
      ctx.strokeStyle = ink[one.kind];
      ctx.globalAlpha = one.kind === "reject" ? 0.35 : 0.75;
      ctx.setLineDash(one.kind === "switch" ? [] : [3, 4]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  /** Shows another instrument. */
  show(name) {
    this.name = name;
    this.series = null;
    this.trouble = "";
    this.price.empty();
    this.spread.empty();
    this.dueAt = 0;
    this.draw();
  }

  /** Asks for the marks soon: something happened. */
  soon() {
    this.dueAt = Math.min(this.dueAt, performance.now() + SOON_MS);
  }

  /** Takes in what a frame said of this instrument. */
  update() {
    const row = this.store.rows.get(this.name);
    if (!row) return;
    if (row[REJECTED] !== this.rejected) this.soon();
    this.rejected = row[REJECTED];
    this.series?.add(row);
  }

  /** Asks the server when it is time to. */
  async refresh() {
    if (this.name === null || this.asking || performance.now() < this.dueAt) return;
    const name = this.name;
    this.asking = true;
    try {
      const answer = await fetch(`api/chart?instrument=${encodeURIComponent(name)}`, { cache: "no-store" });
      if (answer.status === 404) this.trouble = `The feed has nothing on ${name} any more.`;
      else if (!answer.ok) throw new Error(`the server said ${answer.status}`);
      else if (name === this.name) {
        this.series = new Series(await answer.json());
        this.trouble = "";
      }
    } catch (error) {
      this.trouble = this.series ? "" : `The chart could not be fetched: ${error.message}.`;
    } finally {
      this.asking = false;
      this.dueAt = name === this.name ? performance.now() + AGAIN_MS : 0;
      this.draw();
    }
  }

  /** Draws what is known; once a second is enough. */
  draw() {
    const points = this.series?.at.length ?? 0;
    say(byId("h-chart"), this.name ?? "Chart");
    this.#state();
    const empty = byId("chart-empty");
    let text = "";
    if (this.name === null) text = "Select an instrument to see its last minutes.";
    else if (this.trouble) text = this.trouble;
    else if (!this.series) text = "Fetching …";
    else if (!points) text = "Nothing was delivered in the last minutes.";
    say(empty, text);
    empty.hidden = !text;
    if (points) {
      const { at, bid, ask, last } = this.series;
      this.price.set([at, bid, ask, last]);
      this.spread.set([at, this.series.spread]);
    } else {
      this.price.empty();
      this.spread.empty();
    }
    this.#readout(this.price.plot?.cursor.idx);
  }

  #state() {
    const row = this.store.rows.get(this.name);
    const words = row
      ? [
          row[STATE],
          row[SOURCE] && `from ${row[SOURCE]}`,
          row[AT] && `${age(this.store.now() - row[AT])} old`,
        ]
      : [];
    say(byId("chart-note"), words.filter(Boolean).join(" · "));
  }

  #readout(index) {
    const row = this.store.rows.get(this.name);
    let values = [NONE, NONE, NONE, NONE, NONE];
    if (this.series && index !== null && index !== undefined && this.series.at[index] !== undefined) {
      const { at, last, bid, ask } = this.series;
      const spread = this.series.spread[index];
      values = [
        time(at[index] * 1000),
        ...[last[index], bid[index], ask[index], spread].map((v) => (v === null ? NONE : String(v))),
      ];
    } else if (row) {
      values = ["now", row[LAST] || NONE, row[BID] || NONE, row[ASK] || NONE, row[SPREAD] || NONE];
    }
    reconcile(
      byId("chart-readout"),
      ["At", "Last", "Bid", "Ask", "Spread"].map((label, i) => [label, values[i]]),
      ([label]) => label,
      ([label]) => el("div", {}, el("dt", {}, label), el("dd", { class: "num" })),
      (node, [label, value]) => {
        say(node.lastElementChild, value);
        put(node, "data-series", label.toLowerCase());
      },
    );
  }
}
