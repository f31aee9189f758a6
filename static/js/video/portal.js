// What the room asks of the portal: to come, to go, to end, and to carry signals to the other side and back.
const SOON = [500, 1000, 2000, 4000];
const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

// The portal's refusal, with the words that it gives for people.
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? "");
    this.status = status;
    this.code = problem?.code ?? "";
  }
}

export class Portal {
  #base; #token; #device = ""; #last = 0; #outbox = []; #sending = false; #stopped = false;

  constructor(base) {
    this.#base = base;
    this.#token = document.querySelector('meta[name="csrf-token"]').content;
  }

  // Raises Refusal when the portal says no, TypeError when it cannot be reached.
  async #post(verb, values = {}, options = {}) {
    const body = new URLSearchParams(values);
    if (this.#device) body.set("attendee_token", this.#device);
    const headers = { "X-CSRF-Token": this.#token, Accept: "application/json" };
    return read(await fetch(`${this.#base}/${verb}`, { method: "POST", body, headers, signal: AbortSignal.timeout(15000), ...options }));
  }

  async #get(what) {
    return read(await fetch(`${this.#base}/${what}`, { headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(10000) }));
  }

  async join() {
    this.#device = "";
    this.#last = 0;
    const device_type = matchMedia("(pointer: coarse)").matches ? "phone" : "computer";
    const answer = await this.#post("join", { device_type, browser_info: browser() });
    if (answer.provider === "webrtc") this.#device = answer.attendee.attendee_token;
    return answer;
  }

  // Who is in the room; the sign of life says so too.
  room() { return this.#get("room"); }
  stay(quality, mode) { return this.#post("presence", { quality, mode }); }
  leave() { return this.#post("leave", {}, { keepalive: true }); }

  // In order, and again until it has arrived: what one side says of the line must not get lost with it.
  signal(type, data) {
    const fields = Object.entries(data).filter(([, value]) => value !== null && value !== undefined);
    this.#outbox.push({ type, ...Object.fromEntries(fields.map(([name, value]) => [`data.${name}`, value])) });
    this.#flush();
  }

  // What the other side has sent and this page has not read yet. Asking for what follows confirms it.
  async signals() {
    const device = this.#device.split(".")[0];
    const { signals } = await this.#get(`signals?after=${this.#last}${device && `&device=${device}`}`);
    const fresh = signals.filter(({ number }) => number > this.#last);
    if (fresh.length) this.#last = fresh.at(-1).number;
    return fresh;
  }

  stop() { this.#stopped = true; this.#outbox = []; }

  async #flush() {
    if (this.#sending) return;
    this.#sending = true;
    for (let tries = 0; this.#outbox.length && !this.#stopped;) {
      try {
        await this.#post("signals", this.#outbox[0]);
        this.#outbox.shift();
        tries = 0;
      } catch (error) {
        if (error instanceof Refusal && error.status < 500 && error.status !== 429) this.#outbox.shift();
        else await pause(SOON[Math.min(tries++, SOON.length - 1)]);
      }
    }
    this.#sending = false;
  }
}

async function read(answer) {
  const body = answer.headers.get("content-type")?.includes("json") ? await answer.json() : null;
  if (!answer.ok) throw new Refusal(answer.status, body);
  return body;
}

// The name of the browser, for whoever has to find out why a call was bad.
function browser() {
  const brand = navigator.userAgentData?.brands?.find(({ brand }) => !/not.?a.?brand/i.test(brand));
  return (brand ? `${brand.brand} ${brand.version}, ${navigator.userAgentData.platform}` : navigator.userAgent).slice(0, 200);
}
