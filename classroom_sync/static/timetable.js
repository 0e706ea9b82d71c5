// @ts-check
// Changing a draft: every edit is one call of the API, whose answer undoes it; then the board is
// read anew, so that conflicts and score are the server's.
import { call } from "./api.js";
import { working } from "./working.js";
import { element, fill, texts } from "./page.js";

/** @typedef {{id: string, weekday: number, period: number, locked: boolean, [name: string]: unknown}} Lesson */

const tools = element("editing");
const dialog = /** @type {HTMLDialogElement} */ (element("lesson"));
const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
const { csrf = "", version = "" } = tools.dataset;

/** What undoes this page's edits, the newest last. @type {unknown[]} */
const undos = [];
/** @type {Lesson | null} */
let picked = null;
/** Where the picked lesson would be put down. @type {{weekday: number, period: number} | null} */
let target = null;
let swapping = false;
/** @type {Lesson | null} */
let editing = null;

/** @param {Element | null} inside @returns {Lesson | null} */
function lessonAt(inside) {
  const slot = /** @type {HTMLElement | null} */ (inside?.closest("[data-lesson]") ?? null);
  return slot ? JSON.parse(slot.dataset.lesson ?? "") : null;
}

/** @param {{weekday: number, period: number}} at @returns {HTMLElement | null} */
function cellOf(at) {
  return document.querySelector(`td[data-weekday="${at.weekday}"][data-period="${at.period}"]`);
}

/** A UUID (RFC 9562, version 4); crypto.randomUUID is missing where a page has no HTTPS. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** @param {string} id */
const slotOf = (id) => document.getElementById(`lesson-${id}`);

/** @param {string} text */
function say(text) {
  element("said").textContent = text;
}

/** @param {unknown} error */
function complain(error) {
  const box = element("problem");
  box.textContent = error instanceof TypeError ? texts.away : error instanceof Error ? error.message : "";
  box.hidden = !error;
}

function draw() {
  for (const slot of document.querySelectorAll(".slot[draggable]")) {
    slot.setAttribute("aria-current", String(slot.id === `lesson-${picked?.id}`));
  }
  for (const cell of document.querySelectorAll("td.target")) cell.classList.remove("target");
  if (target) cellOf(target)?.classList.add("target");
  for (const id of ["edit", "swap", "lock", "remove"]) {
    /** @type {HTMLButtonElement} */ (element(id)).disabled = !picked;
  }
  /** @type {HTMLButtonElement} */ (element("undo")).disabled = undos.length === 0;
  element("swap").setAttribute("aria-pressed", String(swapping));
}

/** @param {Lesson | null} lesson */
function pick(lesson) {
  picked = lesson;
  target = null;
  swapping = false;
  if (lesson) say(fill(texts.picked, { lesson: slotOf(lesson.id)?.querySelector("b")?.textContent ?? "" }));
  draw();
}

async function redraw() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const read = new DOMParser().parseFromString(await answer.text(), "text/html");
  const board = read.getElementById("board");
  if (!board) throw new TypeError("no board");
  element("board").replaceWith(document.adoptNode(board));
}

/** @param {{put?: unknown[], remove?: string[]}} changes @param {string} said @param {string} [focus] */
const change = (changes, said, focus) => send("changes", changes, said, focus);

/** One step, that one undo takes back. @param {string} what @param {unknown} body @param {string} said @param {string} [focus] */
async function send(what, body, said, focus) {
  try {
    const answer = await working(call("POST", `/api/v1/timetable/versions/${version}/${what}`, csrf, body));
    complain(null);
    undos.push(answer.undo);
    await redraw();
    pick(null);
    say(said);
    if (focus) slotOf(focus)?.focus();
  } catch (error) {
    complain(error);
    pick(picked);
  }
}

async function undo() {
  const last = undos.pop();
  if (!last) return;
  try {
    await working(call("POST", `/api/v1/timetable/versions/${version}/changes`, csrf, last));
    complain(null);
    await redraw();
    say(texts.undone);
  } catch (error) {
    undos.push(last);
    complain(error);
  }
  pick(null);
}

/** @param {Lesson} lesson @param {{weekday: number, period: number}} at */
function move(lesson, at) {
  if (lesson.weekday === at.weekday && lesson.period === at.period) return pick(null);
  const place = cellOf(at)?.getAttribute("aria-label") ?? "";
  return change({ put: [{ ...lesson, ...at }] }, fill(texts.put, { place }), lesson.id);
}

/** @param {Lesson} one @param {Lesson} other */
function swap(one, other) {
  const put = [
    { ...one, weekday: other.weekday, period: other.period },
    { ...other, weekday: one.weekday, period: one.period },
  ];
  return change({ put }, fill(texts.put, { place: cellOf(other)?.getAttribute("aria-label") ?? "" }), one.id);
}

/** @param {Lesson} lesson */
function choose(lesson) {
  if (swapping && picked && picked.id !== lesson.id) return swap(picked, lesson);
  return pick(picked?.id === lesson.id ? null : lesson);
}

