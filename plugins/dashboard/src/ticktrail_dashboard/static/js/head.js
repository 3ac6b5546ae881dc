// Owns: the head of the page, the sentence on how the feed does, and the few figures that matter.
import { byId, el, put, reconcile, say } from "./dom.js";
import { count, duration, micros, millis, NONE, percent, plural, rate, short, time } from "./format.js";
import { STATE } from "./store.js";

const profile = byId("feed-profile");
const verdict = byId("verdict");
const verdictText = byId("verdict-text");

/** How many instruments are in each state. */
function census(store) {
  const states = { live: 0, quiet: 0, waiting: 0, out: 0, quarantined: 0 };
  for (const row of store.rows.values()) states[row[STATE]] = (states[row[STATE]] ?? 0) + 1;
  return states;
}

/** The worst that is to be said of the feed, as [tone, sentence]. */
function judge(store, states) {
  if (!store.atMs) return ["wait", "Waiting for the first word of the feed"];
  if (store.ended) return ["rest", "The feed has ended. This is its last state."];
  if (store.state === "stopping") return ["rest", "The feed is stopping."];
  const legs = Object.entries(store.legs ?? {});
  if (!legs.length) return ["wait", "The feed has begun, and told of no leg yet."];
  const named = (state) => legs.filter(([, leg]) => leg.state === state).map(([name]) => name);
  const [down, degraded, connecting] = ["down", "degraded", "connecting"].map(named);
  const out = states.out + states.quarantined;
  const failed = Object.entries(store.lanes ?? {})
    .filter(([, lane]) => lane.failed)
    .map(([name]) => name);
  const troubled = Object.entries(store.observers ?? {})
    .filter(([, seen]) => seen.trouble)
    .map(([name]) => name);
  const said = [];
  if (out) said.push(`${plural(out, "instrument")} without a leg`);
  if (failed.length) said.push(`sink ${failed.join(", ")} failed`);
  if (store.clock?.breach) said.push("the clock is outside its limit");
  if (said.length)
    return ["bad", `Needs somebody: ${said.concat(down.map((name) => `${name} is down`)).join("; ")}.`];
  if (down.length) said.push(`${down.join(", ")} ${down.length > 1 ? "are" : "is"} down`);
  if (degraded.length) said.push(`${degraded.join(", ")} ${degraded.length > 1 ? "are" : "is"} degraded`);
  if (troubled.length) said.push(`trouble in ${troubled.join(", ")}`);
  if (said.length)
    return [
      "warning",
      `${states.live ? "Delivering" : "Nothing delivered of late"}, but ${said.join("; ")}.`,
    ];
  if (connecting.length) return ["wait", `Connecting ${connecting.join(", ")}.`];
  if (store.rows.size && !states.live)
    return ["wait", "Every leg is up; no instrument has delivered of late."];
  return ["good", `Delivering. Every leg is up${legs.length > 1 ? `, all ${legs.length} of them` : ""}.`];
}

function figures(store, states) {
  const counts = store.counts;
  const latency = store.latency;
  const clock = store.clock;
  const share = counts?.received ? (100 * counts.rejected) / counts.received : null;
  const total = store.rows.size;
  return [
    [
      "Instruments live",
      total ? `${count(states.live)}` : NONE,
      total ? `of ${count(total)}` : "",
      states.out ? "bad" : "",
    ],
    [
      "Delivered",
      counts ? short(counts.delivered) : NONE,
      counts ? `of ${short(counts.received)} received` : "",
      "",
    ],
    ["Rejected", counts ? short(counts.rejected) : NONE, share === null ? "" : percent(share), ""],
    ["Suppressed", counts ? short(counts.suppressed) : NONE, "", ""],
    ["Switches", counts ? short(counts.switches) : NONE, "", ""],
    ["Latency p99", micros(latency?.p99_us), latency?.p50_us ? `p50 ${micros(latency.p50_us)}` : "", ""],
    [
      "Clock offset",
      clock?.is_measured ? millis(clock.offset_ms) : NONE,
      clock?.is_measured
        ? clock.bound_ms === null || clock.bound_ms === undefined
          ? ""
          : `± ${millis(clock.bound_ms)}`
        : "not measured",
      clock?.breach ? "bad" : "",
    ],
  ];
}

export function drawHead(store) {
  const states = census(store);
  say(byId("feed-name"), store.feed || "…");
  profile.hidden = !store.profile;
  say(profile, store.profile);
  put(profile, "data-profile", store.profile);
  say(byId("fact-in"), store.counts ? rate(store.counts.received_per_s) : NONE);
  say(byId("fact-out"), store.counts ? rate(store.counts.delivered_per_s) : NONE);
  const [tone, sentence] = judge(store, states);
  put(verdict.firstElementChild, "data-tone", tone);
  put(verdict, "data-tone", tone);
  const isOld = store.halted !== undefined && !store.ended;
  say(verdictText, isOld ? `As of ${time(store.atMs)}: ${sentence}` : sentence);
  const sign = { bad: "■ ", warning: "▲ " }[tone] ?? "";
  document.title = store.feed ? `${sign}${store.feed} · ticktrail` : "ticktrail";
  reconcile(
    byId("figures"),
    figures(store, states),
    ([label]) => label,
    ([label]) =>
      el("div", {}, el("dt", {}, label), el("dd", { class: "num" }, el("b"), el("span", { class: "quiet" }))),
    (node, [, value, note, moved]) => {
      const dd = node.lastElementChild;
      say(dd.firstElementChild, value);
      say(dd.lastElementChild, note);
      put(dd, "data-tone", moved || "plain");
    },
  );
  const channels = store.channels.length ? ` · ${store.channels.join(", ")}` : "";
  say(byId("foot"), store.version ? `ticktrail ${store.version}${channels}` : "");
}

/** What grows by itself: the time since the start. */
export function drawUptime(store) {
  say(byId("fact-uptime"), store.startedMs ? duration(store.now() - store.startedMs) : NONE);
}

const WORDS = { connecting: "connecting", live: "live", lost: "reconnecting", ended: "ended" };
const TONES = { connecting: "wait", live: "good", lost: "warning", ended: "rest" };

/** How the page itself is connected: in the head, and as a banner where what it shows is old. */
export function drawLink(link, sinceText, retryS, hasSeen) {
  const head = byId("link");
  put(head, "data-link", link.state);
  put(head.querySelector(".mark"), "data-tone", TONES[link.state]);
  say(byId("link-word"), link.state === "lost" ? `${WORDS.lost} since ${sinceText}` : WORDS[link.state]);
  put(document.documentElement, "data-link", link.state);
  const banner = byId("banner");
  put(banner, "data-tone", TONES[link.state]);
  let text = "";
  if (link.state === "lost") {
    text = `Not connected since ${sinceText}: ${link.why}. `;
    text += hasSeen ? "What you see is as it was then." : "Nothing is known of the feed yet.";
  }
  if (link.state === "ended") text = `The feed has ended at ${sinceText}. What you see is its last state.`;
  say(byId("banner-text"), text);
  const retry = byId("banner-retry");
  retry.hidden = link.state !== "lost";
  say(retry, retryS > 0 ? `Try now (in ${retryS} s by itself)` : "Trying …");
  banner.hidden = !text;
}
