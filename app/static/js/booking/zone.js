// In which zone, and on which clock, times are read.

import { Combobox } from "../combobox.js";
import { cityOf, offsetText, sameClock, setTwelveHours, usesTwelveHours, zoneLabel, zoneOptions } from "../time.js";

export class ZonePicker {
  /** `onzone(zone)` and `onclock()` tell of a choice. */
  constructor(root, { expert, zone, onzone, onclock }) {
    this.expert = expert;
    this.note = root.querySelector("[data-zone-note]");
    this.box = new Combobox(root.querySelector("input"), {
      label: "All zones",
      load: () => zoneOptions(this.zone),
      onchoose: onzone,
      empty: "No zone matches. Try a large city nearby.",
    });
    const button = root.querySelector("[data-hour-cycle]");
    const describe = () => (button.textContent = usesTwelveHours() ? "24-hour clock" : "12-hour clock");
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
      : `${this.expert.name} is in ${cityOf(this.expert.time_zone)}, ${offsetText(this.expert.time_zone, at)}.`;
  }
}
