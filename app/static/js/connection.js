// "Live", said only when it is not.

import { icon } from "./dom.js";
import { timeText } from "./time.js";

/** Returns an `onstatus` for live.watch that fills [data-connection]; `age()` is when the data was loaded. */
export function connectionNote(box, age) {
  return (status) => {
    const words = {
      offline: `You are offline. This is as of ${timeText(age())}.`,
      polling: `Live updates are interrupted. Checked every 30 seconds, last at ${timeText(age())}.`,
    }[status];
    box.hidden = !words;
    if (words) box.replaceChildren(icon("wifi-off"), words);
  };
}
