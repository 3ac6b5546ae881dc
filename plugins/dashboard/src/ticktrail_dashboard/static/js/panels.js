// Owns: what plugins show of their own: figures and a table each.
import { byId, el, mark, put, reconcile, say } from "./dom.js";
import { about, moment } from "./format.js";

const place = byId("panels");
const MOST_ROWS = 100;
const TONES = { good: "good", warning: "warning", bad: "bad" };

function panel([name]) {
  const id = `panel-${name}`;
  return el(
    "section",
    { class: "card panel", "aria-labelledby": id },
    el("header", { class: "card-head" }, el("h2", { id }), el("p", { class: "quiet" })),
    el("p", { class: "trouble" }, mark("bad"), el("span")),
    el("dl", { class: "figures figures-panel" }),
    el(
      "div",
      { class: "table-scroll", tabindex: "0", role: "region", "aria-labelledby": id },
      el("table", { class: "plain" }, el("thead", {}, el("tr")), el("tbody")),
    ),
    el("p", { class: "empty" }, "Nothing to show yet."),
  );
}

const numeric = (text) => /^[-+±<>≈ ]*[\d][\d.,\s]*( ?[%a-zµ]{1,4})?$/i.test(text);

function fillTable(table, columns, rows) {
  const [head, body] = table.children;
  const right = columns.map(
    (_, i) => rows.length > 0 && rows.every((row) => numeric(row[i] ?? "") || !row[i]),
  );
  const cell = (tag) => () => el(tag, tag === "th" ? { scope: "col" } : {});
  const fill = (node, [text, i]) => {
    say(node, text ?? "");
    const isLong = node.tagName === "TD" && (text ?? "").length > 28;
    put(node, "class", right[i] ? "right num" : isLong ? "long" : null);
  };
  reconcile(
    head.firstElementChild,
    columns.map((text, i) => [text, i]),
    ([, i]) => String(i),
    cell("th"),
    fill,
  );
  reconcile(
    body,
    rows.slice(0, MOST_ROWS).map((row, i) => [row, i]),
    ([, i]) => String(i),
    () => el("tr"),
    (node, [row]) =>
      reconcile(
        node,
        columns.map((_, i) => [row[i], i]),
        ([, i]) => String(i),
        cell("td"),
        fill,
      ),
  );
}

function fillPanel(node, [, view], now) {
  const [head, trouble, figures, table, empty] = node.children;
  const { figures: shown = [], columns = [], rows = [], trouble: why = "" } = view.panel;
  say(head.firstElementChild, view.title);
  say(head.lastElementChild, view.at_ms ? `seen ${about(now - view.at_ms)} ago` : "");
  put(head.lastElementChild, "title", view.at_ms ? moment(view.at_ms) : null);
  trouble.hidden = !why;
  say(trouble.lastElementChild, why);
  figures.hidden = !shown.length;
  reconcile(
    figures,
    shown.map((figure, i) => [i, figure]),
    ([i]) => String(i),
    () =>
      el(
        "div",
        {},
        el("dt"),
        el(
          "dd",
          {},
          el("span", { class: "figure-value" }, mark("good"), el("b")),
          el("span", { class: "quiet" }),
        ),
      ),
    (item, [, figure]) => {
      const [label, dd] = item.children;
      const tone = TONES[figure.mood];
      say(label, figure.label);
      dd.firstElementChild.firstElementChild.hidden = !tone;
      put(dd.firstElementChild.firstElementChild, "data-tone", tone ?? "plain");
      say(dd.firstElementChild.lastElementChild, figure.value);
      say(dd.lastElementChild, figure.note ?? "");
      put(dd, "data-tone", tone ?? "plain");
    },
  );
  table.hidden = !columns.length || !rows.length;
  if (!table.hidden) fillTable(table.firstElementChild, columns, rows);
  empty.hidden = Boolean(why || shown.length || rows.length);
}

export function drawPanels(store) {
  const panels = Object.entries(store.panels ?? {});
  place.hidden = !panels.length;
  reconcile(
    place,
    panels,
    ([name]) => name,
    panel,
    (node, entry) => fillPanel(node, entry, store.now()),
  );
}
