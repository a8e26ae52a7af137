// A mail that is not sent yet: look again until it is, for a while.

import { refreshRegions } from "../regions.js";

const EVERY_MS = 2000;
const TIMES = 60;

const waits = () => document.querySelector('[data-region="waiting"][data-pending]');

async function look(left) {
  if (!waits() || left === 0) return;
  try {
    await refreshRegions("waiting", "details");
  } catch {
    return; // signed out, or away: the page says what was true
  }
  setTimeout(look, EVERY_MS, left - 1);
}

if (waits()) setTimeout(look, EVERY_MS, TIMES);
