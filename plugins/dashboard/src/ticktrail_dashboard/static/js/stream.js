// Owns: the connection to the feed: reads its server-sent events, notices silence, and comes back.
// `fetch` instead of EventSource, which tells neither a status (not signed in, too many pages) nor a heartbeat.

const SILENCE_MS = 35_000; // the server says something each 15 s
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

/** Splits a stream of text into events: gives [name, data] of each that is complete. */
export class Events {
  constructor() {
    this.rest = "";
  }

  *feed(text) {
    this.rest += text;
    for (;;) {
      const found = /\r?\n\r?\n/.exec(this.rest);
      if (!found) return;
      const block = this.rest.slice(0, found.index);
      this.rest = this.rest.slice(found.index + found[0].length);
      let name = "message";
      const data = [];
      for (const line of block.split(/\r?\n/)) {
        if (line.startsWith("event:")) name = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
      }
      if (data.length) yield [name, data.join("\n")];
    }
  }
}

export class Stream {
  /** `onFrame(frame)`; `onLink({state, sinceMs, why, retryMs})` when the connection changes. */
  constructor(url, { onFrame, onLink }) {
    Object.assign(this, { url, onFrame, onLink });
    this.isLive = false;
    this.tries = 0;
    this.lostMs = null;
  }

  /** Keeps the connection for as long as the page lives. */
  async run() {
    for (;;) {
      const why = await this.#once();
      if (why === null) return;
      this.lostMs ??= Date.now();
      const pause = Math.max(why.afterMs ?? 0, PAUSES_MS[Math.min(this.tries, PAUSES_MS.length - 1)]);
      this.tries += 1;
      this.onLink({ state: "lost", sinceMs: this.lostMs, why: why.text, retryMs: pause });
      await this.#pause(pause);
    }
  }

  /** Ends the pause before the next attempt. */
  now() {
    this.wake?.();
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #once() {
    const control = new AbortController();
    let watch = 0;
    const heard = () => {
      clearTimeout(watch);
      watch = setTimeout(() => control.abort(), SILENCE_MS);
    };
    heard();
    try {
      if (this.lostMs === null) this.onLink({ state: "connecting", sinceMs: Date.now() });
      const answer = await fetch(this.url, {
        headers: { Accept: "text/event-stream" },
        cache: "no-store",
        signal: control.signal,
      });
      if (answer.status === 401 || answer.status === 403) {
        window.location.assign("login");
        return null;
      }
      if (!answer.ok) return this.#refusal(answer);
      await this.#read(answer.body, heard);
      return { text: "the feed has closed the connection" };
    } catch (error) {
      return {
        text: control.signal.aborted ? "nothing was heard for 35 s" : `no connection (${error.message})`,
      };
    } finally {
      clearTimeout(watch);
      control.abort();
    }
  }

  #refusal(answer) {
    const after = Number(answer.headers.get("Retry-After"));
    const text =
      answer.status === 503
        ? "as many pages are open as the feed allows"
        : `the server said ${answer.status}`;
    return { text, afterMs: Number.isFinite(after) ? Math.min(after, 120) * 1000 : 0 };
  }

  async #read(body, heard) {
    const events = new Events();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      for (const [name, data] of events.feed(value)) {
        if (name !== "frame") continue;
        this.onFrame(JSON.parse(data));
        if (this.lostMs !== null || this.tries || !this.isLive) {
          this.isLive = true;
          this.lostMs = null;
          this.tries = 0;
          this.onLink({ state: "live", sinceMs: Date.now() });
        }
      }
    }
  }
}
