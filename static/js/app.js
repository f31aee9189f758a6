// What every page has: the CSRF header of htmx requests, menus, dialogs, messages, shown passwords, shortcuts,
// and the state of the live stream. Everything here only adds to pages that work without it.

// Writes carry the token that the page was rendered with.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.request.method === "GET") return;
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token) ctx.request.headers["X-CSRF-Token"] = token;
});

// A request that failed is said once, where the last action's messages are. Texts come from the page (data-failed).
function toast(message, tone = "") {
  const area = document.getElementById("toasts");
  if (!area || !message) return;
  const box = area.appendChild(document.createElement("div"));
  box.className = "toast";
  box.dataset.tone = tone;
  box.appendChild(document.createElement("p")).textContent = message;
  leave(box);
}
const leave = (box) => setTimeout(() => (box.matches(":hover, :focus-within") ? leave(box) : box.remove()), 8000);
document.querySelectorAll("#toasts .toast").forEach(leave);

const failed = () => toast(document.getElementById("toasts")?.dataset.failed, "danger");
document.addEventListener("htmx:error", ({ target }) => {
  if (target.id === "live") listenLater();
  else if (document.body.dataset.bare === undefined) failed();
});
document.addEventListener("htmx:response:error", ({ target, detail: { ctx } }) => {
  if (target.id === "live") listenLater(ctx.response.status);
  else if (ctx.response.status >= 500) failed();
});

// `data-live` on <html>: "on" while the stream is open, "off" after it broke. Styles and the page's words follow it.
let listened = false;
const live = (state) => { document.documentElement.dataset.live = state; };
document.addEventListener("htmx:sse:after:connection", ({ detail }) => {
  if (detail.connection.status < 400) { listened = true; live("on"); }
});
document.addEventListener("htmx:sse:close", () => live("off"));
// Boards ask anew once for whatever is told in the same moment (hx-trigger="news from:#live").
let told;
document.addEventListener("htmx:sse:after:message", ({ target }) => {
  told ??= setTimeout(() => { told = undefined; htmx.trigger(target, "news"); }, 60);
});
// A stream that was open and is refused now: the login has ended. The page asks anew and shows what that leaves.
document.addEventListener("htmx:sse:error", ({ detail }) => {
  live("off");
  if (listened && [401, 403].includes(detail.status)) location.reload();
});

// A tab that is opened in the background asks for its stream when it is first looked at: a browser has six connections
// to one host, and they would be used up.
let asked = false;
function listen() {
  const at = document.getElementById("live");
  if (document.hidden || !at || asked) return;
  asked = true;
  htmx.trigger(at, "look");
}
document.addEventListener("visibilitychange", listen);
document.addEventListener("DOMContentLoaded", listen);

// A stream that never opened is asked for again within ten seconds; what happened meanwhile is told when it opens. One
// that was open is opened again by htmx's extension.
function listenLater(status) {
  if (listened || status < 429) return;  // without a status there was no answer at all
  live("off");
  setTimeout(() => { asked = false; listen(); }, 5000 * (1 + Math.random()));
}

document.addEventListener("click", (event) => {
  const at = event.target.closest("[data-dialog], [data-close], [data-dismiss], [data-reveal], [data-print], [data-copy]");
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (event.target.matches("dialog")) event.target.close();
  if (!at) return;
  if (at.dataset.dialog) {
    const dialog = document.getElementById(at.dataset.dialog);
    if (dialog?.showModal) { event.preventDefault(); dialog.showModal(); }
  } else if (at.matches("[data-close]")) at.closest("dialog")?.close();
  else if (at.matches("[data-dismiss]")) at.closest(".toast")?.remove();
  else if (at.dataset.reveal) reveal(at);
  else if (at.matches("[data-print]")) print();
  else if (at.dataset.copy) navigator.clipboard?.writeText(at.dataset.copy).then(() => toast(at.dataset.copied));
});

function reveal(button) {
  const input = document.getElementById(button.dataset.reveal);
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.ariaPressed = !shown;
}
function unhide() { document.querySelectorAll("[data-reveal][hidden]").forEach((button) => { button.hidden = false; }); }

// One key for the next action: data-key="n" on a link or button, "F8" also while somebody types; data-keys on the dialog that lists them, opened by "?".
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details[data-menu][open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    return;
  }
  const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog[open]");
  if ((typing && !/^F\d/.test(event.key)) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const list = event.key === "?" && document.querySelector("dialog[data-keys]");
  const act = list ? null : document.querySelector(`[data-key="${CSS.escape(event.key)}"]:not(:disabled)`);
  if (list) list.showModal();
  else if (act) { event.preventDefault(); act.matches("input, select, textarea") ? act.focus() : act.click(); }
});

// What cannot be taken back is asked first (data-ask). A form sends once; the button says so. Coming back to the page (bfcache) frees it.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const ask = event.submitter?.dataset.ask ?? form.dataset.ask;
  if (ask && !confirm(ask)) event.preventDefault();
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  else if (![...form.attributes].some(({ name }) => name.startsWith("hx-"))) form.dataset.sent = "1";
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; }));

// A new account starts on the clock of its device; the person sees the choice and can change it.
for (const select of document.querySelectorAll("select[data-guess-zone]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...select.options].some(({ value }) => value === zone)) select.value = zone;
}

// What has been opened is there to be filled in.
document.addEventListener("toggle", ({ target }) => { if (target.open) target.querySelector("[data-first]")?.focus(); }, true);

unhide();
document.querySelector("[data-focus]")?.focus();
document.addEventListener("htmx:after:swap", () => {
  unhide();
  const summary = document.querySelector(".error-summary[data-focus]");
  if (summary && !summary.dataset.seen) { summary.dataset.seen = "1"; summary.focus(); }
});

const announce = ({ detail }) => { document.getElementById("announce").textContent = detail; };
document.addEventListener("countdown:soon", announce);
document.addEventListener("countdown:end", announce);

// Static files and the offline page stay on this device; nothing that is shown to a signed-in person does.
if ("serviceWorker" in navigator) addEventListener("load", () => navigator.serviceWorker.register("/sw.js").catch(() => {}));
