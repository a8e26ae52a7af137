// "Live", said only when it is not.

import { icon } from "./dom.js";
import { gettext } from "./texts.js";
import { timeText } from "./time.js";

/** Returns an `onstatus` for live.watch that fills [data-connection]; `age()` is when the data was loaded. */
export function connectionNote(box, age) {
  return (status) => {
    const time = timeText(age());
    const words = {
      offline: gettext("You are offline. This is as of %(time)s.", { time }),
      polling: gettext("Live updates are interrupted. Checked every 30 seconds, last at %(time)s.", { time }),
    }[status];
    box.hidden = !words;
    if (words) box.replaceChildren(icon("wifi-off"), words);
  };
}
