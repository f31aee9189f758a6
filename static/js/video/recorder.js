// Records a call in the doctor's browser, where the two browsers talk directly: the other's picture with the own one in a
// corner, and both voices. Every few seconds a piece goes to the portal; one that did not arrive is sent again.
const SLICE = 4000, WIDTH = 960, HEIGHT = 540, RATE = 15, AGAIN = [1000, 2000, 4000, 8000];
const KINDS = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];
const kind = () => KINDS.find((one) => window.MediaRecorder?.isTypeSupported(one)) ?? "";
const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });
const token = document.querySelector('meta[name="csrf-token"]')?.content;
let recorder = null;

class Recorder {
  #id; #at; #media; #mixer = new AudioContext(); #voices = new Map(); #out; #canvas = document.createElement("canvas"); #timer = 0; #number = 0; #sending = Promise.resolve();

  constructor(id, at) {
    this.#id = id;
    this.#at = at;
    this.#out = this.#mixer.createMediaStreamDestination();
    Object.assign(this.#canvas, { width: WIDTH, height: HEIGHT });
    this.#draw();
    const stream = new MediaStream([...this.#canvas.captureStream(RATE).getVideoTracks(), ...this.#out.stream.getAudioTracks()]);
    this.#media = new MediaRecorder(stream, { mimeType: kind(), videoBitsPerSecond: 700_000, audioBitsPerSecond: 48_000 });
    this.#media.addEventListener("dataavailable", ({ data }) => { if (data.size) this.#keep(data); });
    this.#timer = setInterval(() => this.#draw(), 1000 / RATE);
    this.#media.start(SLICE);
  }

  get id() { return this.#id; }

  // What is there at this moment: either side may change the device or come back with another one.
  #draw() {
    const brush = this.#canvas.getContext("2d");
    brush.fillStyle = "#0b1719";
    brush.fillRect(0, 0, WIDTH, HEIGHT);
    const find = (name) => document.querySelector(`#room [data-at="${name}"]`);
    place(brush, find("far"), 0, 0, WIDTH, HEIGHT);
    place(brush, find("near"), WIDTH - 200, HEIGHT - 150, 184, 138);
    const own = document.getElementById("room")?.voice;
    const heard = new Set([...(find("far")?.srcObject?.getAudioTracks() ?? []), ...(own ? [own] : [])]);
    for (const track of heard) if (!this.#voices.has(track)) this.#hear(track);
    for (const [track, source] of this.#voices) if (!heard.has(track)) { source.disconnect(); this.#voices.delete(track); }
  }

  #hear(track) {
    const source = this.#mixer.createMediaStreamSource(new MediaStream([track]));
    source.connect(this.#out);
    this.#voices.set(track, source);
  }

  #keep(piece) {
    const number = this.#number++;
    this.#sending = this.#sending.then(() => this.#send(piece, number));
  }

  async #send(piece, number) {
    const body = new FormData();
    body.set("file", piece, "piece");
    for (let turn = 0; ; turn++) {
      try {
        const answer = await fetch(`${this.#at}/${this.#id}/pieces/${number}`, { method: "POST", body, headers: { "X-CSRF-Token": token, Accept: "application/json" } });
        if (answer.ok || (answer.status < 500 && answer.status !== 429)) return;
      } catch { /* no network: again */ }
      await pause(AGAIN[Math.min(turn, AGAIN.length - 1)]);
    }
  }

  async stop() {
    clearInterval(this.#timer);
    if (this.#media.state !== "inactive") {
      const ended = new Promise((done) => { this.#media.addEventListener("stop", done, { once: true }); });
      this.#media.stop();
      await ended;
    }
    await this.#sending;
    await this.#mixer.close();
  }
}

// As large as fits, in the middle.
function place(brush, video, x, y, width, height) {
  if (!video?.srcObject || !video.videoWidth || video.readyState < 2) return;
  const scale = Math.min(width / video.videoWidth, height / video.videoHeight);
  const [w, h] = [video.videoWidth * scale, video.videoHeight * scale];
  brush.drawImage(video, x + (width - w) / 2, y + (height - h) / 2, w, h);
}

const part = () => document.getElementById("recording");

// The page says what runs; what runs in a page that is gone ends, since nobody can go on with it.
async function follow() {
  const at = part(), running = at?.dataset.running ?? "";
  const media = at?.querySelector("[data-media]");
  if (media) {
    media.value = kind().split(";")[0] || media.value;
    media.form.querySelector("button").disabled = !kind();
  }
  if (recorder && recorder.id !== running) {
    const ended = recorder;
    recorder = null;
    await ended.stop();
  }
  if (running && !recorder) {
    if (pressed) recorder = new Recorder(running, at.dataset.at);
    else await end(at);
  }
}
let pressed = false;
document.addEventListener("submit", ({ target }) => { if (target.closest("#recording") && target.elements.action?.value === "START") pressed = true; }, true);

async function end(at) {
  await fetch(at.dataset.at, { method: "POST", body: new URLSearchParams({ action: "STOP" }), headers: { "X-CSRF-Token": token, "HX-Request": "true" } });
}

document.addEventListener("htmx:after:swap", follow);
document.getElementById("live")?.addEventListener("recording.changed", () => { if (part()) htmx.trigger(part().parentElement, "recorded"); });
addEventListener("pagehide", () => { if (recorder) fetch(part().dataset.at, { method: "POST", keepalive: true, body: new URLSearchParams({ action: "STOP" }), headers: { "X-CSRF-Token": token } }); });
follow();
