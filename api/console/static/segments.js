// The builder of segments: asks for counts a moment after the last keystroke, and for other fields after a choice.
"use strict";

(() => {
  const form = document.getElementById("builder");
  if (!form) return;
  const PAUSE = 300; // milliseconds after the last keystroke
  let waiting = 0;
  let presses = []; // what was pressed and is not drawn yet

  // Asked in the name of a field: in the name of the form, htmx would press the button that has the focus.
  const asker = form.querySelector("input[type=hidden]");
  const ask = (address, target, values = {}) => htmx.ajax("POST", address, { source: asker, target, swap: "innerHTML", values });
  const draw = () => ask(form.dataset.draw, "#work", { do: "draw" });
  const count = () => (presses.length ? draw() : ask(form.dataset.preview, "#answer"));

  form.addEventListener("input", (event) => {
    if (event.target.closest("[data-quiet]")) return;
    clearTimeout(waiting);
    if (event.target.matches("[data-redraws]")) { draw(); return; }
    // A drawing under way does not know what is typed now.
    if (presses.length) htmx.trigger(form, "htmx:abort");
    waiting = setTimeout(count, PAUSE);
  });

  // What was asked before no longer matters: an answer that arrives late must not take the place of a newer one.
  form.addEventListener("htmx:beforeRequest", () => { clearTimeout(waiting); form.classList.add("counting"); });
  form.addEventListener("htmx:afterRequest", () => form.classList.remove("counting"));

  // A press is never lost: the request that takes the place of an unanswered one says what was pressed before, too.
  form.addEventListener("htmx:configRequest", (event) => {
    const { path, formData } = event.detail;
    if (path !== form.dataset.draw) return;
    presses.push(formData.get("do"));
    formData.delete("do");
    presses.forEach((press) => formData.append("do", press));
  });
  form.addEventListener("htmx:beforeSwap", (event) => { if (event.detail.target.id === "work") presses = []; });
  ["htmx:sendError", "htmx:responseError"].forEach((name) => form.addEventListener(name, () => { presses = []; }));
  form.addEventListener("submit", () => presses.forEach((press) => {
    const field = document.createElement("input");
    field.type = "hidden"; field.name = "do"; field.value = press;
    form.append(field);
    setTimeout(() => field.remove());
  }));

  // Enter in a field counts at once; saving is what the button is for.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.target.closest("details.menu")?.removeAttribute("open");
    if (event.key !== "Enter" || !event.target.matches("input:not([type=checkbox])")) return;
    event.preventDefault();
    if (event.target.closest("[data-quiet]")) return;
    count();
  });

  // Only one menu is open at a time, and none after a click elsewhere.
  document.addEventListener("click", (event) => {
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    });
  });

  // After the conditions were drawn anew the cursor stands where the work goes on.
  form.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id !== "work" || event.target.querySelector("[autofocus]:focus")) return;
    const fresh = [...form.querySelectorAll("[data-fresh]")].pop();
    fresh?.querySelector(".said .gap, .add summary")?.focus();
  });
})();
