// @ts-check
// Chat and the worksheet of a lesson. Elements: #messages, #sayform with #saytext, #worksheet (a link),
// and where there are any: buttons with data-say, #unread, and #worksheetform with #worksheeturl.

import { element, fill, texts } from "./page.js";

/** @typedef {import("./session.js").SessionLink} SessionLink */

/** @param {import("./session.js").State | null} state @param {string} id */
export function nameOf(state, id) {
  const person = state?.participants.find((p) => p.id === id);
  if (!person) return "";
  return person.role === "lead" ? person.teacher : `${person.school} ${person.class || person.teacher}`;
}

/**
 * @param {SessionLink} link @param {(text: string, from: string) => void} [arrived] somebody else said
 *   something after this page was opened
 */
export function talk(link, arrived = () => {}) {
  const list = element("messages");
  const begun = new Date().toISOString();
  /** @type {Set<string>} */ const known = new Set();
  let unread = 0;
  const sign = document.getElementById("unread");
  const drawUnread = () => {
    if (list.checkVisibility()) unread = 0;
    if (sign) [sign.textContent, sign.hidden] = [String(unread), unread === 0];
  };

  link.addEventListener("said", (event) => {
    for (const said of /** @type {CustomEvent<import("./session.js").Said[]>} */ (event).detail) {
      if (known.has(said.id)) continue;
      known.add(said.id);
      const item = document.createElement("p");
      const from = document.createElement("b");
      const time = document.createElement("time");
      const name = nameOf(link.state, said.participant);
      from.textContent = name;
      time.dateTime = said.at;
      time.textContent = new Date(said.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: list.dataset.zone });
      item.append(from, " ", time, document.createElement("br"), said.text);
      item.classList.toggle("mine", said.participant === link.state?.you);
      list.append(item);
      if (said.at > begun && said.participant !== link.state?.you) {
        unread += 1;
        arrived(said.text, name);
      }
    }
    list.scrollTop = list.scrollHeight;
    const none = document.getElementById("nomessages");
    if (none) none.hidden = list.childElementCount > 0;
    drawUnread();
  });

  link.addEventListener("state", (event) => {
    const { worksheet } = /** @type {CustomEvent<import("./session.js").State>} */ (event).detail;
    const place = /** @type {HTMLAnchorElement} */ (element("worksheet"));
    place.hidden = !worksheet;
    if (worksheet) place.href = worksheet;
    else place.removeAttribute("href");
    drawUnread();
  });

  element("sayform").addEventListener("submit", (event) => {
    event.preventDefault();
    const box = /** @type {HTMLInputElement} */ (element("saytext"));
    if (box.value.trim() && link.send({ do: "say", text: box.value })) box.value = "";
  });
  for (const button of document.querySelectorAll("button[data-say]")) {
    button.addEventListener("click", () => link.send({ do: "say", text: button.textContent?.trim() ?? "" }));
  }
  document.getElementById("worksheetform")?.addEventListener("submit", (event) => {
    event.preventDefault();
    link.send({ do: "worksheet", text: /** @type {HTMLInputElement} */ (element("worksheeturl")).value });
  });
}

/** @param {import("./session.js").Poll} poll @param {number} option @returns {string} "Hands for B: 12" */
export const handsFor = (poll, option) => fill(texts.handsFor, { hands: poll.counts[option], option: letter(option) });

/** @param {number} option 0 … @returns {string} A … */
export const letter = (option) => String.fromCharCode(65 + option);
