// What pages of the console do by themselves: keys, menus, dialogs, forms that go once. No page needs it to be readable.
"use strict";

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (!typing && (event.key === "/" || event.key === "n")) {
    const target = document.querySelector(`main [data-key="${event.key}"]`) || document.querySelector(`[data-key="${event.key}"]`);
    if (!target) return;
    event.preventDefault();
    if (target.matches("a, button")) target.click(); else { target.focus(); target.select?.(); }
  }
  if (!typing && (event.key === "ArrowDown" || event.key === "ArrowUp")) moveInList(event);
});

function moveInList(event) {
  const links = [...document.querySelectorAll("[data-arrows] tbody tr")].map((row) => row.querySelector("a")).filter(Boolean);
  if (!links.length) return;
  const next = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
  if (next < 0 || next >= links.length) return;
  event.preventDefault();
  links[next].focus();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog).showModal();
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
  const menu = event.target.closest("[data-opens]");
  if (menu) {
    const open = document.getElementById(menu.dataset.opens).classList.toggle("open");
    menu.setAttribute("aria-expanded", String(open));
  }
});

// What a refusal opened again lies over the page, as it did before.
document.querySelectorAll("dialog[open]").forEach((dialog) => { dialog.close(); dialog.showModal(); });

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// A form that must not go twice: its buttons rest after the first time, and say so.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
  setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
});
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => {
  delete form.dataset.sent;
  form.querySelectorAll("button").forEach((button) => { button.disabled = false; });
}));

// Fields that belong to one choice only: <div data-shown-for="medium:email"> follows the select called medium.
function followChoices() {
  document.querySelectorAll("[data-shown-for]").forEach((part) => {
    const [name, values] = part.dataset.shownFor.split(":");
    const chosen = part.closest("form").elements[name];
    const shown = values.split(",").includes(chosen.value);
    part.hidden = !shown;
    part.querySelectorAll("input, select, textarea").forEach((field) => { field.disabled = !shown; });
  });
}
document.addEventListener("change", followChoices);
document.addEventListener("DOMContentLoaded", followChoices);

// Nobody looks at a hidden tab: what asks again every few seconds rests until somebody does.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches("[hx-trigger^=every]")) event.preventDefault();
});

// What refreshes itself waits while somebody presses or types in it: a press must not lose its button, nor a field its text.
let pressed = null;
["pointerdown", "keydown"].forEach((name) => document.addEventListener(name, (event) => { pressed = { on: event.target }; }));
["pointerup", "pointercancel", "keyup"].forEach((name) => document.addEventListener(name, () => {
  const ended = pressed;
  setTimeout(() => { if (pressed === ended) pressed = null; }); // not before the click, and not a press that began meanwhile
}));
window.addEventListener("blur", () => { pressed = null; });

// A button or link that had the focus has it again when it was only drawn again.
const sameThing = (control) => [control.tagName, control.getAttribute("href"), control.name, control.value, control.textContent.trim()].join("|");
let focused = "";
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig } = event.detail;
  const active = document.activeElement;
  focused = "";
  if (!requestConfig.elt.matches("[hx-trigger^=every]")) return;
  const field = active.closest("input, select, textarea, dialog");
  if ([pressed?.on, field].some((each) => each && target.contains(each))) event.detail.shouldSwap = false;
  else if (target.contains(active)) focused = sameThing(active);
});
document.addEventListener("htmx:afterRequest", () => {
  if (!focused || document.activeElement !== document.body) return;
  [...document.querySelectorAll("a, button, summary")].find((each) => sameThing(each) === focused)?.focus({ preventScroll: true });
  focused = "";
});

// A refusal that answers a request of HTMX is one sentence; show it where people look.
document.addEventListener("htmx:responseError", (event) => {
  const line = document.createElement("div");
  line.className = "notice bad";
  line.setAttribute("role", "alert");
  line.textContent = event.detail.xhr.responseText.slice(0, 300);
  document.querySelector("main .top")?.after(line);
});
