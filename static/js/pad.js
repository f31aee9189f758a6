// The pad: medicines found while somebody types, steps without a new page, sums as numbers change.
// Without this file every button posts the form, and the same happens.

const pad = () => document.querySelector("[data-pad]");
let waiting, asked = 0;

document.addEventListener("input", ({ target }) => {
  const { find, found } = target.dataset;
  if (!find) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    htmx.ajax("GET", `${find}&q=${encodeURIComponent(target.value.slice(0, 100))}`, { target: `#${found}`, swap: "innerHTML" });
  }, 120);
});

async function post(step) {
  const form = pad();
  const sent = new URLSearchParams(new FormData(form));
  sent.set("step", step);
  const answer = await fetch(form.action, { method: "POST", body: sent });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// A step answers with the whole pad; the place on the page and the focus stay where they were.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-step]");
  if (!button || !pad()?.contains(button)) return;
  event.preventDefault();
  asked += 1;
  const page = await post(button.value);
  const fresh = page.querySelector("[data-pad]");
  if (!fresh) { location.reload(); return; }
  const line = button.closest(".pad-line")?.id;
  pad().replaceWith(fresh);
  htmx.process(fresh);
  const next = button.value === "add" ? [...fresh.querySelectorAll(".pad-line")].pop() : line && document.getElementById(line);
  const fields = next ? [...next.querySelectorAll(".input")] : [];
  (fields.find((one) => !one.value && !one.placeholder) ?? fields[0] ?? fresh.querySelector(".error-summary"))?.focus();
});

document.addEventListener("change", async ({ target }) => {
  const row = target.closest("[data-compute]");
  if (!row || !pad()?.contains(row)) return;
  const mine = ++asked;
  const page = await post("compute");
  if (mine !== asked) return; // another number has changed since
  const sum = page.getElementById(row.dataset.compute);
  const here = document.getElementById(row.dataset.compute);
  if (sum && here) here.replaceChildren(...sum.childNodes);
  for (const input of page.querySelectorAll("input[placeholder]")) {
    const same = document.getElementById(input.id);
    if (same) same.placeholder = input.placeholder;
  }
});