/** @param {string} key */
function step(key) {
  if (!picked) return;
  const from = target ?? picked;
  const cells = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("td[data-period]")]);
  const at = {
    weekday: from.weekday + (key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0),
    period: from.period + (key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0),
  };
  const cell = cellOf(at);
  if (!cell || !cells.includes(cell)) return;
  target = at;
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  say(fill(texts.at, { place: cell.getAttribute("aria-label") ?? "" }));
  draw();
}

document.addEventListener("click", (event) => {
  const at = /** @type {Element} */ (event.target);
  if (at.closest("details, dialog")) return;
  const lesson = lessonAt(at);
  if (lesson) void choose(lesson);
});

document.addEventListener("keydown", (event) => {
  const at = /** @type {Element} */ (event.target);
  if (dialog.open || at.closest("input, select, summary, button, a")) return;
  if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    void undo();
  } else if (event.key === "Escape") {
    pick(null);
  } else if (event.key.startsWith("Arrow") && picked && !swapping) {
    event.preventDefault();
    step(event.key);
  } else if (event.key === "Enter" || event.key === " ") {
    const lesson = lessonAt(at);
    if (!lesson) return;
    event.preventDefault();
    if (picked && target) void move(picked, target);
    else void choose(lesson);
  } else if (event.key === "Delete" && picked) {
    element("remove").click();
  }
});

document.addEventListener("dragstart", (event) => {
  const lesson = lessonAt(/** @type {Element} */ (event.target));
  if (!lesson || !event.dataTransfer) return;
  event.dataTransfer.setData("text/plain", lesson.id);
  event.dataTransfer.effectAllowed = "move";
  pick(lesson);
});

document.addEventListener("dragover", (event) => {
  const cell = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("td[data-period]"));
  if (!cell || !picked) return;
  event.preventDefault();
  target = { weekday: Number(cell.dataset.weekday), period: Number(cell.dataset.period) };
  draw();
});

document.addEventListener("drop", (event) => {
  if (!picked || !target) return;
  event.preventDefault();
  void move(picked, target);
});

document.addEventListener("dragend", () => pick(null));

element("remove").addEventListener("click", () => {
  if (picked) void change({ remove: [picked.id] }, "");
});
element("lock").addEventListener("click", () => {
  if (picked) void change({ put: [{ ...picked, locked: !picked.locked }] }, "", picked.id);
});
element("swap").addEventListener("click", () => {
  swapping = !swapping;
  target = null;
  say(swapping ? texts.swap : "");
  draw();
});
element("copy-weeks").addEventListener("submit", (event) => {
  event.preventDefault();
  const by = /** @type {HTMLButtonElement} */ (event.submitter);
  const fields = /** @type {HTMLInputElement[]} */ ([...element("copy-weeks").querySelectorAll("input")]);
  const range = Object.fromEntries(fields.map((field) => [field.name, Number(field.value)]));
  void send("weeks", { copy_of: by.value, ...(by.value === "range" ? range : {}) }, texts.copied);
});
element("undo").addEventListener("click", () => void undo());
element("add").addEventListener("click", () => open(null));
element("edit").addEventListener("click", () => open(picked));

/** @param {Lesson | null} lesson */
function open(lesson) {
  editing = lesson;
  form.reset();
  const receivers = /** @type {Record<string, string | null>[]} */ (lesson?.receivers ?? []);
  for (const field of form.querySelectorAll("select")) {
    const group = field.closest("fieldset.receiver");
    const from = group ? receivers[[...form.querySelectorAll("fieldset.receiver")].indexOf(group)] : lesson;
    if (from) field.value = String(from[field.name] ?? "");
  }
  dialog.returnValue = "";
  dialog.showModal();
}

dialog.addEventListener("close", () => {
  if (dialog.returnValue !== "save") return;
  /** @param {string} name @param {Element} [inside] */
  const value = (name, inside = form) =>
    /** @type {HTMLSelectElement} */ (inside.querySelector(`[name="${name}"]`)).value;
  const receivers = [...form.querySelectorAll("fieldset.receiver")]
    .map((group) => ({
      class_id: value("class_id", group),
      room_id: value("room_id", group),
      assistant_id: value("assistant_id", group) || null,
    }))
    .filter((r) => r.class_id && r.room_id);
  // Those that the form has no room for stay as they are.
  const more = /** @type {Record<string, string | null>[]} */ (editing?.receivers ?? []).slice(form.querySelectorAll("fieldset.receiver").length);
  const lesson = {
    interactive: true,
    ...(editing ?? { id: newId() }),
    weekday: Number(value("weekday")),
    period: Number(value("period")),
    weeks: value("weeks"),
    subject: value("subject"),
    lead_teacher_id: value("lead_teacher_id"),
    lead_room_id: value("lead_room_id"),
    receivers: [...receivers, ...more],
  };
  void change({ put: [lesson] }, "", String(lesson.id));
});

draw();
