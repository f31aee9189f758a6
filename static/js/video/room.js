// The video room: from the look at the own camera to the summary. The page is server-rendered and holds all words; this
// module knows what is going on (`data-stage`, `data-far`, `data-level` on the room) and CSS shows it.
import { Devices, Meter, SPEAKERS, SUPPORTED, ring } from "./devices.js";
import { Peer } from "./peer.js";
import { Portal, Refusal } from "./portal.js";
import { LEVELS, Ladder, grade } from "./quality.js";
import { find, news, panel, play, pressed, problem, room, said, show, stage, toggle } from "./view.js";

const KEPT = `room:${room.dataset.session}`;
const doctor = room.dataset.side === "doctor";

const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
const keep = (values) => { Object.assign(kept, values); sessionStorage.setItem(KEPT, JSON.stringify(kept)); };

const portal = new Portal(room.dataset.base);
const devices = new Devices(kept.chosen);
const meter = new Meter();
const ladder = new Ladder();
const far = { line: "absent", muted: false, camera: true, sharing: false, level: 0 };
const MODES = ["VIDEO", "LOW_VIDEO", "VOICE", "CHAT"], QUALITY = ["GOOD", "FAIR", "POOR", "POOR"];
let transport = null, shared = null, joining = false, began = 0, silence = 0, told = 0, reading = null, device = 0, quality = "GOOD";

// What is shown

const level = () => Math.max(ladder.level, far.level);

function draw() {
  const now = LEVELS[level()];
  const pictured = far.line === "connected" && far.camera && level() < 2;
  Object.assign(room.dataset, { far: far.line, level: now, farPicture: pictured ? "on" : "off", sharing: shared ? "mine" : far.sharing ? "theirs" : "" });
  find("far-muted").hidden = !(far.line === "connected" && far.muted);
  find("far-camera").hidden = !(far.line === "connected" && !far.camera && level() < 2);
  find("state").textContent = said(
    far.line === "absent" ? "alone" : far.line === "connected" ? (level() > 1 ? now : far.camera ? "" : "far-camera") : far.line);
}

// The own devices

function own() {
  const { audio, video } = devices.tracks;
  const preview = find("near");
  const muted = !audio || !audio.enabled;
  room.voice = audio ?? null; // for the recording, which both agree to first
  show(preview, video ? new MediaStream([video]) : null);
  preview.toggleAttribute("data-mirrored", video?.getSettings().facingMode !== "environment");
  room.dataset.near = video ? "on" : "off";
  pressed("mute", muted, !audio && Boolean(devices.troubles.audio));
  pressed("camera", !video);
  meter.watch(muted ? null : audio, (loud) => { find("meter").value = loud; });
  if (muted) find("meter").value = 0;
}

function complain() {
  const { audio, video } = devices.troubles;
  const key = audio === "refused" || video === "refused" ? "refused" : audio && video ? (audio === "in-use" ? "in-use" : "no-devices") : audio || video || "";
  if (room.dataset.stage === "check" || key) problem(key);
  room.dataset.trouble = key;
}

async function list() {
  const found = await devices.list();
  for (const [kind, all] of Object.entries(found)) {
    const select = find(`choose-${kind}`);
    const current = kind === "speaker" ? devices.chosen.speaker : devices.tracks[kind]?.getSettings().deviceId;
    select.replaceChildren(...all.map((one, at) => new Option(one.label || `${select.dataset.name} ${at + 1}`, one.deviceId, false, one.deviceId === current)));
    select.closest(".field").hidden = all.length < 1 || (kind === "speaker" && !SPEAKERS);
  }
  room.querySelector('[data-do="flip"]').hidden = found.video.length < 2 || !matchMedia("(pointer: coarse)").matches;
}

devices.addEventListener("list", list);
devices.addEventListener("track", ({ detail }) => {
  own();
  if (detail.kind === "audio" && detail.track) detail.track.enabled = kept.mic !== false;
  transport?.set(detail.kind, detail.track);
  tell();
});

async function open() {
  await devices.start({ audio: true, video: kept.camera !== false });
  if (devices.tracks.audio) devices.tracks.audio.enabled = kept.mic !== false;
  own();
  complain();
}

// What the other side is told, directly

function tell() {
  const { audio, video } = devices.tracks;
  transport?.say({ state: { muted: !audio || !audio.enabled, camera: Boolean(video), sharing: Boolean(shared), level: ladder.level } });
}

function heard({ state, bye }) {
  if (bye) { far.line = "gone"; draw(); return; }
  if (!state) return;
  const before = level();
  far.muted = Boolean(state.muted);
  far.camera = Boolean(state.camera);
  far.sharing = Boolean(state.sharing);
  far.level = Number.isInteger(state.level) ? Math.min(Math.max(state.level, 0), 3) : 0;
  settle(before, true);
}

// The line

