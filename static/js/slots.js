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

if (days && chips.size) {
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      for (const [id, chip] of chips) chip.setAttribute("aria-current", String(id === target.id));
      const row = chips.get(target.id)?.closest("ul");
      const at = chips.get(target.id);
      if (row && at) row.scrollTo({ left: at.offsetLeft - row.offsetLeft - row.clientWidth / 2 + at.clientWidth / 2 });
    }
  }, { root: days, threshold: .6 });
  for (const id of chips.keys()) { const day = document.getElementById(id); if (day) seen.observe(day); }
}

mark();
document.addEventListener("htmx:after:swap", mark);
