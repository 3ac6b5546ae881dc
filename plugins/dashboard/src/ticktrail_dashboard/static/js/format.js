// Owns: how numbers, times and durations read. Prices are never touched: they stand as the venue wrote them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit" });

export const NONE = "–";

/** A number of things: 12,345. */
export const count = (n) => whole.format(n);

/** A number of things where there is little room: 1.2M from a million on. */
export const short = (n) => (n < 1e6 ? whole.format(n) : compact.format(n));

/** Things a second: a decimal below ten. */
export const rate = (n) => (n > 0 && n < 10 ? n.toFixed(1) : whole.format(n));

/** A share in percent; null where it is not known. */
export function percent(n) {
  if (n === null || n === undefined) return NONE;
  if (n === 0 || n === 100) return `${n} %`;
  if (n < 0.01) return "< 0.01 %";
  if (n > 99.99) return "> 99.99 %";
  return `${n.toFixed(2)} %`;
}

/** Milliseconds, three digits that matter. */
export function millis(n) {
  if (n === null || n === undefined) return NONE;
  const size = Math.abs(n);
  if (size >= 1000) return `${(n / 1000).toFixed(size >= 10_000 ? 1 : 2)} s`;
  if (size >= 100) return `${n.toFixed(0)} ms`;
  return `${n.toFixed(size >= 10 ? 1 : 2)} ms`;
}

/** Microseconds as people read them: 850 µs, 1.20 ms. */
export function micros(n) {
  if (n === null || n === undefined) return NONE;
  return n < 1000 ? `${n.toFixed(n < 10 ? 1 : 0)} µs` : millis(n / 1000);
}

/** A duration in its two largest units. */
export function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} min ${String(s % 60).padStart(2, "0")} s`;
  const h = Math.floor(m / 60);
  if (h < 24) return `${h} h ${String(m % 60).padStart(2, "0")} min`;
  return `${Math.floor(h / 24)} d ${String(h % 24).padStart(2, "0")} h`;
}

/** A duration in its largest unit alone. */
export function about(ms) {
  const s = Math.max(0, ms / 1000);
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** How old something is, for a column: a decimal below ten seconds. */
export const age = (ms) => (ms < 9950 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : about(ms));

/** A time of day, local. */
export const time = (ms) => clock.format(ms);

/** A moment in full: local day and time with milliseconds, then UTC. */
export function moment(ms) {
  const fraction = String(Math.floor(ms % 1000)).padStart(3, "0");
  return `${day.format(ms)} ${clock.format(ms)}.${fraction} (${new Date(ms).toISOString()})`;
}

/** The zone in which times stand, with what it is ahead of UTC now. */
export function zone() {
  const minutes = -new Date().getTimezoneOffset();
  const [h, m] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const ahead =
    minutes === 0 ? "UTC" : `UTC${minutes < 0 ? "−" : "+"}${h}${m ? `:${String(m).padStart(2, "0")}` : ""}`;
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return !name || name === ahead ? ahead : `${name} (${ahead})`;
}

/** One or many: plural(1, "leg") is "1 leg". */
export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
