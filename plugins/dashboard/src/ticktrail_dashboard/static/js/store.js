// Owns: what this page knows of the feed, put together from its frames.
// Never: draws.

const POINTS = 60; // of a sparkline: one a second
export const [NAME, LAST, BID, ASK, SPREAD, AT, SOURCE, SINCE, STATE, DELIVERED, REJECTED] = Array(11).keys();
const PARTS = [
  "counts",
  "route",
  "legs",
  "rules",
  "suppressed_by",
  "latency",
  "clock",
  "lanes",
  "observers",
  "panels",
];
const MOST_EVENTS = 1_000;

/** The last prices of an instrument, one a second. */
class Trail {
  constructor() {
    this.values = new Float64Array(POINTS);
    this.size = 0;
    this.second = 0;
  }

  add(atMs, text) {
    const value = Number(text);
    if (text === "" || !Number.isFinite(value)) return;
    const second = Math.floor(atMs / 1000);
    if (second === this.second && this.size) this.values[this.size - 1] = value;
    else {
      if (this.size === POINTS) this.values.copyWithin(0, 1);
      else this.size += 1;
      this.values[this.size - 1] = value;
      this.second = second;
    }
  }
}

export class Store {
  constructor() {
    this.feed = "";
    this.profile = "";
    this.version = "";
    this.startedMs = 0;
    this.channels = [];
    this.state = "";
    this.news = [];
    this.rows = new Map();
    this.trails = new Map();
    this.events = []; // oldest first
    this.counts = this.route = this.legs = this.rules = this.suppressed_by = null;
    this.latency = this.clock = this.lanes = this.observers = this.panels = null;
    this.atMs = 0;
    this.heardAt = 0;
  }

  get ended() {
    return this.state === "ended";
  }

  /** The feed's time now: its last frame's, and what has passed here since, however this machine's clock stands. */
  now() {
    return this.atMs === 0 ? 0 : this.atMs + (this.halted ?? performance.now()) - this.heardAt;
  }

  /** Stops `now` where nothing is heard of the feed any more. */
  halt(isHalted) {
    this.halted = isHalted ? performance.now() : undefined;
  }

  /** Takes in a frame and returns the names of the parts that it changed. */
  apply(frame) {
    this.atMs = frame.at_ms;
    this.heardAt = performance.now();
    const changed = new Set(["head"]);
    if (frame.whole) this.#begin(frame, changed);
    if (frame.state) this.state = frame.state;
    for (const part of PARTS) {
      if (frame[part] === undefined || frame[part] === null) continue;
      this[part] = frame[part];
      changed.add(part);
    }
    this.#takeRows(frame, changed);
    const news = frame.timeline ?? [];
    if (news.length) {
      const known = this.events.at(-1)?.number ?? -1;
      const fresh = news.filter((item) => item.number > known);
      this.events.push(...fresh);
      if (!frame.whole) this.news.push(...fresh);
      if (this.events.length > MOST_EVENTS) this.events.splice(0, this.events.length - MOST_EVENTS);
      changed.add("timeline");
    }
    return changed;
  }

  #begin(frame, changed) {
    if (frame.feed !== this.feed || frame.started_ms !== this.startedMs) {
      this.trails.clear();
      changed.add("another");
    }
    this.feed = frame.feed ?? "";
    this.profile = frame.profile ?? "";
    this.version = frame.version ?? "";
    this.startedMs = frame.started_ms ?? 0;
    this.channels = frame.channels ?? [];
    this.state = "";
    this.rows.clear();
    this.events = [];
    for (const part of PARTS) {
      this[part] = null;
      changed.add(part);
    }
    changed.add("whole").add("rows").add("names").add("timeline");
  }

  #takeRows(frame, changed) {
    for (const row of frame.rows ?? []) {
      if (!this.rows.has(row[NAME])) changed.add("names");
      this.rows.set(row[NAME], row);
      let trail = this.trails.get(row[NAME]);
      if (!trail) this.trails.set(row[NAME], (trail = new Trail()));
      trail.add(row[AT] || frame.at_ms, row[LAST] || row[BID]);
      changed.add("rows");
    }
    for (const name of frame.gone ?? []) {
      if (!this.rows.delete(name)) continue;
      this.trails.delete(name);
      changed.add("rows").add("names");
    }
  }
}
