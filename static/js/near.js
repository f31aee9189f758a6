// Help in an emergency: the place is sent along if its button is pressed and the browser may tell it.
for (const button of document.querySelectorAll("[data-place]")) {
  if (!navigator.geolocation) continue;
  const say = (words) => { button.lastElementChild.textContent = words; };
  button.hidden = false;
  button.addEventListener("click", () => {
    button.disabled = true;
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      button.form.elements.latitude.value = coords.latitude.toFixed(4);
      button.form.elements.longitude.value = coords.longitude.toFixed(4);
      say(button.dataset.place);
    }, () => { button.disabled = false; say(button.dataset.failed); }, { maximumAge: 60000, timeout: 8000 });
  });
}
// "Use my position": fills the hidden field and sends the search. Without JavaScript, or without leave, a town is typed.
for (const button of document.querySelectorAll("[data-locate]")) {
  if (!navigator.geolocation) continue;
  const form = button.form;
  button.hidden = false;
  button.addEventListener("click", () => {
    button.disabled = true;
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      form.elements.near.value = `${coords.latitude.toFixed(3)},${coords.longitude.toFixed(3)}`;
      form.elements.place.value = "";
      form.requestSubmit();
      button.disabled = false;
    }, () => {
      button.disabled = false;
      form.elements.place.placeholder = button.dataset.failed;
      form.elements.place.focus();
    }, { maximumAge: 600000, timeout: 8000 });
  });
  form.elements.place.addEventListener("input", () => { form.elements.near.value = ""; });
}
