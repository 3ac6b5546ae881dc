// Owns: how every chart of this page looks: axes, grid, time of day.
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { time } from "./format.js";
import { FONT, palette } from "./palette.js";

const EDGE_PX = 20; // a label nearer to the right edge would be cut off

/** An axis of times of day. */
export function timeAxis(colours, shows = true) {
  return {
    stroke: colours.muted,
    grid: { stroke: colours.grid, width: 1 },
    ticks: { show: false },
    font: FONT,
    size: shows ? 28 : 0,
    gap: 6,
    space: 84,
    incrs: [5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400],
    values: (u, splits) => {
      const end = u.bbox.width / (window.devicePixelRatio || 1) - EDGE_PX;
      return splits.map((s) => (shows && u.valToPos(s, "x") <= end ? time(s * 1000) : ""));
    },
  };
}

/** Values of an axis, all with as many decimals as its steps need. */
export function decimals(splits, step, unit = "") {
  const digits = Math.min(10, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  const format = new Intl.NumberFormat("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return splits.map((value) => (value === null ? "" : `${format.format(value)}${unit}`));
}

/** An axis of values on the left, of a width that does not change with them. */
export function valueAxis(colours, { size = 76, unit = "", space = 34 } = {}) {
  return {
    stroke: colours.muted,
    grid: { stroke: colours.grid, width: 1 },
    ticks: { show: false },
    font: FONT,
    size,
    gap: 8,
    space,
    values: (_, splits, axis, room, step) => decimals(splits, step, unit),
  };
}

export const chartColours = () =>
  palette(
    "muted",
    "grid",
    "series-last",
    "series-bid",
    "series-ask",
    "series-fill",
    "series-switch",
    "bad",
    "warning",
  );

/** A plot that is as wide as its place, made anew when the colours change. */
export class Plot {
  constructor(place, height, options) {
    Object.assign(this, { place, height, options, data: null, plot: null });
    new ResizeObserver(() => {
      if (this.plot && this.place.clientWidth)
        this.plot.setSize({ width: this.place.clientWidth, height: this.#height() });
    }).observe(place);
    document.addEventListener("theme", () => {
      this.clear();
      if (this.data) this.set(this.data);
    });
  }

  #height() {
    return this.place.clientHeight || this.height;
  }

  set(data) {
    this.data = data;
    if (this.plot) this.plot.setData(data);
    else if (this.place.clientWidth) {
      const size = { width: this.place.clientWidth, height: this.#height() };
      this.plot = new uPlot({ ...size, ...this.options(chartColours()) }, data, this.place);
    }
  }

  clear() {
    this.plot?.destroy();
    this.plot = null;
  }

  empty() {
    this.clear();
    this.data = null;
  }
}
