// Owns: the route as a tree: who could speak, who does, and how each leg is.
import { byId, el, mark, put, reconcile, say } from "./dom.js";
import { about, count, millis, moment, percent, plural, rate, time } from "./format.js";

const TONES = { live: "good", degraded: "warning", down: "bad", connecting: "wait", resting: "rest" };
const ORDER = { hybrid: "primary first, fallback when it fails", failover: "in order" };

const root = byId("route");
const note = byId("route-note");

/** The nodes nobody has as a child, in order. */
function roots(nodes) {
  const inner = new Set(nodes.flatMap((node) => Object.values(node.children)));
  return nodes.filter((node) => !inner.has(node.name));
}

function legCard() {
  return el(
    "div",
    { class: "leg" },
    el(
      "p",
      { class: "leg-head" },
      mark("wait"),
      el("b", { class: "leg-name" }),
      el("span", { class: "leg-label" }),
      el("span", { class: "leg-state" }),
      el("span", { class: "leg-since quiet num" }),
    ),
    el("p", { class: "speaks" }),
    el(
      "dl",
      { class: "leg-facts" },
      ...["Uptime", "Latency", "Rejects", "Rate"].map((name) =>
        el("div", {}, el("dt", {}, name), el("dd", { class: "num" })),
      ),
    ),
    el("p", { class: "leg-why" }),
  );
}

function fillLeg(card, name, label, leg, now) {
  const [head, , facts, why] = card.children;
  const state = leg?.state ?? "connecting";
  put(card, "data-state", state);
  put(head.children[0], "data-tone", TONES[state]);
  say(head.children[1], name);
  say(head.children[2], label && label !== name ? label : "");
  say(head.children[3], state);
  say(head.children[4], leg ? `for ${about(now - leg.since_ms)}` : "");
  put(head.children[4], "title", leg ? `since ${moment(leg.since_ms)}` : null);
  const values = leg
    ? [
        percent(leg.uptime_pct ?? 0),
        millis(leg.latency_ms),
        percent(leg.reject_pct),
        `${rate(leg.per_s ?? 0)}/s`,
      ]
    : ["–", "–", "–", "–"];
  values.forEach((value, i) => say(facts.children[i].lastElementChild, value));
  const reasons = [];
  if (leg?.why) reasons.push(leg.why);
  if (leg?.breaker && leg.breaker !== "closed") reasons.push(`breaker ${leg.breaker}`);
  if (leg?.retry_in_s !== null && leg?.retry_in_s !== undefined)
    reasons.push(`tries again in ${Math.ceil(leg.retry_in_s)} s`);
  say(why, reasons.join(" · "));
  why.hidden = !reasons.length;
}

function fillSpeaks(line, node, label) {
  const speaks = node?.speaks_for?.[label] ?? 0;
  const since = node?.since_ms?.[label] ?? 0;
  const pinned = node?.pinned?.[label] ?? 0;
  const parts = [];
  if (speaks) parts.push(`speaks for ${plural(speaks, "instrument")}${since ? ` since ${time(since)}` : ""}`);
  if (pinned) parts.push(`${count(pinned)} pinned here`);
  say(line, parts.join(" · "));
  line.hidden = !parts.length;
}

function nodeHead() {
  return el(
    "p",
    { class: "node-head" },
    el("span", { class: "node-kind" }),
    el("b"),
    el("span", { class: "quiet" }),
  );
}

function fillNode(item, node, parent, label, store) {
  const [head, speaks, list] = item.children;
  say(head.children[0], node.kind);
  say(head.children[1], node.name === "/" ? "" : node.name); // the topmost has no name of its own
  const notes = Object.entries(node.notes ?? {}).map(([name, text]) => `${name}: ${text}`);
  const words = notes.length ? notes.join(" · ") : (ORDER[node.kind] ?? "");
  say(head.children[2], label && label !== node.name ? `${label}${words ? ` · ${words}` : ""}` : words);
  fillSpeaks(speaks, parent, label);
  fillChildren(list, node, store);
}

function fillChildren(list, node, store) {
  const byName = new Map(store.route.map((one) => [one.name, one]));
  const labels = Object.keys(node.children);
  const speaking = labels.findLastIndex((label) => (node.speaks_for?.[label] ?? 0) > 0); // the clear path leads so far
  reconcile(
    list,
    Object.entries(node.children),
    ([label, child]) => `${byName.has(child) ? "node" : "leg"} ${label} ${child}`,
    ([, child]) =>
      byName.has(child)
        ? el("li", { class: "branch" }, nodeHead(), el("p", { class: "speaks" }), el("ul", { class: "tree" }))
        : el("li", { class: "branch" }, legCard()),
    (item, [label, child]) => {
      put(item, "data-speaks", (node.speaks_for?.[label] ?? 0) > 0 ? "true" : null);
      put(item, "data-upper", labels.indexOf(label) <= speaking ? "clear" : null);
      put(item, "data-lower", labels.indexOf(label) < speaking ? "clear" : null);
      if (byName.has(child)) fillNode(item, byName.get(child), node, label, store);
      else {
        fillLeg(item.firstElementChild, child, label, store.legs?.[child], store.now());
        fillSpeaks(item.firstElementChild.children[1], node, label);
      }
    },
  );
}

export function drawRoute(store) {
  const nodes = store.route ?? [];
  const legs = Object.keys(store.legs ?? {});
  const inTree = new Set(nodes.flatMap((node) => Object.values(node.children)));
  const loose = legs.filter((name) => !inTree.has(name));
  const tops = [
    ...roots(nodes).map((node) => ({ key: `node ${node.name}`, node })),
    ...loose.map((name) => ({ key: `leg ${name}`, leg: name })),
  ];
  if (!tops.length) {
    reconcile(
      root,
      [{ key: "empty" }],
      (top) => top.key,
      () => el("p", { class: "empty" }, "The feed has no leg yet."),
      () => {},
    );
    say(note, "");
    return;
  }
  const live = legs.filter((name) => store.legs[name].state === "live").length;
  say(note, `${count(live)} of ${plural(legs.length, "leg")} live`);
  reconcile(
    root,
    tops,
    (top) => top.key,
    (top) =>
      top.node
        ? el("div", { class: "node" }, nodeHead(), el("p", { class: "speaks" }), el("ul", { class: "tree" }))
        : legCard(),
    (item, top) => {
      if (top.node) fillNode(item, top.node, null, "", store);
      else {
        fillLeg(item, top.leg, "", store.legs[top.leg], store.now());
        item.children[1].hidden = true;
      }
    },
  );
}
