// Owns: what validation rejected, by rule, and what the route suppressed, by reason.
import { byId, el, put, reconcile, say } from "./dom.js";
import { count, moment, plural, time } from "./format.js";

const rules = byId("rules");
const suppressed = byId("suppressed");
const EXAMPLES = 5;

/** A bar: a name, a share of the largest, a number. */
export function bar() {
  return [
    el("span", { class: "bar-name" }),
    el("span", { class: "bar", "aria-hidden": "true" }, el("span")),
    el("span", { class: "bar-count num" }),
  ];
}

export function fillBar(nodes, name, n, most, text = count(n)) {
  say(nodes[0], name);
  nodes[1].firstElementChild.style.width = `${most > 0 ? Math.max(n > 0 ? 1 : 0, (100 * n) / most) : 0}%`;
  say(nodes[2], text);
}

function example() {
  return el(
    "li",
    {},
    el("time", { class: "num quiet" }),
    el("b"),
    el("span", { class: "quiet" }),
    el("span", { class: "said" }),
  );
}

function fillRule(item, [name, rule], most) {
  const [head, list] = item.children;
  fillBar(head.children, name, rule.rejected, most);
  say(head.children[3], rule.flagged ? `${count(rule.flagged)} flagged` : "");
  const examples = [...(rule.examples ?? [])].slice(-EXAMPLES).reverse();
  reconcile(
    list,
    examples.map((one, i) => [`${one.at_ms} ${one.instrument} ${i}`, one]),
    ([key]) => key,
    example,
    (node, [, one]) => {
      say(node.children[0], time(one.at_ms));
      put(node.children[0], "title", moment(one.at_ms));
      say(node.children[1], one.instrument);
      say(node.children[2], one.provider);
      say(node.children[3], one.said);
    },
  );
  put(item, "data-bare", examples.length ? null : "true");
}

const none = (text) => [["none", text]];

export function drawRules(store) {
  const found = Object.entries(store.rules ?? {}).filter(([, rule]) => rule.rejected || rule.flagged);
  found.sort(([, a], [, b]) => b.rejected - a.rejected);
  const quiet = Object.keys(store.rules ?? {}).length - found.length;
  say(byId("rules-note"), quiet ? `${plural(quiet, "rule")} without objection` : "");
  const most = Math.max(1, ...found.map(([, rule]) => rule.rejected));
  if (!found.length) {
    reconcile(
      rules,
      none("No tick was rejected or flagged so far."),
      ([key]) => key,
      ([, text]) => el("p", { class: "empty" }, text),
      () => {},
    );
  } else {
    reconcile(
      rules,
      found,
      ([name]) => `rule ${name}`,
      () => {
        const summary = el("summary", {}, ...bar(), el("span", { class: "quiet flagged" }));
        return el("details", { class: "rule" }, summary, el("ul", { class: "examples" }));
      },
      (item, entry) => fillRule(item, entry, most),
    );
    if (!rules.dataset.opened) {
      rules.firstElementChild.open = true;
      rules.dataset.opened = "true";
    }
  }
  drawSuppressed(store);
}

function drawSuppressed(store) {
  const reasons = Object.entries(store.suppressed_by ?? {})
    .filter(([, n]) => n)
    .sort(([, a], [, b]) => b - a);
  const most = Math.max(1, ...reasons.map(([, n]) => n));
  if (!reasons.length) {
    reconcile(
      suppressed,
      none("Nothing was suppressed so far."),
      ([key]) => key,
      ([, text]) => el("p", { class: "empty" }, text),
      () => {},
    );
    return;
  }
  reconcile(
    suppressed,
    reasons,
    ([name]) => `reason ${name}`,
    () => el("p", { class: "bar-row" }, ...bar()),
    (item, [name, n]) => fillBar(item.children, name.replaceAll("_", " "), n, most),
  );
}
