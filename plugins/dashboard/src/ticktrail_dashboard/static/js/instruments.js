// Owns: the table of instruments: which rows, in which order, which is selected. Only the rows in sight are elements.
import { byId, el, mark, put, say } from "./dom.js";
import { age, count, moment, NONE } from "./format.js";
import { palette } from "./palette.js";
import { drawSpark, sparkCanvas } from "./spark.js";
import { ASK, AT, BID, LAST, NAME, REJECTED, SINCE, SOURCE, SPREAD, STATE } from "./store.js";

const ROW_PX = 34; // as in the style sheet
const BEYOND = 6; // rows kept above and below what is in sight
const SORT_AGAIN_MS = 2_000; // an order by what moves must not dance
const TONES = { live: "good", quiet: "warning", waiting: "wait", out: "bad", quarantined: "bad" };
const COLUMNS = [
  ["instrument", "Instrument", NAME, "text"],
  ["last", "Last", LAST, "number"],
  ["bid", "Bid", BID, "number"],
  ["ask", "Ask", ASK, "number"],
  ["spread", "Spread", SPREAD, "number"],
  ["age", "Age", AT, "recent"],
  ["source", "Source", SOURCE, "text"],
  ["state", "State", STATE, "text"],
  ["rejected", "Rejected", REJECTED, "count"],
];

const collate = new Intl.Collator("en", { numeric: true }).compare;

/** Compares two rows by a column; what is not known yet comes last in both directions. */
function comparison(column, kind, isDown) {
  const sign = isDown ? -1 : 1;
  const byName = (a, b) => collate(a[NAME], b[NAME]);
  if (kind === "text") return (a, b) => sign * collate(a[column], b[column]) || byName(a, b);
  const value =
    kind === "number" ? (row) => (row[column] === "" ? null : Number(row[column])) : (row) => row[column];
  const way = kind === "recent" ? -sign : sign; // the youngest has the latest time
  return (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return (x === null) - (y === null) || byName(a, b);
    return way * (x - y) || byName(a, b);
  };
}

export class Instruments {
  constructor(store, onSelect) {
    this.store = store;
    this.onSelect = onSelect;
    this.scroll = byId("rows-scroll");
    this.table = byId("rows");
    this.sort = { column: 0, isDown: false };
    this.sortedAt = 0;
    this.find = "";
    this.shown = [];
    this.active = null; // where the arrow keys are
    this.selected = null; // what the chart shows
    this.pool = [];
    this.#build();
    byId("rows-find").addEventListener("input", (event) => {
      this.find = event.target.value.trim().toLowerCase();
      this.scroll.scrollTop = 0;
      this.arrange();
    });
    this.scroll.addEventListener("scroll", () => this.#later(), { passive: true });
    new ResizeObserver(() => this.#later()).observe(this.scroll);
    this.table.addEventListener("keydown", (event) => this.#key(event));
    this.body.addEventListener("click", (event) => {
      const name = event.target.closest("tr")?.dataset.name;
      if (name !== undefined) this.select(name);
    });
    document.addEventListener("theme", () => {
      this.colour = null;
      for (const row of this.pool) row.drawn = null;
      this.#later();
    });
  }

  #build() {
    const heads = COLUMNS.map(([id, title, , kind], i) => {
      const button = el(
        "button",
        { type: "button" },
        title,
        el("span", { class: "sorted", "aria-hidden": "true" }),
      );
      button.addEventListener("click", () => this.#sortBy(i));
      return el("th", { scope: "col", class: `c-${id} ${kind === "text" ? "" : "right"}` }, button);
    });
    this.heads = heads;
    this.body = el("tbody");
    this.above = el(
      "tr",
      { class: "spacer", "aria-hidden": "true" },
      el("td", { colspan: COLUMNS.length + 1 }),
    );
    this.below = el(
      "tr",
      { class: "spacer", "aria-hidden": "true" },
      el("td", { colspan: COLUMNS.length + 1 }),
    );
    this.body.append(this.above, this.below);
    const trend = el("th", { scope: "col", class: "c-trend" }, "Last minute");
    this.table.append(el("thead", {}, el("tr", { "aria-rowindex": 1 }, ...heads, trend)), this.body);
    this.#showSort();
  }

  #sortBy(i) {
    this.sort = { column: i, isDown: this.sort.column === i && !this.sort.isDown };
    this.#showSort();
    this.scroll.scrollTop = 0;
    this.arrange();
  }

  #showSort() {
    this.heads.forEach((head, i) => {
      const order = this.sort.isDown ? "descending" : "ascending";
      put(head, "aria-sort", i === this.sort.column ? order : "none");
    });
  }

  /** Chooses and sorts the rows anew. */
  arrange() {
    const [, , column, kind] = COLUMNS[this.sort.column];
    const rows = [...this.store.rows.values()];
    const fits = (row) =>
      row[NAME].toLowerCase().includes(this.find) ||
      row[SOURCE].toLowerCase().includes(this.find) ||
      row[STATE] === this.find;
    const chosen = this.find ? rows.filter(fits) : rows;
    chosen.sort(comparison(column, kind, this.sort.isDown));
    this.shown = chosen.map((row) => row[NAME]);
    this.sortedAt = performance.now();
    const total = this.store.rows.size;
    say(byId("rows-note"), this.find ? `${count(this.shown.length)} of ${count(total)}` : count(total));
    const empty = byId("rows-empty");
    empty.hidden = this.shown.length > 0;
    say(empty, total ? `No instrument fits “${this.find}”.` : "The feed has told of no instrument yet.");
    put(this.table, "aria-rowcount", String(this.shown.length + 1));
    this.draw();
  }

  /** Fits the table to frames that have come; `isOther`: instruments have come or gone. */
  update(isOther) {
    const moves = this.sort.column !== 0 || this.find !== "";
    if (isOther || (moves && performance.now() - this.sortedAt > SORT_AGAIN_MS)) this.arrange();
    else this.draw();
  }

  #later() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
  }

