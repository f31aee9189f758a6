// What was sent while there was no network, on this device and for this account only, until it has gone out: messages, each
// with its own id, so that sending one twice is harmless. Logging out erases it, and so does somebody else's login.
const KEY = "outbox";
const account = document.getElementById("outbox").dataset.account;

function read() {
  let kept;
  try { kept = JSON.parse(localStorage.getItem(KEY)); } catch { kept = null; }
  return kept?.account === account ? kept.entries : [];
}
function write(entries) {
  try {
    if (entries.length) localStorage.setItem(KEY, JSON.stringify({ account, entries }));
    else localStorage.removeItem(KEY);
  } catch { return false; }
  return true;
}
const drop = (id) => write(read().filter((one) => one.id !== id));
const say = (name, detail) => document.dispatchEvent(new CustomEvent(`outbox:${name}`, { detail }));

// "sent", "refused" (it will never be taken), or "away": no network, or a server that asks to come again.
async function post({ url, fields }) {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  try {
    const answer = await fetch(url, { method: "POST", headers: { "X-CSRF-Token": token }, body: new URLSearchParams(fields) });
    if (answer.ok && !new URL(answer.url).pathname.startsWith("/login")) return { state: "sent", text: await answer.text() };
    return { state: answer.ok || [401, 408, 425, 429].includes(answer.status) || answer.status >= 500 ? "away" : "refused" };
  } catch { return { state: "away" }; }
}

let timer = 0;
async function flush() {
  clearTimeout(timer);
  for (const entry of read()) {
    if (entry.refused) continue;
    const { state, text } = await post(entry);
    if (state === "away") { timer = setTimeout(later, 10000); return; }
    if (state === "sent") drop(entry.id);
    else write(read().map((one) => one.id === entry.id ? { ...one, refused: true } : one));
    say(state, { ...entry, text });
  }
}
// One tab at a time; a second one would only send the same once more.
const later = () => (navigator.locks ? navigator.locks.request(KEY, { ifAvailable: true }, (lock) => lock && flush()) : flush());

globalThis.outbox = {
  of: (place) => read().filter((one) => one.place === place),
  keep: (entry) => { const kept = write([...read(), entry]); timer = setTimeout(later, 10000); return kept; },
  drop, post,
};

if (!read().length) write([]);  // of another account, or nothing
addEventListener("online", later);
document.addEventListener("htmx:sse:after:connection", later);
document.addEventListener("submit", ({ target }) => {
  if (target.getAttribute("action") === "/logout") { localStorage.removeItem(KEY); sessionStorage.clear(); } // with notes not saved
}, true);
later();
