// @ts-check
// The questions that came with a lesson: a class answers them together, pupils raising their hands.

import { element, fill, texts } from "./page.js";

/** @typedef {{kind: string, text: string, options: string[]}} Question */
/** @typedef {{counts: number[], text: string}} Answer */

const MOST = 500; // pupils
const LONGEST = 1000; // characters

const dialog = /** @type {HTMLDialogElement} */ (element("quiz"));

/** @param {string} name @param {string} text @param {string} [css] */
function make(name, text, css = "") {
  return Object.assign(document.createElement(name), { textContent: text, className: css });
}

/** How many raised their hands: a number with two large buttons. @param {string} option @param {string} id */
function hands(option, id) {
  const row = make("p", "", "hands");
  const label = Object.assign(document.createElement("label"), { textContent: option, htmlFor: id });
  const number = Object.assign(document.createElement("input"), { id, type: "number", min: "0", max: String(MOST), value: "0", required: true, inputMode: "numeric" });
  const step = (/** @type {number} */ by) => {
    const button = make("button", by < 0 ? "−" : "+");
    button.setAttribute("type", "button");
    button.setAttribute("aria-label", fill(by < 0 ? texts.fewer : texts.more, { option }));
    button.addEventListener("click", () => (number.value = String(Math.min(MOST, Math.max(0, Number(number.value) + by)))));
    return button;
  };
  row.append(label, step(-1), number, step(1));
  return row;
}

/** @param {Question} question @param {number} at */
function field(question, at) {
  const made = make("fieldset", "");
  made.append(make("legend", `${at + 1}. ${question.text}`));
  if (question.kind === "text") {
    const text = Object.assign(document.createElement("textarea"), { maxLength: LONGEST, rows: 2 });
    text.setAttribute("aria-label", question.text);
    made.append(text);
  } else {
    made.append(make("p", question.kind === "single" ? texts.single : texts.multiple, "muted"));
    made.append(...question.options.map((option, n) => hands(option, `q${at}o${n}`)));
  }
  return made;
}

/** Whether it is being answered. */
export const isAsking = () => dialog.open;

/** Ask a class; what it answered, or null. @param {Question[]} questions @returns {Promise<Answer[] | null>} */
export function askClass(questions) {
  const places = questions.map(field);
  element("questions").replaceChildren(...places);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.onclose = () =>
      done(
        dialog.returnValue !== "ok"
          ? null
          : places.map((place) => ({
              counts: [...place.querySelectorAll("input")].map((input) => Number(input.value)),
              text: place.querySelector("textarea")?.value.trim() ?? "",
            })),
      );
  });
}
