// Remaining time of a hold: [data-countdown] with data-seconds as the server gave them. The end is counted from when the
// element arrived (a monotonic clock), so a wrong clock on the phone does not matter; the database decides in any case.
const ends = new WeakMap();
let timer = 0;

const words = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

function say(element, name, message) {
  element.dispatchEvent(new CustomEvent(`countdown:${name}`, { bubbles: true, detail: message }));
}

function draw(element, seconds) {
  const ring = element.querySelector("[data-ring]");
  if (ring) ring.setAttribute("stroke-dasharray", `${seconds} ${ring.getAttribute("pathLength")}`);
  const left = element.querySelector("[data-left]");
  if (left) left.textContent = words(seconds);
}

function finish(element) {
  element.dataset.over = "1";
  const left = element.querySelector("[data-left]");
  if (left && element.dataset.done) left.textContent = element.dataset.done;
  say(element, "end", element.dataset.done ?? "");
  if ("reload" in element.dataset) setTimeout(() => location.reload(), 1200);
}

function tick() {
  const now = performance.now();
  const all = document.querySelectorAll("[data-countdown]:not([data-over])");
  for (const element of all) {
    if (!ends.has(element)) ends.set(element, now + Number(element.dataset.seconds) * 1000);
    const seconds = Math.max(0, Math.ceil((ends.get(element) - now) / 1000));
    draw(element, seconds);
    if (seconds === 60 && element.dataset.soon && !element.dataset.told) {
      element.dataset.told = "1";
      say(element, "soon", element.dataset.soon);
    }
    if (seconds === 0) finish(element);
  }
  clearTimeout(timer);
  timer = all.length ? setTimeout(tick, 1000) : 0;
}

tick();
for (const event of ["htmx:after:swap", "pageshow", "visibilitychange"]) addEventListener(event, tick, true);
