// The room as the page shows it: its parts by name, its words, and what stands in front of the picture.
export const room = document.getElementById("room");
export const find = (name) => room.querySelector(`[data-at="${name}"]`);
const words = document.getElementById("room-words").content;
export const said = (key) => words.querySelector(`[data-say="${key}"]`)?.textContent ?? "";

export function stage(name) {
  room.dataset.stage = name;
  if (name !== "call") room.scrollIntoView({ block: "nearest" });
  if (name === "call" || name === "waiting") navigator.wakeLock?.request("screen").catch(() => {});
}

export function news(key, detail = "") {
  const line = find("news");
  const text = detail || (key && said(key));
  if (line.textContent !== text) line.textContent = text;
  line.dataset.key = key;
}

// A message that stands until its cause has gone; the newest cause is shown.
export function problem(key, detail = "") {
  const box = find("problem");
  box.hidden = !key;
  box.dataset.key = key;
  find("problem-words").textContent = key ? detail || said(key) : "";
}

// The panel beside the picture: chat or devices, one at a time.
export function panel(name) {
  room.dataset.panel = name;
  for (const button of room.querySelectorAll("[data-do=chat], [data-do=devices]")) button.setAttribute("aria-expanded", String(button.dataset.do === name));
  if (name) delete room.dataset.unread;
}
export const toggle = (name) => panel(room.dataset.panel === name ? "" : name);

export function show(element, stream) { if (element.srcObject !== stream) element.srcObject = stream; }

export async function play(element) {
  try { await element.play(); } catch (error) { if (error.name === "NotAllowedError") find("unmute").hidden = false; }
}

export function pressed(name, on, off = false) {
  const button = room.querySelector(`[data-do="${name}"]`);
  if (!button) return;
  if (button.dataset.on) button.dataset.on = String(on);
  button.disabled = off;
}
