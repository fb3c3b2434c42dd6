// The packing station: what the scanner types is kept in order, sent one at a time, each once, and answered by the page.
"use strict";

(() => {
  const station = document.getElementById("station");
  const stage = document.getElementById("stage");
  const input = document.getElementById("text");
  const pending = document.getElementById("pending");
  const words = station.dataset;
  const drawer = `bench:${words.shop}`;
  const patience = 15000; // ms until a request counts as lost and is sent again under its key

  // Steps not answered yet. They survive a reload of this tab; their keys let the server know one it has seen.
  let steps = JSON.parse(sessionStorage.getItem(drawer) || "[]");
  let busy = false;
  let asking = null; // "spoil" or "leave-out": a key that is asked once more

  const now = () => stage.firstElementChild.dataset;
  const keep = () => sessionStorage.setItem(drawer, JSON.stringify(steps));

  function add(step, text = "") {
    asking = null;
    steps.push({ step, text, key: crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}` });
    keep();
    send();
  }

  async function send() {
    if (busy || !steps.length) return;
    busy = true;
    const step = steps[0];
    step.over ??= now().waybill; // what the answer before has opened; a second try must ask the same
    keep();
    wait(words.waiting);
    try {
      const answer = await post(step);
      if (answer.headers.get("X-Stage")) show(await answer.text());
      else if (answer.redirected || answer.status === 401 || answer.status === 403) { busy = false; say("bad", words.signedOut); return; }
      else if (answer.status >= 500) throw new Error(String(answer.status));
      else say("bad", (await answer.text()).replace(/<[^>]*>/g, " ").slice(0, 200));
      steps.shift();
      keep();
    } catch {
      say("warn", words.offline);
      setTimeout(() => { busy = false; send(); }, 2000);
      wait(words.queued.replace("{count}", steps.length));
      return;
    }
    busy = false;
    wait(steps.length ? words.queued.replace("{count}", steps.length) : "");
    send();
  }

  function post(step) {
    const body = new URLSearchParams({ step: step.step, text: step.text, key: step.key, over: step.over });
    const headers = { "X-CSRF-Token": words.csrf };
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

  function wait(text) {
    pending.hidden = !text;
    pending.textContent = text;
    document.getElementById("answer").classList.toggle("waiting", Boolean(text));
  }

  const keys = {
    F2: () => add("undo"),
    F4: () => {
      if (asking === "spoil" && now().spoil) { add("spoil", now().spoil); return; }
      asking = "spoil";
      say("warn", now().spoil ? words.spoil.replace("{code}", now().spoil) : words.spoilWhich);
    },
    F8: () => {
      if (asking === "leave-out") { add("leave-out"); return; }
      if (!Number(now().missing)) return;
      asking = "leave-out";
      say("warn", words.leaveOut);
    },
    F6: () => document.querySelector("#stage a[data-key=F6]")?.click(),
    F9: () => { hear(localStorage.getItem("bench:sound") !== "on"); },
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
  window.addEventListener("focus", () => input.focus());
  window.addEventListener("online", () => { if (steps.length) { busy = false; send(); } });

  // Sounds are off until somebody wants them: one high for right, two low for wrong.
  let player = null;
  function sound(mark) {
    if (localStorage.getItem("bench:sound") !== "on" || !["good", "bad", "warn"].includes(mark)) return;
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
    localStorage.setItem("bench:sound", on ? "on" : "off");
    document.getElementById("sound").textContent = on ? words.soundOn : words.soundOff;
    document.querySelector("button[data-key=F9]").setAttribute("aria-pressed", String(on));
    if (on) sound("good");
  }
  if (localStorage.getItem("bench:sound") === "on") {
    document.getElementById("sound").textContent = words.soundOn;
    document.querySelector("button[data-key=F9]").setAttribute("aria-pressed", "true");
  }

  input.focus();
  send();
})();
