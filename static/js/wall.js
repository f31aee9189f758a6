// The screen of a waiting room: a clock, numbers read aloud, and a fresh page each night. Nobody touches it for days.
const zone = document.querySelector("[data-clock]");
const button = document.querySelector("[data-sound]");
const language = document.documentElement.lang;
const called = new Map();
let loud = false;

function say(words) {
  if (!loud || !words) return;
  const speech = new SpeechSynthesisUtterance(words);
  speech.lang = language;
  speech.rate = 0.9;
  speech.onerror = ({ error }) => { if (error === "not-allowed") set(false); };
  speechSynthesis.speak(speech);
}

// A browser speaks only after somebody has pressed something: after the night it is asked for again.
function set(on) {
  loud = on;
  if (on) localStorage.aloud = "1";
  button.setAttribute("aria-pressed", String(on));
  button.dataset.kind = on ? "primary" : "live";
}

function look() {
  for (const { id, dataset } of document.querySelectorAll("[data-calls]")) {
    if (dataset.calls && called.has(id) && called.get(id) !== dataset.calls) say(dataset.say);
    called.set(id, dataset.calls);
  }
}

if ("speechSynthesis" in window) {
  button.hidden = false;
  button.addEventListener("click", () => {
    set(!loud);
    speechSynthesis.cancel();
    if (!loud) delete localStorage.aloud;
    say(button.textContent);
  });
  if (localStorage.aloud) set(true);
}
look();
document.addEventListener("htmx:after:swap", look);

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "short", timeZone: zone.dataset.clock });
const asleep = () => navigator.wakeLock?.request("screen").catch(() => {});
asleep();
document.addEventListener("visibilitychange", asleep);
const began = Date.now();
setInterval(() => {
  const time = clock.format();
  if (zone.textContent === time) return;
  zone.textContent = time;
  // Once a night, and only while the portal answers: an error page would stay for good.
  if (time.startsWith("03:") && Date.now() - began > 36e5) {
    fetch(location.href, { cache: "no-store" }).then((answer) => { if (answer.ok) location.reload(); }, () => {});
  }
}, 1000);
