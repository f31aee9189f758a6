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
