// @ts-check
// The questions that came with a lesson: a class answers them together, pupils raising their hands.

import { element, fill, texts } from "./page.js";

/** @typedef {{kind: string, text: string, options: string[], right: number[]}} Question */
/** @typedef {{counts: number[], text: string}} Answer */

const MOST = 500; // pupils
const LONGEST = 1000; // characters

const dialog = /** @type {HTMLDialogElement} */ (element("quiz"));
const marks = /** @type {HTMLDialogElement} */ (element("marks"));

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

/** Whether it is being answered, or was just now. */
export const isAsking = () => dialog.open || marks.open;

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

/** One question with what was right, and how many hands were raised for it. @param {Question} question @param {Answer} answer */
function marked(question, answer) {
  const made = make("section", "");
  const options = make("ul", "", "marked");
  const right = new Set(question.right);
  options.append(...question.options.map((option, n) => make("li", `${right.has(n) ? "✓ " : ""}${option} · ${answer.counts[n]}`, right.has(n) ? "good" : "muted")));
  const hands = answer.counts.reduce((sum, count) => sum + count, 0);
  const chosen = question.right.reduce((sum, n) => sum + answer.counts[n], 0);
  made.append(make("h3", question.text), options, make("p", fill(texts.marked, { right: chosen, hands })));
  return made;
}

/** Show a class which of its answers were right; a survey has none. @param {Question[]} questions @param {Answer[]} answers @returns {Promise<void>} */
export function showMarks(questions, answers) {
  const found = questions.flatMap((question, n) => (question.right?.length ? [marked(question, answers[n])] : []));
  if (!found.length) return Promise.resolve();
  element("marked").replaceChildren(...found);
  marks.showModal();
  return new Promise((done) => (marks.onclose = () => done()));
}
