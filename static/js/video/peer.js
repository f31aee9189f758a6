// The `webrtc` provider: one connection between the two browsers. What they agree on goes through the portal; pictures,
// voices and small words about them go directly. Perfect negotiation: either side may begin anew at any time, and when
// both do at once the patient's side gives way.
import { Gauge } from "./quality.js";

const PLACES = ["audio", "video", "screen"]; // three lines in this order, whoever begins: nothing is agreed on anew later
const LIMITS = [{ maxBitrate: 1_200_000, scaleResolutionDownBy: 1 }, { maxBitrate: 150_000, scaleResolutionDownBy: 3, maxFramerate: 12 }];
const GATHER = 300, LOOK = 2000;
const RESTART = 5000, REBUILD = 20000, SILENCE = 4000; // milliseconds

// The connection that a description belongs to: one that was made anew has another.
const origin = (sdp) => /^o=\S+ (\S+)/m.exec(sdp)?.[1];
const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

export class Peer extends EventTarget {
  #portal; #polite; #servers; #tracks = { audio: null, video: null, screen: null }; #level = 0;
  #pc = null; #words = null; #making = false; #ignoring = false; #remote = ""; #early = [];
  #queue = Promise.resolve(); #gauge = new Gauge(); #timer = 0;
  #there = false; #device = 0; #stopped = false; #since = 0; #tried = 0;

  constructor({ portal, polite, servers }) {
    super();
    this.#portal = portal;
    this.#polite = polite;
    this.#servers = servers ?? [];
  }

