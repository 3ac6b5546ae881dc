// Owns: when what is drawn: takes frames in, and draws what they changed once in a picture of the screen.
import { Chart } from "./chart.js";
import { drawClock } from "./clock.js";
import { byId, put } from "./dom.js";
import { time } from "./format.js";
import { drawHead, drawLink, drawUptime } from "./head.js";
import { Instruments } from "./instruments.js";
import { drawLanes, drawObservers } from "./lanes.js";
import { drawLatency } from "./latency.js";
import { drawPanels } from "./panels.js";
import { drawRoute } from "./route.js";
import { drawRules } from "./rules.js";
import { Store } from "./store.js";
import { Stream } from "./stream.js";
import { Timeline } from "./timeline.js";

const store = new Store();
const chart = new Chart(store);
const instruments = new Instruments(store, (name) => {
  chart.show(name);
  chart.refresh();
});
const timeline = new Timeline(store);
let link = { state: "connecting", sinceMs: Date.now() };
let dirty = new Set();
let isPlanned = false;

const DRAWS = [
  [["route", "legs"], () => drawRoute(store)],
  [["rules", "suppressed_by"], () => drawRules(store)],
  [["latency"], () => drawLatency(store)],
  [["clock"], () => drawClock(store)],
  [["lanes"], () => drawLanes(store)],
  [["observers"], () => drawObservers(store)],
  [["panels"], () => drawPanels(store)],
];

function draw() {
  isPlanned = false;
  const changed = dirty;
  dirty = new Set();
  if (changed.has("another")) timeline.clear();
  drawHead(store);
  for (const [parts, call] of DRAWS) if (parts.some((part) => changed.has(part))) call();
  if (changed.has("rows")) instruments.update(changed.has("names"));
  if (changed.has("timeline")) timeline.draw();
  if (chart.name === null && store.rows.size) instruments.select(instruments.shown[0]);
}

function plan() {
  if (isPlanned || document.hidden) return;
  isPlanned = true;
  requestAnimationFrame(draw);
}

function onFrame(frame) {
  store.halt(false);
  for (const part of store.apply(frame)) dirty.add(part);
  put(document.documentElement, "data-phase", "shown");
  chart.update();
  if ((frame.timeline ?? []).some((item) => ["leg", "route"].includes(item.kind))) chart.soon();
  timeline.announce();
  if (store.ended) {
    store.halt(true);
    onLink({ state: "ended", sinceMs: frame.at_ms });
  }
  plan();
}

function onLink(next) {
  if (store.ended && next.state !== "ended") return; // what has ended is not missed
  if (next.state === "lost" && store.halted === undefined) store.halt(true);
  link = { ...next, retryAt: performance.now() + (next.retryMs ?? 0) };
  tellLink();
}

function tellLink() {
  const retryS = Math.max(0, Math.ceil((link.retryAt - performance.now()) / 1000));
  drawLink(link, time(link.sinceMs), retryS, store.atMs > 0);
}

/** What changes without a frame: ages, times since, the chart's window. */
function tick() {
  timeline.announce();
  tellLink();
  if (document.hidden || !store.atMs) return;
  drawHead(store);
  drawUptime(store);
  drawRoute(store);
  drawClock(store);
  drawPanels(store);
  instruments.draw();
  chart.draw();
  if (link.state === "live") chart.refresh();
}

const stream = new Stream("api/events", { onFrame, onLink });
byId("banner-retry").addEventListener("click", () => stream.now());
document.addEventListener("visibilitychange", plan);
setInterval(tick, 1_000);
tellLink();
stream.run();
