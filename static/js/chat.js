// A conversation that is open: new messages appear, read and typing marks follow, and what is written without a network waits
// in the outbox. The page is whole without this; it may also arrive later, inside another page.
const panel = () => document.querySelector("[data-chat]");
const lines = (at) => at.querySelector("[data-messages]");
const token = () => document.querySelector('meta[name="csrf-token"]').content;
const tell = (url, fields = {}) => fetch(url, { method: "POST", headers: { "X-CSRF-Token": token() }, body: new URLSearchParams(fields), redirect: "manual" }).catch(() => {});
const isHere = (at, { detail }) => at && JSON.parse(detail?.data || "{}").appointment_id === at.dataset.appointment;

const frame = (at) => lines(at).parentElement;
function toEnd(at) { frame(at).scrollTop = frame(at).scrollHeight; }
function isAtEnd(at) { return frame(at).scrollHeight - frame(at).scrollTop - frame(at).clientHeight < 80; }

// Lines of the server, in their order, each once; what waited for its confirmation goes when its line is there.
function take(at, html) {
  const found = new DOMParser().parseFromString(html, "text/html").querySelector("ol[data-last]");
  if (!found) return false;
  const list = lines(at), follow = isAtEnd(at);
  for (const line of [...found.children]) {
    if (document.getElementById(line.id)) continue;
    list.querySelector(`[data-pending="${CSS.escape(line.dataset.client)}"]`)?.remove();
    const before = [...list.querySelectorAll("[data-number]")].find((one) => Number(one.dataset.number) > Number(line.dataset.number));
    list.insertBefore(line, before ?? list.querySelector("[data-pending]"));
    at.dataset.last = Math.max(Number(at.dataset.last), Number(line.dataset.number));
    if (!("own" in line.dataset)) hush(at);
  }
  if (found.children.length) list.querySelector("[data-none]")?.remove();
  mark(at, Number(found.dataset.read));
  if ("closed" in found.dataset && at.querySelector("[data-chat-form]")) location.reload();
  if (follow) toEnd(at);
  seen(at);
  return "more" in found.dataset;
}

let asking = false, again = false;
async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  do {
    again = false;
    const at = panel();
    try {
      const answer = at && await fetch(`${at.dataset.chat}/news?after=${at.dataset.last}`);
      if (answer?.ok) again = take(at, await answer.text()) || again;
    } catch {}  // the stream comes back before this matters, and then it is asked again
  } while (again);
  asking = false;
}

function mark(at, upTo) {
  for (const line of lines(at).querySelectorAll("[data-own][data-number]:not([data-seen])")) {
    if (Number(line.dataset.number) > upTo) break;
    line.dataset.seen = "";
    line.querySelector("[data-mark]").textContent = at.dataset.wordRead;
  }
}

let told = 0, waiting = 0;
function seen(at) {
  at.querySelector("[data-mark-read]")?.remove();
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const others = [...lines(at).querySelectorAll("[data-number]:not([data-own])")];
    const last = Number(others.at(-1)?.dataset.number ?? 0);
    if (document.hidden || last <= told) return;
    told = last;
    tell(`${at.dataset.chat}/read`, { number: last });
  }, 400);
}

let quiet = 0;
function hush(at) { clearTimeout(quiet); at.querySelector("[data-typing]").hidden = true; }

// A line of one's own that no server has seen yet.
function pending(at, entry) {
  const form = at.querySelector("[data-chat-form]");
  let line = lines(at).querySelector(`[data-pending="${CSS.escape(entry.id)}"]`);
  if (!line) {
    line = document.createElement("li");
    line.className = "message";
    Object.assign(line.dataset, { pending: entry.id, own: "" });
    const words = Object.assign(document.createElement("p"), { className: "message-body", dir: "auto", textContent: entry.fields.body });
    line.append(words, Object.assign(document.createElement("p"), { className: "message-foot" }));
    lines(at).querySelector("[data-none]")?.remove();
    lines(at).append(line);
  }
  const foot = line.lastElementChild;
  foot.textContent = entry.refused ? form?.dataset.wordRefused : entry.kept ? form?.dataset.wordUnsent : form?.dataset.wordPending;
  line.toggleAttribute("data-unsent", Boolean(entry.kept || entry.refused));
  if (entry.refused) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: form?.dataset.wordDiscard });
    button.addEventListener("click", () => { outbox.drop(entry.id); line.remove(); });
    foot.append(" ", button);
  }
  toEnd(at);
}

