// The calendar: a launch dragged onto another day, or moved in the dialog that its button opens.
"use strict";

const drop = document.getElementById("drop");
const dialog = document.getElementById("move");

document.addEventListener("dragstart", (event) => {
  const chip = event.target.closest?.("[data-campaign]");
  if (!chip) return;
  event.dataTransfer.setData("text/plain", chip.dataset.campaign);
  event.dataTransfer.effectAllowed = "move";
});

document.querySelectorAll(".calendar .day").forEach((day) => {
  day.addEventListener("dragover", (event) => {
    if (!drop) return;
    event.preventDefault();
    day.classList.add("over");
  });
  day.addEventListener("dragleave", () => day.classList.remove("over"));
  day.addEventListener("drop", (event) => {
    event.preventDefault();
    day.classList.remove("over");
    const campaign = event.dataTransfer.getData("text/plain");
    if (!drop || !campaign) return;
    drop.elements.campaign.value = campaign;
    drop.elements.day.value = day.dataset.day;
    drop.submit();
  });
});

// The dialog that a refusal opened again says whose launch it is about.
document.querySelectorAll("dialog[open] [name=campaign]").forEach((field) => {
  const button = [...document.querySelectorAll("[data-move]")].find((each) => each.dataset.move === field.value);
  if (button) dialog.querySelector("[data-of=name]").textContent = button.dataset.name;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  if (!button) return;
  const form = dialog.querySelector("form");
  dialog.querySelector("[data-of=name]").textContent = button.dataset.name;
  form.elements.campaign.value = button.dataset.move;
  form.elements.day.value = button.dataset.day;
  form.elements.time.value = button.dataset.time;
  dialog.showModal();
});
