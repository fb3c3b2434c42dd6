// The packing station: what the scanner types is kept in order, sent one at a time, each once, and answered by the page.
//
// A step stays in the browser's store until the server has answered it, under a key by which the server knows it again;
// it is removed by that key. Where an answer needs a person (a wrong parcel, say), the steps scanned after it are held:
// they were meant for what the packer believed then.
"use strict";

(() => {
  const station = document.getElementById("station");
  const stage = document.getElementById("stage");
  const input = document.getElementById("text");
  const pending = document.getElementById("pending");
  const words = station.dataset;
  const drawer = `packing:${words.shop}:${words.who}`;
  const formerDrawer = `bench:${words.shop}:${words.who}`; // before 2026-12; what it holds is still to be sent
  if (localStorage.getItem(formerDrawer)) {
    localStorage.setItem(drawer, localStorage.getItem(formerDrawer));
    localStorage.removeItem(formerDrawer);
  }
  const patience = 15000; // ms until a request counts as lost and is sent again under its key
  const pause = 2000; // ms until the next try
  const tries = 5; // answers that the server is in trouble, until a person decides
  const keptFor = 12 * 3600 * 1000; // ms; the server knows keys for a day, older steps are not sent unasked

  const unique = () => (crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`);
  const now = () => stage.firstElementChild.dataset;
  const load = () => ({ steps: [], open: "", ...JSON.parse(localStorage.getItem(drawer) || "{}") });
  const save = (change) => localStorage.setItem(drawer, JSON.stringify({ ...load(), ...change }));
  const held = () => load().steps.filter((step) => step.held);

  // One window of this browser sends: the one used last.
  const me = unique();
  const take = () => localStorage.setItem(`${drawer}:window`, me);
  const isMine = () => localStorage.getItem(`${drawer}:window`) === me;

  let asking = null; // "spoil" or "leave-out": a key that is asked once more
  let sending = false;
  let troubles = 0;
  let wake = () => {};

  function add(step, text = "") {
    asking = null;
    take();
    const { steps } = load();
    // What is done while steps are held is about the parcel on the screen, so it goes before them.
    const fresh = steps.filter((each) => !each.held);
    save({ steps: [...fresh, { step, text, key: unique(), at: Date.now() }, ...held()] });
    send();
  }

  const change = (key, what) => save({ steps: load().steps.map((each) => (each.key === key ? { ...each, ...what } : each)) });
  const without = (key) => load().steps.filter((each) => each.key !== key);
  const hold = () => save({ steps: load().steps.map((each) => ({ ...each, held: true })) });

  async function send() {
    if (sending) return;
    sending = true;
    let goes = true;
    while (goes && isMine()) {
      const [step] = load().steps;
      if (!step || step.held) break;
      // What the answer before has opened; a second try must ask the same.
      if (step.over === undefined) { step.over = load().open; change(step.key, { over: step.over }); }
      wait(words.waiting);
      goes = await deliver(step);
    }
    sending = false;
    tell();
  }

  // Send one step and take its answer; false when a person has to do something before the next.
  async function deliver(step) {
    let answer, text;
    try {
      answer = await post(step);
      text = await answer.text();
    } catch {
      return retry(words.offline);
    }
    if (answer.headers.get("X-Stage")) {
      show(text);
      save({ steps: without(step.key), open: now().waybill });
      troubles = 0;
      if (now().stop) hold();
      return true;
    }
    const away = answer.headers.get("HX-Redirect"); // what was scanned stays in the store until they are back
    if (away === "/login") { say("bad", words.signedOut); return false; }
    if (away) { location.assign(away); return false; }
    if (answer.status === 403) { say("bad", text); return false; }
    if (answer.status >= 500 || answer.status === 429) {
      troubles += 1;
      if (troubles < tries) return retry(words.trouble);
      troubles = 0;
      hold();
      say("bad", words.trouble);
      return false;
    }
    save({ steps: without(step.key) });
    hold();
    say("bad", text.slice(0, 300));
    return true;
  }

  async function retry(why) {
    say("warn", why);
    wait(words.queued.replace("{count}", load().steps.length));
    await new Promise((done) => { wake = done; setTimeout(done, pause); });
    return true;
  }

  function post(step) {
    const body = new URLSearchParams({ step: step.step, text: step.text, key: step.key, over: step.over });
    // Asked like HTMX asks, so that a refusal is one sentence and no page.
    const headers = { "X-CSRF-Token": words.csrf, "HX-Request": "true" };
    return fetch(words.steps, { method: "POST", body, headers, signal: AbortSignal.timeout(patience) });
  }

  let answered = stage.innerHTML; // the stage as the server last told it
  function show(html) {
    answered = stage.innerHTML = html;
    const waybill = now().waybill;
    history.replaceState(null, "", waybill ? `?waybill=${encodeURIComponent(waybill)}` : location.pathname);
    sound(now().mark);
  }

  // The line on top, without asking the server.
  function say(mark, text) {
    const answer = document.getElementById("answer");
    answer.className = `answer ${mark}`;
    answer.textContent = text;
  }

  function wait(text, faded = Boolean(text)) {
    pending.hidden = !text;
    pending.textContent = text;
    document.getElementById("answer").classList.toggle("waiting", faded);
  }

  // What is left when nothing is on its way.
  function tell() {
    const { steps } = load();
    const back = held().length;
    for (const button of document.querySelectorAll("button[data-held]")) button.hidden = !back;
    wait(back ? words.held.replace("{count}", back) : steps.length ? words.queued.replace("{count}", steps.length) : "", false);
  }

  const keys = {
    F2: () => add("undo"),
    F3: () => {
      if (!held().length) return;
      if (asking === "drop") { asking = null; save({ steps: load().steps.filter((each) => !each.held) }); stage.innerHTML = answered; tell(); return; }
      asking = "drop";
      say("warn", words.drop.replace("{count}", held().length));
    },
    F4: () => {
      const code = load().steps.length ? "" : now().spoil; // with steps under way the screen is not up to date
      if (asking === "spoil" && code) { add("spoil", code); return; }
      asking = "spoil";
      say("warn", code ? words.spoil.replace("{code}", code) : words.spoilWhich);
    },
    F7: () => {
      asking = null;
      take();
      save({ steps: load().steps.map(({ held: _, ...each }) => ({ ...each, at: Date.now() })) });
      send();
    },
    F8: () => {
      if (load().steps.some((each) => !each.held)) return;
      if (asking === "leave-out") { add("leave-out"); return; }
      if (!Number(now().missing)) return;
      asking = "leave-out";
      say("warn", words.leaveOut);
    },
    F6: () => document.querySelector("#stage a[data-key=F6]")?.click(),
    F9: () => { hear(localStorage.getItem("packing:sound") !== "on"); },
    Escape: () => { asking = null; input.value = ""; stage.innerHTML = answered; },
  };

  document.getElementById("scan").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    input.value = "";
    add(asking === "spoil" && text ? "spoil" : "scan", text);
  });

  document.addEventListener("keydown", (event) => {
    if (keys[event.key]) {
      event.preventDefault();
      if (!event.repeat) keys[event.key]();
      return;
    }
    // Wherever the focus went, a scanner's letters belong into the one field.
    if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && document.activeElement !== input) input.focus();
  });
  document.addEventListener("click", (event) => {
    const key = event.target.closest("button[data-key]");
    if (key) keys[key.dataset.key]();
    if (!event.target.closest("a")) input.focus();
  });
  window.addEventListener("focus", () => {
    input.focus();
    if (isMine()) return;
    take();
    const { open } = load();
    location.replace(open ? `?waybill=${encodeURIComponent(open)}` : location.pathname);
  });
  window.addEventListener("storage", (event) => {
    if (event.key === `${drawer}:window` && !isMine()) say("warn", words.elsewhere);
  });
  window.addEventListener("online", () => wake()); // the one sender looks again; nobody else sends

  // Sounds are off until somebody wants them: one high for right, two low for wrong.
  let player = null;
  function sound(mark) {
    if (localStorage.getItem("packing:sound") !== "on" || !["good", "bad", "warn"].includes(mark)) return;
    player ??= new AudioContext();
    for (const start of mark === "good" ? [0] : [0, 0.18]) {
      const tone = player.createOscillator();
      const volume = player.createGain();
      tone.frequency.value = mark === "good" ? 990 : 220;
      volume.gain.value = 0.15;
      tone.connect(volume).connect(player.destination);
      tone.start(player.currentTime + start);
      tone.stop(player.currentTime + start + 0.12);
    }
  }
  function hear(on) {
    localStorage.setItem("packing:sound", on ? "on" : "off");
    document.getElementById("sound").textContent = on ? words.soundOn : words.soundOff;
    document.querySelector("button[data-key=F9]").setAttribute("aria-pressed", String(on));
    if (on) sound("good");
  }
  if (localStorage.getItem("packing:sound") === "on") {
    document.getElementById("sound").textContent = words.soundOn;
    document.querySelector("button[data-key=F9]").setAttribute("aria-pressed", "true");
  }

  take();
  const { steps } = load();
  if (!steps.length) save({ open: now().waybill });
  if (steps.some((each) => each.at < Date.now() - keptFor)) hold();
  if (held().length) say("warn", words.heldBack);
  input.focus();
  send();
})();