let turn = Promise.resolve();  // one after the other, so that the order is the one of writing
function sendWords(at, form) {
  const { client_id: field, body } = form.elements;
  const entry = { id: field.value, place: at.dataset.chat, url: at.dataset.chat, fields: { body: body.value.trim(), client_id: field.value, after: at.dataset.last } };
  if (!entry.fields.body) { body.focus(); return; }
  body.value = "";
  field.value = newId();
  pending(at, entry);
  turn = turn.then(() => sendOne(at, form, entry));
}
async function sendOne(at, form, entry) {
  const isFirst = !outbox.of(entry.place).some((one) => !one.refused);
  const { state, text } = isFirst && navigator.onLine ? await outbox.post(entry) : { state: "away" };
  if (state === "sent") { if (take(at, text)) refresh(); return; }
  entry[state === "refused" ? "refused" : "kept"] = true;
  if (!outbox.keep(entry)) form.elements.body.value = entry.fields.body;
  pending(at, entry);
}

async function sendFile(at, form) {
  const fields = new FormData(form);
  fields.set("after", at.dataset.last);
  form.toggleAttribute("aria-busy", true);
  let answer = null;
  try { answer = await fetch(at.dataset.chat, { method: "POST", headers: { "X-CSRF-Token": token() }, body: fields }); } catch {}  // said below
  form.removeAttribute("aria-busy");
  form.elements.file.value = "";
  const html = answer ? await answer.text() : "";
  if (answer?.ok) {
    form.reset();
    form.elements.client_id.value = newId();
    take(at, html);
    return;
  }
  const wrong = new DOMParser().parseFromString(html, "text/html").querySelector("#chat .field-error");
  const line = wrong ?? Object.assign(document.createElement("p"), { className: "field-error", textContent: form.dataset.wordFile });
  line.setAttribute("role", "alert");
  form.querySelectorAll(".field-error").forEach((one) => one.remove());
  form.prepend(line);
}

// A UUID, also for pages that are not served by https, where the browser makes none.
function newId() {
  const digits = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return crypto.randomUUID?.() ?? digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})/, "$1-$2-4$3-8$4-");
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-chat-form]");
  if (!form) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  form.querySelectorAll(".field-error").forEach((one) => one.remove());
  (form.elements.file.files.length ? sendFile : sendWords)(form.closest("[data-chat]"), form);
}, true);

let typed = 0;
document.addEventListener("input", ({ target }) => {
  const at = target.matches("[data-chat-form] textarea") && target.closest("[data-chat]");
  if (!at || !target.value || Date.now() - typed < 5000) return;
  typed = Date.now();
  tell(`${at.dataset.chat}/typing`);
});
// Enter sends where there is a keyboard; with Shift it begins a new line, as on phones.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.target.matches("[data-chat-form] textarea") || !matchMedia("(pointer: fine)").matches) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});
// A file goes as soon as it is chosen; its name stands beside the clip.
document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-chat-form] input[type=file]") && target.files.length) target.form.requestSubmit();
});

document.addEventListener("chat.message", (event) => { if (isHere(panel(), event)) refresh(); });
document.addEventListener("chat.read", (event) => {
  const at = panel(), { account_id: who, number } = JSON.parse(event.detail.data);
  if (isHere(at, event) && who !== at.dataset.account) mark(at, number);
});
// A stream that begins first tells what was missed; whoever wrote then need not be writing now.
let began = 0;
document.addEventListener("htmx:sse:after:connection", () => { began = performance.now(); });
document.addEventListener("chat.typing", (event) => {
  const at = panel();
  if (performance.now() - began < 1000 || !isHere(at, event) || JSON.parse(event.detail.data).account_id === at.dataset.account) return;
  at.querySelector("[data-typing]").hidden = false;
  clearTimeout(quiet);
  quiet = setTimeout(() => hush(at), 7000);
});
for (const name of ["htmx:sse:after:connection", "resync"]) document.addEventListener(name, refresh);
document.addEventListener("visibilitychange", () => { const at = panel(); if (at && !document.hidden) seen(at); });
for (const name of ["sent", "refused"]) document.addEventListener(`outbox:${name}`, ({ detail }) => {
  const at = panel();
  if (at?.dataset.chat !== detail.place) return;
  if (name === "sent") take(at, detail.text); else pending(at, { ...detail, refused: true });
});

function begin() {
  const at = panel();
  if (!at || at.dataset.begun) return;
  at.dataset.begun = "1";
  for (const entry of outbox.of(at.dataset.chat)) pending(at, entry);
  toEnd(at);
  if (at.querySelector("[data-chat-form]")) seen(at);
}
begin();
document.addEventListener("htmx:after:swap", begin);