function line(state) {
  if (state === "lost" && far.line === "gone") return; // they said so
  far.line = state;
  if (state === "connected") {
    silence = 0;
    began ||= Date.now();
    ladder.found();
    stage("call");
    news("");
    problem("");
    tell();
  } else if (state === "lost") news("reconnecting");
  else if (state === "gone") news("gone");
  else if (state === "stopped") news("stopped");
  draw();
}

function look(sample) {
  const before = level();
  if (sample === null) { // nothing gets through
    if (++silence === 5) { ladder.lost(); panel("chat"); }
  } else {
    const found = grade(sample);
    quality = QUALITY[found];
    room.dataset.line = found;
    find("line").textContent = said(`line-${found}`);
    ladder.feed(found);
    if (ladder.level !== before) tell();
  }
  settle(before, false);
}

// Less or more is sent; both are told what, and whose line it is.
function settle(before, theirs) {
  const now = level();
  if (now !== before) {
    transport?.level(now);
    const whose = now < before ? "up" : theirs ? "theirs" : "mine";
    news(`${LEVELS[now]}-${whose}`);
    if (now === 3) panel("chat");
    clearTimeout(told);
    told = setTimeout(() => { if (far.line === "connected") news(""); }, 8000);
  }
  draw();
}

// Coming and going

async function join() {
  if (joining) return;
  joining = true;
  pressed("join", false, true);
  meter.wake();
  let answer = null;
  try {
    answer = await portal.join();
    problem("");
    stage("waiting");
    keep({ joined: true });
    await connect(answer);
  } catch (error) {
    if (error instanceof Refusal && error.status < 500) refused(error);
    else {
      console.info("not joined:", error.message);
      problem(answer || navigator.onLine && error instanceof Refusal ? "failed" : "offline");
      if (answer) { transport?.stop(); transport = null; stage("check"); }
      if (kept.joined) setTimeout(again, 3000);
    }
  } finally {
    joining = false;
    pressed("join", false, false);
  }
}

// After a reload without a network: as soon as the portal can be reached.
function again() { if (kept.joined && !transport) join(); }

function refused(error) {
  keep({ joined: false });
  if (error.code === "wrong_status") over();
  else problem("refused-by-portal", error.message);
}

async function connect(answer) {
  transport?.stop();
  transport = answer.provider === "chime" ? await chime(answer) : new Peer({ portal, polite: !doctor, servers: answer.ice_servers });
  transport.addEventListener("line", ({ detail }) => line(detail));
  transport.addEventListener("sample", ({ detail }) => look(detail));
  transport.addEventListener("word", ({ detail }) => heard(detail));
  transport.addEventListener("open", tell);
  transport.addEventListener("other", ({ detail }) => {
    show(find("far"), detail.media);
    show(find("screen"), detail.screen);
    play(find("far"));
    find("screen").play().catch(() => {});
  });
  for (const kind of ["audio", "video"]) transport.set(kind, devices.tracks[kind]);
  device = Number.parseInt(answer.attendee.attendee_token, 10) || 0;
  await transport.start();
  draw();
  await stay();
  await read();
}

async function chime(answer) {
  const sdk = await import(room.dataset.sdk);
  const { Chime } = await import("./chime.js");
  const made = new Chime(sdk, answer);
  await made.sound(find("sound"));
  return made;
}

// What the other side has sent through the portal; asked for when it is told, and now and then while nothing is told.
function read() {
  if (!(transport instanceof Peer)) return null;
  reading ??= portal.signals()
    .then((all) => { for (const one of all) transport?.hear(one); }, gainsaid)
    .finally(() => { reading = null; });
  return reading;
}

// Who is here, as the portal sees it; our own sign of life in the same breath.
async function stay() {
  if (!transport) return;
  try { settled(await portal.stay(transport.connected ? quality : "LOST", MODES[ladder.level])); } catch (error) { gainsaid(error); }
}

async function ask() {
  try { settled(await portal.room()); } catch (error) { gainsaid(error); }
}

function settled(now) {
  if (!transport) return;
  if (!["WAITING", "ACTIVE"].includes(now.status)) return over();
  const other = now.attendees.find(({ user_id: id }) => id !== room.dataset.own);
  if (!other || other.left_at) {
    if (other && far.line !== "gone" && !transport.connected) transport.gone();
    return;
  }
  if (other.present) transport.arrived(other.device);
  if (["gone", "absent"].includes(far.line) && other.present && !transport.connected) line("coming");
  if (other.mode && far.line !== "connected") far.level = Math.max(0, MODES.indexOf(other.mode));
}

function gainsaid(error) {
  if (!(error instanceof Refusal) || !transport) return;
  if (error.code === "taken_over") elsewhere();
  else if (error.code === "not_in_room") { keep({ joined: false }); hang(); stage("left"); }
  else if (error.status === 409 || error.status === 403) over();
}

function elsewhere() {
  keep({ joined: false });
  hang();
  devices.stop();
  stage("left");
  find("why").textContent = said("elsewhere");
  find("why").hidden = false;
}

setInterval(() => {
  const deaf = document.hidden || document.documentElement.dataset.live !== "on" || !transport?.connected;
  if (deaf && navigator.onLine) read();
}, 3000);
setInterval(stay, 15000);

