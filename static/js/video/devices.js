// The camera, the microphone and the speaker of this device: what there is, what is chosen, how loud, and what is wrong.
const WANTED = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24 } };
const CLEAN = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
export const SUPPORTED = Boolean(navigator.mediaDevices?.getUserMedia && window.RTCPeerConnection);

// Which of the page's messages says what went wrong.
export function trouble(error, kind) {
  switch (error?.name) {
    case "NotAllowedError": case "SecurityError": return "refused";
    case "NotFoundError": case "OverconstrainedError": return `no-${kind}`;
    case "NotReadableError": case "AbortError": return "in-use";
    default: return "no-devices";
  }
}

export class Devices extends EventTarget {
  tracks = { audio: null, video: null };
  chosen = { audio: "", video: "", speaker: "" };
  troubles = {};
  #facing = "user";

  constructor(chosen = {}) {
    super();
    Object.assign(this.chosen, chosen);
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.dispatchEvent(new Event("list")));
  }

  // Both at once asks the person once; where one is missing or refused, each is tried by itself.
  async start(wanted = { audio: true, video: true }) {
    this.troubles = {};
    try {
      const stream = await navigator.mediaDevices.getUserMedia(this.#ask(wanted));
      stream.getTracks().forEach((track) => this.#keep(track));
    } catch (error) {
      if (!wanted.audio || !wanted.video || error.name === "NotAllowedError") this.#note(error, wanted);
      else for (const kind of ["audio", "video"]) await this.#one(kind);
    }
    this.dispatchEvent(new Event("list"));
  }

  // Another camera or microphone; the one in use goes on until the new one is there.
  async choose(kind, id) {
    this.chosen[kind] = id;
    if (kind !== "speaker") await this.#one(kind);
    this.dispatchEvent(new Event("list"));
  }

  // The camera on the other side of a phone.
  async flip() {
    this.#facing = this.#facing === "user" ? "environment" : "user";
    this.chosen.video = "";
    this.tracks.video?.stop(); // most phones open one camera at a time
    await this.#one("video");
  }

  // A camera that is off is let go: its light goes out.
  async camera(on) {
    if (on) return this.#one("video");
    this.tracks.video?.stop();
    this.#set("video", null);
  }

  async list() {
    const all = await navigator.mediaDevices?.enumerateDevices?.() ?? [];
    const of = (kind) => all.filter((one) => one.kind === kind && one.deviceId);
    return { audio: of("audioinput"), video: of("videoinput"), speaker: of("audiooutput") };
  }

  stop() { for (const kind of ["audio", "video"]) { this.tracks[kind]?.stop(); this.#set(kind, null); } }

  #ask(wanted) {
    const id = (kind) => this.chosen[kind] ? { deviceId: { ideal: this.chosen[kind] } } : {};
    const video = { ...WANTED, ...id("video"), ...(this.chosen.video ? {} : { facingMode: this.#facing }) };
    return { audio: wanted.audio && { ...CLEAN, ...id("audio") }, video: wanted.video && video };
  }

  async #one(kind) {
    delete this.troubles[kind];
    try {
      const stream = await navigator.mediaDevices.getUserMedia(this.#ask({ [kind]: true }));
      this.#keep(stream.getTracks()[0]);
    } catch (error) { this.#note(error, { [kind]: true }); }
  }

  #note(error, wanted) {
    for (const kind of ["audio", "video"]) if (wanted[kind]) { this.troubles[kind] = trouble(error, kind); this.#set(kind, this.tracks[kind]); }
  }

  #keep(track) {
    const before = this.tracks[track.kind];
    this.#set(track.kind, track);
    if (before && before !== track) before.stop();
    track.addEventListener("ended", () => { // pulled out, or taken by another program
      if (this.tracks[track.kind] === track) { this.troubles[track.kind] = "in-use"; this.#set(track.kind, null); }
    });
  }

  #set(kind, track) {
    this.tracks[kind] = track;
    this.dispatchEvent(new CustomEvent("track", { detail: { kind, track } }));
  }
}

// How loud the microphone is, 0 to 1, told ten times a second.
export class Meter {
  #context = null;
  #source = null;
  #timer = 0;

  watch(track, tell) {
    this.stop();
    if (!track || !window.AudioContext) return;
    this.#context ??= new AudioContext();
    this.#context.resume().catch(() => {});
    const ear = this.#context.createAnalyser();
    ear.fftSize = 512;
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(ear);
    const heard = new Float32Array(ear.fftSize);
    this.#timer = setInterval(() => {
      ear.getFloatTimeDomainData(heard);
      const power = Math.sqrt(heard.reduce((sum, one) => sum + one * one, 0) / heard.length);
      tell(Math.min(1, Math.max(0, (20 * Math.log10(power + 1e-6) + 60) / 50)));
    }, 100);
  }

  // After a touch of the page sound may run; before it, some browsers wait.
  wake() { this.#context?.resume().catch(() => {}); }

  stop() { clearInterval(this.#timer); this.#source?.disconnect(); this.#source = null; }
}

export const SPEAKERS = "setSinkId" in HTMLMediaElement.prototype;

// Three soft notes from the chosen speaker.
export async function ring(speaker) {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const player = new Audio();
  player.srcObject = out.stream;
  if (speaker && SPEAKERS) await player.setSinkId(speaker).catch(() => {});
  [523.25, 659.25, 783.99].forEach((pitch, at) => {
    const start = context.currentTime + at * .28;
    const tone = new OscillatorNode(context, { frequency: pitch });
    const volume = new GainNode(context, { gain: 0 });
    volume.gain.linearRampToValueAtTime(.25, start + .04);
    volume.gain.exponentialRampToValueAtTime(.001, start + .5);
    tone.connect(volume).connect(out);
    tone.start(start);
    tone.stop(start + .5);
  });
  await player.play().catch(() => {});
  setTimeout(() => context.close(), 1500);
}
