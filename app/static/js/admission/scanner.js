// Badges by camera, where the browser reads codes itself; elsewhere the phone's own camera opens the badge's page.

import { gettext } from "../texts.js";

const BADGE = /\/check-in\/badge\/([0-9a-z]+)$/;
const PAUSE = 200;
const AGAIN = 4000; // a badge is still in front of the camera after it was read

async function canRead() {
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return false;
  try {
    return (await BarcodeDetector.getSupportedFormats()).includes("qr_code");
  } catch {
    return false;
  }
}

/** `onbadge(badge)` returns a promise of `{kind, text}` to show. */
export async function startScanner(onbadge) {
  const button = document.querySelector("[data-scan]");
  const box = document.querySelector("[data-scanner]");
  const video = box.querySelector("[data-scanner-video]");
  const line = box.querySelector("[data-scanner-said]");
  if (!(await canRead())) return;
  button.hidden = false;

  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  let stream = null;
  let last = { badge: null, at: 0 };

  function say({ kind, text }) {
    line.dataset.kind = kind;
    line.textContent = text;
    if (kind !== "plain") navigator.vibrate?.(kind === "good" ? 60 : [60, 60, 60]);
  }

  function stop() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    box.hidden = true;
    button.setAttribute("aria-expanded", "false");
  }

  async function look() {
    if (!stream) return;
    try {
      const [found] = video.readyState >= 2 ? await detector.detect(video) : [];
      const badge = found?.rawValue.match(BADGE)?.[1];
      if (found && !badge) say({ kind: "bad", text: gettext("This is no badge.") });
      if (badge && (badge !== last.badge || Date.now() - last.at > AGAIN)) {
        last = { badge, at: Date.now() };
        say(await onbadge(badge));
        last.at = Date.now();
      } else if (badge) last.at = Date.now();
    } catch {
      // A frame that cannot be read; the next one may be.
    }
    setTimeout(look, PAUSE);
  }

  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", async () => {
    if (stream) return stop();
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      box.hidden = false;
      return say({ kind: "bad", text: gettext("The camera is not open to this page. Allow it in the browser, or search by name.") });
    }
    box.hidden = false;
    button.setAttribute("aria-expanded", "true");
    video.srcObject = stream;
    await video.play();
    look();
  });
  addEventListener("pagehide", stop);
}
