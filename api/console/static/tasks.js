// Copies the text of a post, and hands its picture to another app where the phone can do that.
"use strict";

async function copyText(element) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  }
  // A shop's own server is often reached without HTTPS, where browsers keep the clipboard shut.
  getSelection().selectAllChildren(element);
  return document.execCommand("copy");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const label = button.querySelector("span");
  const done = await copyText(document.getElementById(button.dataset.copy)).catch(() => false);
  const before = label.dataset.before || label.textContent;
  label.dataset.before = before;
  label.textContent = done ? button.dataset.copied : button.dataset.failed;
  button.setAttribute("aria-live", "polite");
  setTimeout(() => { label.textContent = before; }, 2500);
});

document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-share]");
  if (!link || !navigator.canShare) return;
  const file = (content) => [new File([content], link.download, { type: "image/jpeg" })];
  if (!navigator.canShare({ files: file(new Blob([""])) })) return;
  event.preventDefault();
  try {
    await navigator.share({ files: file(await (await fetch(link.href)).blob()) });
  } catch (error) {
    if (error.name !== "AbortError") location.href = link.href;
  }
});
