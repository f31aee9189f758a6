// The notes of a visit save as they are typed, each time with the version that they were read in. What is not confirmed
// stays in this tab (also over a reload) until it is; what was changed elsewhere is shown beside it, and nothing is lost.
const form = document.querySelector("form[data-notes]");

function tick() {
  const since = document.querySelector("[data-since]");
  if (since) {
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(since.dataset.since)) / 1000));
    since.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}
tick();
setInterval(tick, 1000);
if (form) keep(form);

function keep(form) {
  const PAUSE = 1500, LONGEST = 6000, AGAIN = 5000, AT_ONCE = 0;
  const names = ["private_notes", "diagnosis", "share_diagnosis", "patient_summary"];
  const state = document.getElementById("notes-state"), beside = document.getElementById("meanwhile");
  const words = JSON.parse(form.dataset.words), key = `notes:${form.dataset.notes}`, version = form.elements.version;
  const byHand = "byHand" in form.dataset; // what the patient reads already is never changed letter by letter
  const channel = new BroadcastChannel(key);
  let stored = "unsaved" in form.dataset ? "" : texts(), timer, typedAt, running, waits = beside.childElementCount > 0, leaving = false;

  function texts() {
    return JSON.stringify(names.map((name) => { const at = form.elements[name]; return at.type === "checkbox" ? at.checked : at.value; }));
  }
  function fill(saved) {
    JSON.parse(saved).forEach((value, n) => { const at = form.elements[names[n]]; if (at.type === "checkbox") at.checked = value; else at.value = value; });
  }
  const say = (text, tone = "") => { state.textContent = text; state.dataset.tone = tone; };
  const isDone = () => texts() === stored;
  function remember() {
    try {
      if (isDone()) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, JSON.stringify({ version: version.value, texts: texts() }));
    } catch { /* no room or not allowed: the page itself still has it */ }
  }
  function soon(pause) { // after a pause in typing, and every few seconds where there is none
    clearTimeout(timer);
    if (byHand || waits || isDone()) return;
    typedAt ??= Date.now();
    timer = setTimeout(save, Math.max(0, Math.min(pause, typedAt + LONGEST - Date.now())));
  }
  const send = (more) => fetch(form.dataset.save, {
    method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "HX-Request": "true" }, redirect: "error", ...more,
  });

  async function save() {
    if (running) return running;
    clearTimeout(timer);
    running = attempt().finally(() => { running = undefined; });
    return running;
  }
  async function attempt() {
    const sent = texts();
    typedAt = undefined;
    say(words.saving);
    let answer, text;
    try {
      answer = await send({ signal: AbortSignal.timeout(15000) });
      text = await answer.text();
    } catch {
      say(words.offline, "live");
      timer = setTimeout(save, AGAIN);
      return;
    }
    if (answer.ok) accept(text, sent);
    else if (answer.status === 409) differ(text);
    else if (answer.status >= 500 || answer.status === 429) { say(words.offline, "live"); timer = setTimeout(save, AGAIN); }
    else say(answer.status === 422 ? words.long : words.refused, "live");
  }
  function fragment(html) {
    return new DOMParser().parseFromString(html, "text/html").body;
  }
  function accept(html, sent) {
    const line = fragment(html).firstElementChild;
    version.value = line.dataset.version;
    stored = sent;
    waits = false;
    beside.replaceChildren();
    remember();
    channel.postMessage({ version: version.value, texts: sent, line: html });
    if (isDone()) { say(""); state.append(line); } else { say(words.typing); soon(PAUSE); }
  }
  // Somebody else's text is shown; ours stays in the form, and is saved onto theirs when the doctor says so.
  function differ(html) {
    const panel = fragment(html).firstElementChild;
    beside.replaceChildren(panel);
    version.value = panel.dataset.version;
    waits = true;
    stored = "";
    remember();
    ready();
    say(words.meanwhile, "live");
    panel.scrollIntoView({ block: "nearest" });
  }
  function ready() { beside.querySelectorAll("[data-take]").forEach((button) => { button.hidden = false; }); }

  beside.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-take]");
    if (!button) return;
    const at = form.elements[button.dataset.take], theirs = button.parentElement.querySelector("[data-theirs]").textContent;
    at.value = at.value ? `${at.value}\n\n${theirs}` : theirs;
    button.disabled = true;
    remember();
    at.focus();
  });
  form.addEventListener("input", () => { remember(); if (!running) say(isDone() ? "" : words.typing); soon(PAUSE); });
  form.addEventListener("submit", async (event) => {
    const ends = event.submitter?.hasAttribute("formaction");
    if (running) { // an answer is on its way: then with the version that it brings
      event.preventDefault();
      event.stopImmediatePropagation();
      await running;
      form.requestSubmit(event.submitter);
    } else if (byHand || ends) leaving = true;
    else { event.preventDefault(); event.stopImmediatePropagation(); if (isDone()) return; await save(); }
  }, true);

  // Another tab of this browser has saved: one that has nothing of its own to save follows it.
  channel.onmessage = ({ data }) => {
    if (Number(data.version) <= Number(version.value) || !isDone() || running) return;
    fill(data.texts);
    version.value = data.version;
    stored = texts();
    say("");
    state.append(fragment(data.line).firstElementChild);
  };
  addEventListener("online", () => soon(AT_ONCE));
  addEventListener("beforeunload", (event) => { if (!leaving && !isDone()) event.preventDefault(); });
  addEventListener("pagehide", () => { if (!leaving && !byHand && !waits && !isDone()) send({ keepalive: true }).catch(() => {}); });

  // What this tab could not save before it was loaded again.
  ready();
  const left = JSON.parse(sessionStorage.getItem(key) ?? "null");
  if (left && !waits && left.texts !== stored) {
    fill(left.texts);
    version.value = left.version;
    if (byHand) say(words.typing, "live"); else save();
  } else if (!waits) remember();
}
