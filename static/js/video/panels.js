// The panel beside the picture: chat or devices, one at a time.
export const Chat = {
  toggle(room, name) { this.show(room, room.dataset.panel === name ? "" : name); },

  open(room) { if (room.querySelector('[data-panel-of="chat"]')) this.show(room, "chat"); },

  show(room, name) {
    room.dataset.panel = name;
    for (const button of room.querySelectorAll("[data-do=chat], [data-do=devices]")) button.setAttribute("aria-expanded", String(button.dataset.do === name));
    if (name) room.querySelector(`[data-panel-of="${name}"] :is(textarea, input, select)`)?.focus({ preventScroll: true });
  },
};
