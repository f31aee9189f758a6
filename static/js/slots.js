// The slot grid: the viewer's own hold is marked in the public fragments (which hold nothing personal), and the chip of
// the day in view is the current one on a phone. The own hold is an element of its own: [data-my-slot="<id>"].
function mark() {
  const mine = new Set([...document.querySelectorAll("[data-my-slot]")].map((element) => `slot-${element.dataset.mySlot}`));
  for (const slot of document.querySelectorAll(".slot")) slot.toggleAttribute("data-mine", mine.has(slot.id));
}

const days = document.querySelector("[data-days]");
const chips = new Map([...document.querySelectorAll("[data-day-chip]")].map((chip) => [chip.hash.slice(1), chip]));

// A tap on a chip moves the days sideways only; the link alone would also move the page.
for (const chip of chips.values()) {
  chip.addEventListener("click", (event) => {
    const day = document.getElementById(chip.hash.slice(1));
    if (!day || !days) return;
    event.preventDefault();
    day.scrollIntoView({ block: "nearest", inline: "start" });
  });
}

let current = null;

// On a phone the row of days is as high as the day in view, not as the longest one; where all stand side by side, the
// style sheet knows better.
function fit() {
  if (current) days.style.blockSize = `${current.offsetHeight}px`;
}

function show(day) {
  current = day;
  for (const [id, chip] of chips) chip.setAttribute("aria-current", String(id === day.id));
  const chip = chips.get(day.id);
  const row = chip?.closest("ul");
  row?.scrollTo({ left: chip.offsetLeft - row.offsetLeft - (row.clientWidth - chip.clientWidth) / 2 });
  fit();
}

if (days && chips.size) {
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) show(entry.target);
  }, { root: days, rootMargin: "9999px 0px", threshold: .6 });
  const sized = new ResizeObserver(fit);
  for (const day of days.children) { seen.observe(day); sized.observe(day); }
}

mark();
document.addEventListener("htmx:after:swap", mark);
