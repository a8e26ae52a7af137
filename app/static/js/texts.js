// Texts in the page's language. Sources are English, and so is what no catalog translates; the
// catalogs are app/translations/, made into static/texts/ at set-up (tools/translations.py).

const { messages = {}, plural = (number) => Number(number !== 1) } = globalThis.catalog ?? {};

// A name in another alphabet would drag what stands beside it to its own side (Unicode UAX #9, 2.7).
const isolate = (value) => (/\p{L}/u.test(value) ? `\u2068${value}\u2069` : value);
const shown = document.dir === "rtl" ? isolate : (value) => value;

const fill = (text, values) => text.replace(/%\((\w+)\)[sd]/g, (_, name) => shown(values[name]));

/** The text, with `%(name)s` filled from `values`. One that has a plural elsewhere is its singular. */
export const gettext = (text, values = {}) => fill([messages[text] ?? text].flat()[0], values);

/** The form of the text that goes with `number`; `%(num)d` is the number. */
export function ngettext(one, many, number, values = {}) {
  const text = messages[one]?.[plural(number)] ?? (number === 1 ? one : many);
  return fill(text, { num: number, ...values });
}

const lists = new Intl.ListFormat(document.documentElement.lang.replace(/^en$/, "en-GB") || "en-GB");

/** `a, b and c`. */
export const listText = (parts) => lists.format(parts);
