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
      waiting = setTimeout(() => htmx.ajax("POST", counting.dataset.counts, { source: form.querySelector("input[type=hidden]"), target: "#counted", swap: "innerHTML" }), PAUSE);
    });
  }

  // Who looks at the text in one language wants to read it so.
  function readIn(language) {
    const chosen = form.elements.in;
    if (!chosen || chosen.value === language) return;
    chosen.value = language;
    chosen.dispatchEvent(new Event("change", { bubbles: true }));
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
      tab.addEventListener("click", () => { choose(tab); readIn(tab.id.replace("tab-", "")); });
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const next = tabs[(position + step + tabs.length) % tabs.length];
        next.click();
        next.focus();
      });
    });
    choose(tabs.find((tab) => tab.getAttribute("aria-selected") === "true") || tabs[0]);
  });

  // A name is put where the cursor last stood in a text.
  let last = null;
  form.addEventListener("focusin", (event) => { if (event.target.matches("[data-text]")) last = event.target; });
  form.addEventListener("click", (event) => {
    const name = event.target.closest("[data-insert]");
    if (!name) return;
    const target = last && !last.closest("[hidden]") ? last : [...form.querySelectorAll("textarea[data-text]")].find((area) => !area.closest("[hidden]"));
    target.setRangeText(name.dataset.insert, target.selectionStart, target.selectionEnd, "end");
    target.focus();
    target.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // The preview follows what is typed; the mail goes into its frame as a form of its own, since it is a page of its own.
  const card = form.querySelector("[data-preview]");
  if (card) {
    const frame = card.querySelector("[data-mail]");
    let reading = 0;
    const read = () => {
      htmx.ajax("POST", card.dataset.preview, { source: form.querySelector("input[type=hidden]"), target: "#preview", swap: "innerHTML" });
      frame.hidden = form.elements.medium.value !== "email";
      if (frame.hidden) return;
      const sent = document.createElement("form");
      sent.method = "post"; sent.action = frame.dataset.mail; sent.target = frame.name; sent.hidden = true;
      new FormData(form).forEach((value, name) => {
        const field = document.createElement("textarea");
        field.name = name; field.value = value;
        sent.append(field);
      });
      document.body.append(sent);
      sent.submit();
      sent.remove();
    };
    const soon = () => { clearTimeout(reading); reading = setTimeout(read, 2 * PAUSE); };
    form.addEventListener("input", (event) => { if (event.target.matches("[data-text]")) soon(); });
    form.addEventListener("change", (event) => { if (["buyer", "in", "medium", "sender"].includes(event.target.name)) soon(); });
  }
})();
