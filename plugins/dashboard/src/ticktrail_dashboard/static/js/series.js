// Owns: the last minutes of one instrument as columns: what the server told, and what frames added since.
import { ASK, AT, BID, LAST } from "./store.js";

const MOST = 300;

const number = (text) => (text === "" ? null : Number(text));

export class Series {
  constructor(chart) {
    this.at = (chart.at_ms ?? []).map((ms) => ms / 1000);
    this.last = [...(chart.last ?? [])];
    this.bid = [...(chart.bid ?? [])];
    this.ask = [...(chart.ask ?? [])];
    this.marks = chart.marks ?? [];
  }

  /** Adds what a row says now; the second's last word counts, as with the server. */
  add(row) {
    if (!row[AT]) return;
    const second = Math.floor(row[AT] / 1000);
    const at = this.at.at(-1);
    if (at !== undefined && second < Math.floor(at)) return;
    if (at === undefined || second > Math.floor(at)) {
      this.at.push(second);
      for (const column of [this.last, this.bid, this.ask]) column.push(null);
    }
    const end = this.at.length - 1;
    this.last[end] = number(row[LAST]);
    this.bid[end] = number(row[BID]);
    this.ask[end] = number(row[ASK]);
    while (this.at.length > MOST)
      for (const column of [this.at, this.last, this.bid, this.ask]) column.shift();
  }

  /** Ask less bid, to what a price can be told apart. */
  get spread() {
    return this.bid.map((bid, i) => {
      const ask = this.ask[i];
      return bid === null || ask === null ? null : Number((ask - bid).toPrecision(10));
    });
  }
}
