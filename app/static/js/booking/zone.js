// In which zone, and on which clock, times are read.

import { Combobox } from "../combobox.js";
import { gettext } from "../texts.js";
import { cityOf, offsetText, sameClock, setTwelveHours, usesTwelveHours, zoneLabel, zoneOptions } from "../time.js";

export class ZonePicker {
  /** `onzone(zone)` and `onclock()` tell of a choice. */
  constructor(root, { expert, zone, onzone, onclock }) {
    this.expert = expert;
    this.note = root.querySelector("[data-zone-note]");
    this.box = new Combobox(root.querySelector("input"), {
      label: gettext("All zones"),
      load: () => zoneOptions(this.zone),
      onchoose: onzone,
      empty: gettext("No zone matches. Try a large city nearby."),
    });
    const button = root.querySelector("[data-hour-cycle]");
    const describe = () => (button.textContent = usesTwelveHours() ? gettext("24-hour clock") : gettext("12-hour clock"));
    button.addEventListener("click", () => {
      setTwelveHours(!usesTwelveHours());
      describe();
      onclock();
    });
    describe();
    this.show(zone);
    root.hidden = false;
  }

  /** The zone, and what it is beside the host's; offsets are those of `at`. */
  show(zone, at = Date.now()) {
    this.zone = zone;
    this.box.set({ value: zone, text: zoneLabel(zone, at) });
    this.note.textContent = sameClock(this.expert.time_zone, zone, at)
      ? ""
      : gettext("%(name)s is in %(city)s, %(offset)s.", {
          name: this.expert.name,
          city: cityOf(this.expert.time_zone),
          offset: offsetText(this.expert.time_zone, at),
        });
  }
}
