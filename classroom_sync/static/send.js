// @ts-check
// Sending to classes: the form that sends, and the one that uploads.

import { call } from "./api.js";
import { fill, texts } from "./page.js";
import { remove, upload } from "./tus.js";

const form = /** @type {HTMLFormElement | null} */ (document.querySelector("#send"));
const uploading = /** @type {HTMLFormElement | null} */ (document.querySelector("#upload"));

/** @param {HTMLFormElement} where @param {string} text */
function problem(where, text) {
  const box = /** @type {HTMLElement} */ (where.querySelector(".problem"));
  box.textContent = text;
  box.hidden = !text;
}

/** A question as it was written. @param {Element} where */
function questionIn(where) {
  const written = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (where.querySelector(`[name=${name}]`)).value;
  const kind = written("kind");
  if (kind === "text") return { kind, text: written("text"), options: [], right: [] };
  const right = [...marksOf(where)].flatMap((mark, place) => (mark.checked ? [place] : []));
  return { kind, text: written("text"), options: optionsIn(where), right };
}

/** @param {Element} where */
const optionsIn = (where) => /** @type {HTMLTextAreaElement} */ (where.querySelector("[name=options]")).value.split("\n").map((line) => line.trim()).filter(Boolean);

/** The ticks that say which options are right. @param {Element} where @returns {NodeListOf<HTMLInputElement>} */
const marksOf = (where) => where.querySelectorAll(".right input");

/** A tick for each option; who ticked one keeps it while they write on. @param {HTMLElement} where */
function drawMarks(where) {
  const kind = /** @type {HTMLSelectElement} */ (where.querySelector("[name=kind]")).value;
  const ticked = new Set([...marksOf(where)].filter((mark) => mark.checked).map((mark) => mark.value));
  const options = kind === "text" ? [] : optionsIn(where);
  const place = /** @type {HTMLElement} */ (where.querySelector(".right"));
  place.hidden = !options.length;
  place.replaceChildren(/** @type {Element} */ (place.firstElementChild), ...options.map((option) => {
    const mark = Object.assign(document.createElement("input"), { type: "checkbox", value: option, checked: ticked.has(option) });
    mark.addEventListener("change", () => {
      for (const other of kind === "single" && mark.checked ? marksOf(where) : []) other.checked = other === mark;
    });
    const label = Object.assign(document.createElement("label"), { className: "tick" });
    label.append(mark, ` ${option}`);
    return label;
  }));
}

const ask = /** @type {HTMLButtonElement | null} */ (document.querySelector("#ask"));

/** Another question can be added while there are fewer than may be. */
function count() {
  if (ask) ask.disabled = document.querySelectorAll("#asked .question").length >= Number(ask.dataset.most);
}

ask?.addEventListener("click", () => {
  const template = /** @type {HTMLTemplateElement} */ (document.querySelector("#question"));
  const made = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  const kind = /** @type {HTMLSelectElement} */ (made.querySelector("[name=kind]"));
  const options = /** @type {HTMLElement} */ (made.querySelector(".options"));
  kind.addEventListener("change", () => {
    options.hidden = kind.value === "text";
    for (const mark of marksOf(made)) mark.checked = false; // of one of several only one is right
    drawMarks(made);
  });
  options.addEventListener("input", () => drawMarks(made));
  made.querySelector("button")?.addEventListener("click", () => {
    made.remove();
    count();
    ask.focus();
  });
  document.querySelector("#asked")?.append(made);
  /** @type {HTMLInputElement} */ (made.querySelector("[name=text]")).focus();
  count();
});

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  const classes = fields.getAll("class");
  const questions = [...form.querySelectorAll(".question")].map(questionIn);
  if (!classes.length) return problem(form, texts.none);
  problem(form, "");
  try {
    await call("POST", "/api/v1/pushes", form.dataset.csrf ?? "", { item: form.dataset.item, classes, note: fields.get("note"), due_on: fields.get("due"), questions });
    location.assign("/sent");
  } catch (error) {
    problem(form, error instanceof Error ? error.message : String(error));
  }
});

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-delete]"))) {
  button.addEventListener("click", async () => {
    const said = await remove(button.dataset.delete ?? "", button.dataset.csrf ?? "");
    const box = /** @type {HTMLElement} */ (document.querySelector("#itemproblem"));
    box.textContent = said;
    box.hidden = !said;
    if (!said) button.closest("li")?.remove();
  });
}

/** @template {HTMLElement} T @param {HTMLElement} where @param {string} selector @returns {T} */
const within = (where, selector) => /** @type {T} */ (where.querySelector(selector));

const KINDS = { ".mp4": "lesson", ".webm": "lesson", ".pdf": "slides", ".pptx": "slides", ".docx": "worksheet" };

if (uploading) {
  const file = /** @type {HTMLInputElement} */ (within(uploading, "#file"));
  const kind = /** @type {HTMLSelectElement} */ (within(uploading, "#kind"));
  const bar = /** @type {HTMLProgressElement} */ (within(uploading, "progress"));
  const said = within(uploading, "#said");
  const stop = within(uploading, "#stop");
  const go = /** @type {HTMLButtonElement} */ (within(uploading, "button.primary"));
  file.addEventListener("change", () => {
    const suffix = /\.\w+$/.exec(file.files?.[0]?.name.toLowerCase() ?? "")?.[0] ?? "";
    if (suffix in KINDS) kind.value = KINDS[/** @type {keyof typeof KINDS} */ (suffix)];
  });
  uploading.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = file.files?.[0];
    if (!chosen) return;
    const aborting = new AbortController();
    stop.onclick = () => aborting.abort();
    problem(uploading, "");
    stop.hidden = bar.hidden = false;
    go.disabled = true;
    const mb = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(1);
    const show = (/** @type {number} */ sent) => {
      bar.value = (100 * sent) / chosen.size;
      said.textContent = sent < chosen.size ? fill(texts.sending, { done: mb(sent), all: mb(chosen.size) }) : texts.checking;
    };
    show(0);
    try {
      const metadata = { filename: chosen.name, kind: kind.value, subject: /** @type {HTMLSelectElement} */ (within(uploading, "#subject")).value };
      const url = await upload(chosen, metadata, uploading.dataset.csrf ?? "", show, () => (said.textContent = texts.away), aborting.signal);
      location.assign(`/sent/new?item=${url.split("/").pop()}`);
      return;
    } catch (error) {
      if (!aborting.signal.aborted) problem(uploading, error instanceof Error ? error.message : String(error));
      said.textContent = aborting.signal.aborted ? texts.stopped : "";
    }
    stop.hidden = bar.hidden = true;
    go.disabled = false;
  });
}