  get connected() { return this.#pc?.connectionState === "connected"; }

  async start() {
    this.#build();
    this.#timer = setInterval(() => this.#look(), LOOK);
  }

  // The other one is there, with a device that is known already or has just come.
  arrived(device) {
    this.#there = true;
    if (device <= this.#device) return;
    this.#device = device;
    this.#since = Date.now();
    if (this.#polite) return; // an offer is on its way
    this.#build();
    this.#begin();
  }

  gone() { this.#there = false; this.#tell("line", "gone"); }

  set(kind, track) {
    this.#tracks[kind] = track;
    this.#sender(kind)?.replaceTrack(this.#sent(kind)).catch(() => {});
    if (kind !== "audio") this.#shape();
  }

  // How much is sent: 0 all, 1 a small picture, 2 the voice, 3 nothing but words.
  level(level) {
    this.#level = level;
    for (const kind of ["audio", "video"]) this.set(kind, this.#tracks[kind]);
  }

  say(word) {
    if (this.#words?.readyState !== "open") return false;
    this.#words.send(JSON.stringify(word));
    return true;
  }

  // What the portal brought from the other side, one after the other.
  hear(signal) {
    this.#queue = this.#queue.then(() => this.#take(signal)).catch((error) => console.info("a signal was not used:", error.message));
    return this.#queue;
  }

  // The network is back: do not wait for the connection to notice.
  revive() { if (!this.#stopped && !this.connected) { this.#tried = 0; this.#look(); } }

  stop() {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#drop();
  }

  #tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  #drop() {
    const old = this.#pc;
    this.#pc = null;
    if (old) { old.onconnectionstatechange = old.onnegotiationneeded = old.ontrack = old.onicecandidate = null; old.close(); }
  }

  #build() {
    this.#drop();
    const pc = this.#pc = new RTCPeerConnection({ iceServers: this.#servers, bundlePolicy: "max-bundle" });
    this.#making = this.#ignoring = false;
    this.#remote = "";
    this.#early = [];
    this.#gauge = new Gauge();
    this.#tried = this.#since = Date.now();
    pc.onconnectionstatechange = () => this.#changed(pc);
    pc.onnegotiationneeded = () => { if (pc.remoteDescription) this.#offer(pc); };
    pc.onicecandidate = ({ candidate }) => { if (candidate?.candidate && this.#told(pc)) this.#portal.signal("ice-candidate", candidate.toJSON()); };
    pc.ontrack = () => this.#show(pc);
    this.#words = pc.createDataChannel("words", { negotiated: true, id: 0 });
    this.#words.onopen = () => this.#tell("open");
    this.#words.onmessage = ({ data }) => {
      try { this.#tell("word", JSON.parse(data)); } catch { /* not ours */ }
    };
  }

  // Candidates that come after the description has been sent follow it one by one.
  #told(pc) { return pc.told === pc.localDescription?.sdp.match(/^o=.*$/m)?.[0] + pc.localDescription?.type; }

  async #begin() {
    const pc = this.#pc;
    if (!pc || pc.getTransceivers().length) return;
    for (const kind of PLACES) pc.addTransceiver(kind === "audio" ? "audio" : "video", { direction: "sendrecv" });
    await this.#fill();
    await this.#offer(pc);
  }

  async #fill() {
    await Promise.all(PLACES.map((kind) => this.#sender(kind)?.replaceTrack(this.#sent(kind))));
    await this.#shape();
  }

  #sender(kind) { return this.#pc?.getTransceivers()[PLACES.indexOf(kind)]?.sender; }

  #sent(kind) {
    const most = { audio: 2, video: 1, screen: 3 }[kind];
    return this.#level <= most ? this.#tracks[kind] : null;
  }

  async #shape() {
    const sender = this.#sender("video");
    const parameters = sender?.getParameters();
    if (!parameters?.encodings?.length) return;
    const wanted = LIMITS[Math.min(this.#level, 1)];
    delete parameters.encodings[0].maxFramerate;
    Object.assign(parameters.encodings[0], wanted);
    await sender.setParameters(parameters).catch(() => {});
  }

  async #offer(pc) {
    try {
      this.#making = true;
      await pc.setLocalDescription();
      await this.#send(pc);
    } catch (error) { console.info("no offer:", error.message); } finally { this.#making = false; }
  }

  // The description goes with the candidates that are found at once; most connections need no more.
  async #send(pc) {
    const found = new Promise((done) => { pc.onicegatheringstatechange = () => { if (pc.iceGatheringState === "complete") done(); }; });
    await Promise.race([found, pause(GATHER)]);
    if (pc !== this.#pc || !pc.localDescription) return;
    const { type, sdp } = pc.localDescription;
    pc.told = sdp.match(/^o=.*$/m)[0] + type;
    this.#portal.signal(type, { sdp });
  }

  async #take({ type, data, device }) {
    if (this.#stopped || device < this.#device) return; // what a page has sent that is closed
    this.#device = device;
    if (type === "ice-candidate") return this.#candidate(data);
    if (type === "offer" && this.#remote && origin(data.sdp) !== this.#remote) this.#build(); // another page than before
    const collision = type === "offer" && (this.#making || this.#pc.signalingState !== "stable");
    this.#ignoring = !this.#polite && collision;
    if (collision && !this.#ignoring && !this.#pc.remoteDescription) this.#build(); // its own three lines would stand beside the other's
    const pc = this.#pc;
    if (this.#ignoring || (type === "answer" && pc.signalingState !== "have-local-offer")) return;
    await pc.setRemoteDescription({ type, sdp: data.sdp });
    this.#remote = origin(data.sdp);
    this.#there = true;
    for (const early of this.#early.splice(0)) await this.#candidate(early);
    if (type !== "offer") return;
    for (const line of pc.getTransceivers()) if (line.direction !== "stopped") line.direction = "sendrecv";
    await this.#fill();
    await pc.setLocalDescription();
    await this.#send(pc);
  }

  async #candidate(data) {
    if (!this.#pc.remoteDescription) { this.#early.push(data); return; }
    try { await this.#pc.addIceCandidate(data); } catch (error) { if (!this.#ignoring) console.info("a path was not used:", error.message); }
  }

  #show(pc) {
    const [audio, video, screen] = pc.getTransceivers().map((line) => line.receiver.track);
    if (screen) this.#tell("other", { media: new MediaStream([audio, video]), screen: new MediaStream([screen]) });
  }

  #changed(pc) {
    if (pc !== this.#pc) return;
    if (this.connected) { this.#shape(); this.#tell("line", "connected"); return; }
    this.#since = this.#tried = Date.now();
    if (["disconnected", "failed"].includes(pc.connectionState)) this.#tell("line", "lost");
    if (pc.connectionState === "failed") this.revive();
  }

  // Looks at the line; one that is lost is mended, and after a while made anew.
  async #look() {
    const pc = this.#pc;
    if (!pc || this.#stopped) return;
    if (this.connected) { this.#tell("sample", this.#gauge.read(await pc.getStats(), this.#sent("video") !== null)); return; }
    if (!this.#there) return;
    this.#tell("sample", null);
    const now = Date.now();
    if (!pc.remoteDescription) { // nobody has offered, or nobody has answered
      if (now - this.#since > (this.#polite ? SILENCE : REBUILD)) { this.#build(); await this.#begin(); }
    } else if (now - this.#since > REBUILD) { this.#build(); await this.#begin(); }
    else if (now - this.#tried > (pc.connectionState === "failed" ? LOOK : RESTART)) { this.#tried = now; pc.restartIce(); }
  }
}
