// The editor of campaigns: counts as segments are chosen, tabs of languages, parts that follow a choice, previews.
"use strict";

(() => {
  const form = document.getElementById("step");
  if (!form) return;
  const PAUSE = 300; // milliseconds after the last keystroke

  // <div data-shown-if="source:segments"> follows the radio buttons or the checkbox of that name.
  function followRadios() {
    form.querySelectorAll("[data-shown-if]").forEach((part) => {
      const [name, values] = part.dataset.shownIf.split(":");
      const chosen = [...form.elements].find((field) => field.name === name && (field.type === "hidden" || field.checked));
      part.hidden = !chosen || !values.split(",").includes(chosen.value);
    });
  }
  form.addEventListener("change", followRadios);
  followRadios();

  const counting = form.querySelector("[data-counts]");
  let waiting = 0;
  if (counting) {
    form.addEventListener("change", (event) => {
      if (!["segment", "excluded", "join", "source", "keep_out"].includes(event.target.name)) return;
      clearTimeout(waiting);
      waiting = setTimeout(() => htmx.ajax("POST", counting.dataset.counts, { source: form, target: "#counted", swap: "innerHTML" }), PAUSE);
    });
  }

  // Tabs: without this script every language stands below the other.
  form.querySelectorAll("[role=tablist]").forEach((list) => {
    const tabs = [...list.querySelectorAll("[role=tab]")];
    const choose = (chosen) => tabs.forEach((tab) => {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    });
    tabs.forEach((tab, position) => {
      tab.addEventListener("click", () => choose(tab));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const next = tabs[(position + step + tabs.length) % tabs.length];
        choose(next);
        next.focus();
      });
    });
    choose(tabs.find((tab) => tab.getAttribute("aria-selected") === "true") || tabs[0]);
  });
})();
