// Owns: the sinks' lanes and the observers: how full their queues are, what they did, what is wrong with them.
import { byId, el, mark, put, reconcile, say } from "./dom.js";
import { count, plural, short } from "./format.js";

const NEARLY = 0.75;

function lane() {
  return el(
    "div",
    { class: "lane" },
    el("p", { class: "lane-head" }, mark("good"), el("b"), el("span", { class: "quiet num" })),
    el("div", { class: "meter", "aria-hidden": "true" }, el("span")),
    el("ul", { class: "pairs" }),
    el("p", { class: "lane-why" }),
  );
}

function fillLane(node, name, queued, bound, pairs, trouble, isBad) {
  const [head, meter, list, why] = node.children;
  const share = bound > 0 ? Math.min(1, queued / bound) : 0;
  const tone = isBad ? "bad" : trouble || share >= NEARLY ? "warning" : "good";
  put(head.firstElementChild, "data-tone", tone);
  say(head.children[1], name);
  say(head.children[2], `${count(queued)} of ${count(bound)} waiting`);
  meter.firstElementChild.style.width = `${(100 * share).toFixed(1)}%`;
  put(meter, "data-tone", share >= NEARLY ? "warning" : "plain");
  reconcile(
    list,
    pairs,
    ([label]) => label,
    ([label]) => el("li", {}, el("span", { class: "quiet" }, label), el("span", { class: "num" })),
    (item, [, value, moved]) => {
      say(item.lastElementChild, value);
      put(item.lastElementChild, "data-tone", moved ?? "plain");
    },
  );
  say(why, trouble || (share >= NEARLY ? "The queue is nearly full." : ""));
  why.hidden = !why.textContent;
}

function drawAll(place, entries, none, fill) {
  if (!entries.length)
    reconcile(
      place,
      [none],
      (text) => text,
      (text) => el("p", { class: "empty" }, text),
      () => {},
    );
  else reconcile(place, entries, ([name]) => `one ${name}`, lane, fill);
}

export function drawLanes(store) {
  const lanes = Object.entries(store.lanes ?? {});
  const failed = lanes.filter(([, one]) => one.failed).length;
  say(byId("sinks-note"), failed ? `${plural(failed, "sink")} failed` : "");
  drawAll(byId("sinks"), lanes, "The feed writes to no sink.", (node, [name, one]) =>
    fillLane(
      node,
      name,
      one.queued,
      one.bound,
      [
        ["written", short(one.written)],
        ["dropped", short(one.dropped), one.dropped ? "warning" : "plain"],
      ],
      one.failed ? `Failed: ${one.failed}` : "",
      Boolean(one.failed),
    ),
  );
}

export function drawObservers(store) {
  drawAll(
    byId("observers"),
    Object.entries(store.observers ?? {}),
    "The feed has no observer.",
    (node, [name, one]) =>
      fillLane(
        node,
        name,
        one.waiting,
        one.bound,
        Object.entries(one.counts ?? {}).map(([label, n]) => [label.replaceAll("_", " "), short(n)]),
        one.trouble ?? "",
        false,
      ),
  );
}
