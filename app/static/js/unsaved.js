// What is typed and not saved: said beside the button, and asked about when the page is left.

export class Unsaved {
  #is = false;

  /** `note` is shown while something waits to be saved. */
  constructor(note) {
    this.note = note;
    addEventListener("beforeunload", (event) => this.#is && event.preventDefault());
  }

  get is() {
    return this.#is;
  }

  set is(value) {
    this.#is = value;
    if (this.note) this.note.hidden = !value;
  }
}
