// Owns: what happened to the feed, newest first, filtered by kind and text; tells critical events to screen readers.
import { byId, el, mark, put, say } from "./dom.js";
import { count, moment, time } from "./format.js";

const KINDS = ["feed", "leg", "route", "rule", "sink", "clock", "person", "notice"];
const STEP = 200; // shown at once; more on request
const SPEAK_MS = 4_000; // a screen reader is told no more often than this
const TONES = { good: "good", warning: "warning", bad: "bad", plain: "plain" };

export class Timeline {
  constructor(store) {
    this.store = store;
    this.list = byId("timeline");
    this.kinds = new Set(KINDS);
    this.find = "";
    this.most = STEP;
    this.nodes = new Map(); // by number
    this.boxes = new Map();
    this.unsaid = [];
    this.spokenAt = -SPEAK_MS;
    for (const kind of KINDS) byId("timeline-kinds").append(this.#box(kind));
    byId("timeline-find").addEventListener("input", (event) => {
      this.find = event.target.value.trim().toLowerCase();
      this.draw();
    });
    this.more = el("button", { type: "button", class: "more", hidden: true }, "Show earlier events");
    this.more.addEventListener("click", () => {
      this.most += STEP;
      this.draw();
    });
    this.list.after(this.more);
  }

  #box(kind) {
    const box = el("input", { type: "checkbox", checked: true, value: kind });
    const number = el("span", { class: "num" }, "0");
    box.addEventListener("change", () => {
      if (box.checked) this.kinds.add(kind);
      else this.kinds.delete(kind);
      this.draw();
    });
    this.boxes.set(kind, number);
    return el("label", { class: "kind" }, box, el("span", {}, kind), number);
  }

  #fits(item) {
    return (
      this.kinds.has(item.kind) &&
      (!this.find ||
        `${item.event} ${item.about} ${item.text} ${item.kind}`.toLowerCase().includes(this.find))
    );
  }

  #make(item) {
    const tone = TONES[item.tone] ?? "plain";
    const when = el("time", { class: "num", datetime: new Date(item.at_ms).toISOString() }, time(item.at_ms));
    const summary = el(
      "summary",
      {},
      mark(tone),
      when,
      el("span", { class: "tag" }, item.kind),
      el(
        "span",
        { class: "what" },
        item.about ? el("b", {}, item.about) : "",
        item.about ? " " : "",
        item.text,
      ),
    );
    const facts = [
      ["When", moment(item.at_ms)],
      ["Event", item.event],
      ["About", item.about || "the feed"],
      ["Number", count(item.number)],
    ];
    const list = el(
      "dl",
      { class: "facts" },
      ...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
    );
    return el("li", { data: { tone } }, el("details", {}, summary, list));
  }

  /** Shows what fits, newest first; an element is made once. */
  draw() {
    const fitting = this.store.events.filter((item) => this.#fits(item));
    const totals = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
    for (const item of this.store.events) totals[item.kind] = (totals[item.kind] ?? 0) + 1;
    for (const [kind, number] of this.boxes) say(number, count(totals[kind]));
    const shown = fitting.slice(-this.most).reverse();
    const numbers = new Set(shown.map((item) => item.number));
    for (const [number, node] of this.nodes) {
      if (numbers.has(number)) continue;
      node.remove();
      this.nodes.delete(number);
    }
    const scroll = byId("timeline-scroll");
    const height = scroll.scrollTop > 0 ? scroll.scrollHeight : 0;
    let next = this.list.firstElementChild;
    for (const item of shown) {
      let node = this.nodes.get(item.number);
      if (!node) this.nodes.set(item.number, (node = this.#make(item)));
      if (node === next) next = next.nextElementSibling;
      else this.list.insertBefore(node, next);
    }
    if (height) scroll.scrollTop += scroll.scrollHeight - height; // who reads further down stays there
    const total = this.store.events.length;
    const isFiltered = this.find !== "" || this.kinds.size < KINDS.length;
    say(byId("timeline-note"), isFiltered ? `${count(fitting.length)} of ${count(total)}` : count(total));
    this.more.hidden = fitting.length <= this.most;
    const empty = byId("timeline-empty");
    empty.hidden = fitting.length > 0;
    say(empty, total ? "No event fits the filter." : "Nothing has happened yet.");
  }

  /** Starts anew: numbers of another feed mean other events. */
  clear() {
    this.nodes.clear();
    this.list.replaceChildren();
  }

  /** Tells what needs somebody, politely: several at once, and not too often. */
  announce() {
    this.unsaid.push(...this.store.news.splice(0).filter((item) => item.tone === "bad"));
    const now = performance.now();
    if (!this.unsaid.length || now - this.spokenAt < SPEAK_MS) return;
    const [last] = this.unsaid.slice(-1);
    const words = `${last.about} ${last.text}`.trim();
    const text =
      this.unsaid.length > 1
        ? `${count(this.unsaid.length)} critical events; the last: ${words}`
        : `Critical: ${words}`;
    this.unsaid = [];
    this.spokenAt = now;
    put(byId("announce"), "data-last", String(last.number));
    say(byId("announce"), text);
  }
}
