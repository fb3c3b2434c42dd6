// How much room is left in each line of a flyer, while somebody types.
"use strict";

(() => {
  function tell(field) {
    const room = Number(field.dataset.room);
    const used = [...(field.value || field.placeholder)].length;
    const left = document.querySelector(`[data-room-of="${field.id}"]`);
    if (!left) return;
    left.textContent = `${used} / ${room}`;
    left.classList.toggle("tight", used > room * 0.85 && used <= room);
    left.classList.toggle("over", used > room);
  }
  document.addEventListener("input", (event) => { if (event.target.matches("[data-room]")) tell(event.target); });
  document.querySelectorAll("[data-room]").forEach(tell);
})();