function hang() {
  transport?.say({ bye: true });
  transport?.stop();
  transport = null;
  portal.stop();
  shared?.stop();
  shared = null;
  show(find("far"), null);
  show(find("screen"), null);
}

async function leave() {
  keep({ joined: false });
  hang();
  devices.stop();
  meter.stop();
  stage("left");
  await portal.leave().catch(() => {});
}

// The visit is over, or goes on in another window: the page says what there is to say now.
function over() {
  keep({ joined: false });
  hang();
  devices.stop();
  location.reload();
}

// Screen, window, panels

async function share() {
  if (shared) { shared.stop(); return unshare(); }
  try { shared = (await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 12 } })).getVideoTracks()[0]; } catch { return; }
  shared.contentHint = "detail";
  shared.addEventListener("ended", unshare);
  transport?.set("screen", shared);
  pressed("share", true);
  tell();
  draw();
}

function unshare() {
  shared = null;
  transport?.set("screen", null);
  pressed("share", false);
  tell();
  draw();
}

const actions = {
  join, leave, share,
  rejoin: () => location.reload(),
  again: () => open(),
  mute() {
    const track = devices.tracks.audio;
    if (!track) return open();
    track.enabled = !track.enabled;
    keep({ mic: track.enabled });
    own();
    tell();
  },
  async camera() {
    const on = !devices.tracks.video;
    keep({ camera: on });
    await devices.camera(on);
    complain();
  },
  flip: () => devices.flip(),
  ring: () => ring(devices.chosen.speaker),
  picture: () => document.pictureInPictureElement ? document.exitPictureInPicture() : find("far").requestPictureInPicture().catch(() => {}),
  full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (room.requestFullscreen) room.requestFullscreen().catch(() => {});
    else find("far").webkitEnterFullscreen?.();
  },
  chat: () => toggle("chat"),
  devices: () => toggle("devices"),
  close: () => panel(""),
  unmute() { find("unmute").hidden = true; find("far").play(); },
};

room.addEventListener("click", ({ target }) => {
  const name = target.closest("[data-do]")?.dataset.do;
  if (name) actions[name]?.();
});
room.addEventListener("change", async ({ target }) => {
  const kind = target.dataset.at?.replace("choose-", "");
  if (!(kind in devices.chosen)) return;
  await devices.choose(kind, target.value);
  keep({ chosen: devices.chosen });
  if (kind === "speaker") { find("far").setSinkId?.(target.value).catch(() => {}); transport?.speaker?.(target.value); }
  complain();
});
document.addEventListener("fullscreenchange", () => pressed("full", Boolean(document.fullscreenElement)));

setInterval(() => {
  if (!began || room.dataset.stage !== "call") return;
  const seconds = Math.floor((Date.now() - began) / 1000);
  find("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}, 1000);

// What the portal tells

const live = document.getElementById("live");
const on = (event, act) => live?.addEventListener(event, ({ detail }) => act(JSON.parse(detail.data)));
const mine = (ids) => ids.session_id === room.dataset.session;
on("video.signal", (ids) => { if (mine(ids) && transport) read(); });
on("video.joined", (ids) => {
  if (!mine(ids) || !transport) return;
  if (ids.role !== room.dataset.side.toUpperCase()) ask();
  else if (device && ids.device > device && !joining) elsewhere();
});
on("video.left", (ids) => { if (mine(ids) && ids.role !== room.dataset.side.toUpperCase()) transport?.gone(); });
on("video.changed", (ids) => { if (mine(ids)) ask(); });
on("video.ended", (ids) => { if (mine(ids)) over(); });
on("chat.message", () => { if (room.dataset.panel !== "chat") room.dataset.unread = "1"; });
on("resync", () => { if (transport) { ask(); read(); } });
addEventListener("online", () => {
  if (!transport) { again(); return; }
  news(far.line === "connected" ? "" : "reconnecting");
  stay();
  read();
  transport.revive();
});
addEventListener("offline", () => news("offline"));
document.addEventListener("visibilitychange", () => { if (!document.hidden && transport) { read(); transport.revive(); stage(room.dataset.stage); } });

// The beginning

room.hidden = false;
document.getElementById("room-plain")?.remove();
room.querySelector('[data-do="share"]').hidden = !navigator.mediaDevices?.getDisplayMedia;
room.querySelector('[data-do="picture"]').hidden = !document.pictureInPictureEnabled;
room.querySelector('[data-do="full"]').hidden = !room.requestFullscreen && !find("far").webkitEnterFullscreen;
const opens = Number(room.dataset.opensIn ?? 0);
if (opens > 0) { pressed("join", false, true); setTimeout(() => location.reload(), Math.min(opens * 1000 + 500, 2 ** 31 - 1)); }
draw();
if (!SUPPORTED) problem(isSecureContext ? "unsupported" : "unsafe");
else {
  await open();
  if (kept.joined && opens <= 0) await join();
}
