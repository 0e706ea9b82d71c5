// @ts-check
// The poll 答题 of a lesson: its counts on every screen, the answer of one's own class, and for the lead
// the ways to open and close it. Elements: #poll, #pollquestion, #pollbars, #pollform with #pollinputs,
// #pollstate; and where the lead is: #newpoll with #newquestion and #newoptions, #pollclose, #pollaway.

import { element, fill, texts } from "./page.js";
import { handsFor, letter } from "./talk.js";

const MOST = 500;

/** @param {import("./session.js").SessionLink} link */
export function poll(link) {
  let drawn = ""; // id of the poll whose inputs stand there
  const inputs = () => [...element("pollinputs").querySelectorAll("input")];
  const leads = document.getElementById("newpoll");

  /** @param {import("./session.js").State} state */
  const draw = (state) => {
    const found = state.poll;
    element("poll").hidden = !found;
    if (leads) leads.hidden = Boolean(found);
    if (!found) return;
    element("pollquestion").textContent = found.question || texts.pollNow;
    element("pollstate").textContent = found.state === "open" ? fill(texts.pollOpen, { classes: Object.keys(found.answers).length }) : texts.pollClosed;
    if (found.id !== drawn) {
      drawn = found.id;
      element("pollbars").replaceChildren(...Array.from({ length: found.options }, (_, option) => bar(option)));
      element("pollinputs").replaceChildren(...Array.from({ length: found.options }, (_, option) => counter(option)));
      const mine = found.answers[state.you ?? ""];
      if (mine) inputs().forEach((input, option) => (input.value = String(mine[option])));
    }
    const most = Math.max(1, ...found.counts);
    [...element("pollbars").children].forEach((item, option) => {
      const meter = /** @type {HTMLMeterElement} */ (item.querySelector("meter"));
      [meter.max, meter.value] = [most, found.counts[option]];
      /** @type {HTMLElement} */ (item.querySelector(".hands")).textContent = handsFor(found, option);
    });
    element("pollform").hidden = found.state !== "open" || !state.you;
    element("pollsent").hidden = !found.answers[state.you ?? ""];
    const close = document.getElementById("pollclose");
    if (close) close.textContent = found.state === "open" ? texts.pollClose : texts.pollReopen;
  };

  link.addEventListener("state", (event) => draw(/** @type {CustomEvent<import("./session.js").State>} */ (event).detail));
  element("pollform").addEventListener("submit", (event) => {
    event.preventDefault();
    link.send({ do: "answer", heads: inputs().map((input) => Math.min(MOST, Math.max(0, Math.floor(Number(input.value) || 0)))) });
  });
  leads?.addEventListener("submit", (event) => {
    event.preventDefault();
    const question = /** @type {HTMLInputElement} */ (element("newquestion"));
    link.send({ do: "poll", text: question.value, options: Number(/** @type {HTMLSelectElement} */ (element("newoptions")).value) });
    question.value = "";
  });
  document.getElementById("pollclose")?.addEventListener("click", () => {
    link.send({ do: "move_poll", move: link.state?.poll?.state === "open" ? "close" : "reopen" });
  });
  document.getElementById("pollaway")?.addEventListener("click", () => link.send({ do: "move_poll", move: "put_away" }));
}

/** @param {number} option */
function bar(option) {
  const item = document.createElement("li");
  const meter = document.createElement("meter");
  const hands = document.createElement("span");
  hands.className = "hands";
  meter.setAttribute("aria-label", letter(option));
  item.append(hands, meter);
  return item;
}

/** A count that can be set by touch as well as typed. @param {number} option */
function counter(option) {
  const box = document.createElement("div");
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "number", min: "0", max: String(MOST), value: "0", id: `poll-${option}`, inputMode: "numeric" });
  [label.htmlFor, label.textContent] = [input.id, letter(option)];
  const step = (/** @type {string} */ sign, /** @type {number} */ by) => {
    const button = document.createElement("button");
    [button.type, button.textContent] = ["button", sign];
    button.setAttribute("aria-label", `${letter(option)} ${sign}1`);
    button.addEventListener("click", () => (input.value = String(Math.max(0, Number(input.value) + by))));
    return button;
  };
  box.className = "counter";
  box.append(label, step("−", -1), input, step("+", 1));
  return box;
}
