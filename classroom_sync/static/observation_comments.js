// @ts-check
// Comments on moments of a lesson: kept on this computer until the server has them, listed in the
// order of the lesson, and a way to their moment where a recording of it is on the page.

import { call } from "./api.js";

/** @typedef {{id: string, who: string, at: string, text: string, answers: string | null, recording: string | null, at_ms: number | null}} Made */
/** @typedef {{id: string, text: string, made: number, recording: string | null, at_ms: number, answers: string | null}} Waiting */

const AGAIN = 3000; // ms before what could not be sent is sent again
const form = /** @type {HTMLFormElement} */ (document.getElementById("comment"));
const text = /** @type {HTMLTextAreaElement | null} */ (document.getElementById("commenttext"));
const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));
const film = /** @type {HTMLVideoElement | null} */ (document.getElementById("film"));
const list = /** @type {HTMLElement} */ (document.getElementById("comments"));
/** @type {Record<string, string>} */ const texts = JSON.parse(document.getElementById("observationtexts")?.textContent ?? "{}");
/** @type {Record<string, number>} where each file of the recording begins on its clock, by its path */
const files = JSON.parse(document.getElementById("files")?.textContent ?? "{}");
const { session = "", account = "", csrf = "", recording = "" } = form.dataset;
const place = `comments-${session}-${account}`;
/** @type {Made[]} */ let made = JSON.parse(document.getElementById("commentsmade")?.textContent ?? "[]");
/** @type {Waiting[]} */ let waiting = JSON.parse(localStorage.getItem(place) ?? "[]");
/** @type {{made: number, at_ms: number} | null} */ let begun = null; // when the comment was begun
let sending = false;

/** Where the file that plays begins, in ms of the recording. */
const fileStart = () => files[new URL(film?.currentSrc || location.href).pathname] ?? 0;
const moment = () => ({ made: Date.now(), at_ms: Math.round(fileStart() + (film?.currentTime ?? 0) * 1000) });

/** @param {number} ms */
function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Go to a moment of the recording: its player does that. @param {number} ms */
const jump = (ms) => film?.dispatchEvent(new CustomEvent("jump", { detail: ms }));

/** @param {Waiting} entry @returns {Made} */
function shown(entry) {
  return { id: entry.id, who: "", at: new Date(entry.made).toISOString(), text: entry.text, answers: entry.answers, recording: entry.recording, at_ms: entry.at_ms };
}

function draw() {
  const unsent = waiting.filter((each) => !made.some((known) => known.id === each.id));
  const all = [...made, ...unsent.map(shown)];
  const writing = /** @type {HTMLTextAreaElement | null} */ (list.querySelector("details[open] textarea"));
  if (writing?.value) return; // it would be lost
  list.replaceChildren(...all.filter((each) => !each.answers).map((each) => item(each, all)));
  /** @type {HTMLElement} */ (document.getElementById("nocomments")).hidden = all.length > 0;
}

/** @param {Made} comment @param {Made[]} all */
function item(comment, all) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("commentitem"));
  const found = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (found.querySelector(name));
  const when = /** @type {HTMLButtonElement} */ (part(".when"));
  found.id = `c-${comment.id}`;
  const here = film && comment.at_ms !== null && comment.recording === recording;
  when.textContent = here ? clock(comment.at_ms ?? 0) : new Date(comment.at).toLocaleTimeString("en-GB", { timeZone: list.dataset.zone });
  when.disabled = !here;
  if (here) {
    when.setAttribute("aria-label", texts.jump.replace("{time}", when.textContent));
    when.addEventListener("click", () => jump(comment.at_ms ?? 0));
  }
  part(".by").textContent = comment.who;
  part(".words").textContent = comment.text;
  const unsent = waiting.some((each) => each.id === comment.id);
  part(".unsent").textContent = unsent ? texts.unsent : "";
  for (const answer of all.filter((each) => each.answers === comment.id)) {
    const line = document.createElement("li");
    line.append(Object.assign(document.createElement("b"), { textContent: answer.who }), ` ${answer.text}`);
    part(".answers").append(line);
  }
  part(".answering").hidden = unsent;
  found.querySelector("form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const field = /** @type {HTMLTextAreaElement} */ (found.querySelector("textarea"));
    queue(field.value, { ...moment(), answers: comment.id });
    field.value = "";
    draw();
  });
  return found;
}

/** A random id, on plain http too. */
function fresh() {
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** @param {string} words @param {{made: number, at_ms: number, answers?: string}} about */
function queue(words, about) {
  if (!words.trim()) return;
  waiting.push({ id: fresh(), text: words.trim(), made: about.made, at_ms: about.at_ms, recording: recording || null, answers: about.answers ?? null });
  store();
  draw();
  void flush();
}

function store() {
  if (waiting.length) localStorage.setItem(place, JSON.stringify(waiting));
  else localStorage.removeItem(place);
}

async function flush() {
  if (sending) return;
  sending = true;
  try {
    while (waiting.length) {
      const [next] = waiting;
      /** @type {Record<string, unknown>} */ const body = { id: next.id, text: next.text };
      if (next.answers) body.answers = next.answers;
      else if (next.recording) Object.assign(body, { recording: next.recording, at_ms: next.at_ms });
      else body.ago_ms = Math.max(0, Date.now() - next.made);
      made = (await call("POST", `/api/v1/sessions/${session}/comments`, csrf, body)).comments;
      waiting = waiting.filter((each) => each.id !== next.id);
      store();
      problem.hidden = true;
      draw();
    }
  } catch (error) {
    const away = error instanceof TypeError || error instanceof SyntaxError;
    problem.textContent = away ? texts.kept : String(/** @type {Error} */ (error).message);
    problem.hidden = false;
    setTimeout(() => void flush(), AGAIN);
  } finally {
    sending = false;
  }
}

text?.addEventListener("input", () => {
  begun = text.value ? (begun ?? moment()) : null;
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!text) return;
  queue(text.value, begun ?? moment());
  text.value = "";
  begun = null;
});
window.addEventListener("online", () => void flush());
const linked = /^#t=(\d+)$/.exec(location.hash);
if (linked) jump(Number(linked[1]));
draw();
void flush();
