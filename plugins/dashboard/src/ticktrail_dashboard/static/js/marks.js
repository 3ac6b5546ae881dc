// Owns: what happened, on the chart's time line: shapes that can be pointed at and walked through by keyboard.
import { byId, el, put, reconcile, say } from "./dom.js";
import { plural, time } from "./format.js";

const NEAR_PX = 22; // what is nearer than this is one mark
const WORDS = { switch: "switch", reject: "rejected tick", gap: "gap" };
const MANY = { switch: "switches", reject: "rejected ticks", gap: "gaps" };

/** Joins marks of one kind that would lie upon another. */
export function cluster(marks, position) {
  const joined = [];
  const last = {};
  for (const one of [...marks].sort((a, b) => a.at_ms - b.at_ms)) {
    const x = position(one.at_ms);
    const before = last[one.kind];
    if (before && x - before.x < NEAR_PX) before.members.push(one);
    else joined.push((last[one.kind] = { kind: one.kind, x, members: [one] }));
  }
  return joined;
}

/** What a mark says: one in full, several with their number and the last three. */
export function words({ kind, members }) {
  const line = (one) => `${time(one.at_ms)} ${one.text}`;
  if (members.length === 1) return `${WORDS[kind]}, ${line(members[0])}`;
  const rest = members.length > 3 ? `\n… and ${plural(members.length - 3, "earlier one")}` : "";
  return `${members.length} ${MANY[kind]}\n${members.slice(-3).reverse().map(line).join("\n")}${rest}`;
}

export class Marks {
  constructor() {
    this.layer = el("div", {
      class: "marks",
      role: "toolbar",
      "aria-label": "Marks on the chart; arrow keys move",
    });
    this.tip = byId("chart-tip");
    this.frame = byId("chart");
    this.layer.addEventListener("keydown", (event) => this.#key(event));
    for (const [name, shows] of [
      ["pointerover", true],
      ["focusin", true],
      ["pointerout", false],
      ["focusout", false],
    ]) {
      this.layer.addEventListener(name, (event) => {
        const node = event.target.closest(".chart-mark");
        if (shows && node) this.#show(node);
        else this.tip.hidden = true;
      });
    }
  }

  /** Puts the marks where they belong over a plot that was drawn. */
  place(plot, marks) {
    const [from, to] = [plot.scales.x.min, plot.scales.x.max];
    const seen = marks.filter((one) => one.at_ms / 1000 >= from && one.at_ms / 1000 <= to);
    const groups = cluster(seen, (ms) => plot.valToPos(ms / 1000, "x"));
    this.layer.hidden = groups.length === 0;
    if (this.layer.parentElement !== plot.over) plot.over.append(this.layer);
    reconcile(
      this.layer,
      groups,
      (group) => `${group.kind} ${group.members[0].at_ms}`,
      (group) =>
        el(
          "button",
          { type: "button", class: "chart-mark", tabindex: "-1" },
          el("span", { class: "glyph", data: { kind: group.kind } }),
        ),
      (node, group) => {
        node.style.transform = `translateX(${Math.round(group.x - 12)}px)`;
        put(node, "aria-label", words(group));
        put(node, "data-kind", group.kind);
        put(node, "data-count", group.members.length > 1 ? String(group.members.length) : null);
      },
    );
    if (groups.length && !this.layer.querySelector('[tabindex="0"]'))
      put(this.layer.lastElementChild, "tabindex", "0");
    if (!this.tip.hidden && !this.shown?.isConnected) this.tip.hidden = true;
  }

  #show(node) {
    this.shown = node;
    say(this.tip, node.getAttribute("aria-label"));
    this.tip.hidden = false;
    const at = node.getBoundingClientRect();
    const frame = this.frame.getBoundingClientRect();
    const left = at.left + at.width / 2 - frame.left - this.tip.offsetWidth / 2;
    this.tip.style.left = `${Math.max(0, Math.min(left, frame.width - this.tip.offsetWidth))}px`;
    this.tip.style.top = `${at.bottom - frame.top + 6}px`;
  }

  #key(event) {
    const nodes = [...this.layer.children];
    const at = nodes.indexOf(document.activeElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: nodes.length - 1 }[event.key];
    if (event.key === "Escape") this.tip.hidden = true;
    if (to === undefined || !nodes[to]) return;
    put(nodes[at], "tabindex", "-1");
    put(nodes[to], "tabindex", "0");
    nodes[to].focus();
    event.preventDefault();
  }
}