  /** Draws the rows in sight. */
  draw() {
    this.colour ??= palette("series-last")["series-last"];
    const height = this.scroll.clientHeight || 400;
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / ROW_PX) - BEYOND);
    const size = Math.min(this.shown.length - first, Math.ceil(height / ROW_PX) + 2 * BEYOND);
    while (this.pool.length < size) this.pool.push(this.#makeRow());
    this.#space(this.above, first);
    this.#space(this.below, Math.max(0, this.shown.length - first - size));
    const now = this.store.now();
    this.pool.forEach((slot, i) => {
      const name = i < size ? this.shown[first + i] : undefined;
      const row = name === undefined ? undefined : this.store.rows.get(name);
      if (!row) {
        if (slot.node.isConnected) slot.node.remove();
        delete slot.node.dataset.name;
        return;
      }
      if (!slot.node.isConnected) this.body.insertBefore(slot.node, this.below);
      this.#fill(slot, row, first + i, now);
    });
    const seen = this.shown.indexOf(this.active);
    put(this.table, "aria-activedescendant", seen >= first && seen < first + size ? `row-${seen}` : null);
  }

  #space(spacer, rows) {
    spacer.firstElementChild.style.height = `${rows * ROW_PX}px`;
    spacer.hidden = rows === 0;
  }

  #makeRow() {
    const cells = {};
    const node = el("tr");
    for (const [id, , , kind] of COLUMNS) {
      const cell = el(id === "instrument" ? "th" : "td", {
        class: `c-${id} ${kind === "text" ? "" : "right num"}`,
      });
      if (id === "instrument") cell.scope = "row";
      cells[id] = cell;
      node.append(cell);
    }
    cells.mark = mark("wait");
    cells.word = el("span");
    cells.state.append(cells.mark, cells.word);
    const canvas = sparkCanvas();
    node.append(el("td", { class: "c-trend" }, canvas));
    return { node, cells, canvas, drawn: null };
  }

  #fill(slot, row, index, now) {
    const { node, cells } = slot;
    const name = row[NAME];
    put(node, "data-name", name);
    put(node, "id", `row-${index}`);
    put(node, "aria-rowindex", String(index + 2));
    put(node, "aria-selected", String(name === this.selected));
    put(node, "data-active", name === this.active ? "true" : null);
    say(cells.age, row[AT] ? age(now - row[AT]) : NONE);
    const trail = this.store.trails.get(name);
    if (slot.drawn === row) return;
    slot.drawn = row;
    put(node, "data-state", row[STATE]);
    say(cells.instrument, name);
    put(cells.instrument, "title", name);
    say(cells.last, row[LAST] || NONE);
    say(cells.bid, row[BID] || NONE);
    say(cells.ask, row[ASK] || NONE);
    say(cells.spread, row[SPREAD] || NONE);
    say(cells.source, row[SOURCE] || NONE);
    if (slot.since !== row[SINCE]) {
      slot.since = row[SINCE];
      put(cells.source, "title", row[SINCE] ? `since ${moment(row[SINCE])}` : null);
    }
    put(cells.mark, "data-tone", TONES[row[STATE]] ?? "wait");
    say(cells.word, row[STATE]);
    say(cells.rejected, row[REJECTED] ? count(row[REJECTED]) : "0");
    drawSpark(slot.canvas, trail, this.colour);
  }

  #key(event) {
    if (event.target !== this.table || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.scroll.clientHeight / ROW_PX) - 2);
    const at = this.shown.indexOf(this.active);
    const to = {
      ArrowDown: at + 1,
      ArrowUp: at < 0 ? 0 : at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.shown.length - 1,
    }[event.key];
    if ((event.key === "Enter" || event.key === " ") && at >= 0) this.select(this.active);
    else if (to !== undefined && this.shown.length)
      this.#goTo(Math.min(Math.max(to, 0), this.shown.length - 1));
    else return;
    event.preventDefault();
  }

  #goTo(index) {
    this.active = this.shown[index];
    const top = index * ROW_PX;
    const height = this.scroll.clientHeight - ROW_PX; // the head stays in sight
    if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
    else if (top + ROW_PX > this.scroll.scrollTop + height) this.scroll.scrollTop = top + ROW_PX - height;
    this.draw();
  }

  /** Selects an instrument: the chart shows it. */
  select(name) {
    this.selected = name;
    this.active = name;
    this.draw();
    this.onSelect(name);
  }
}
