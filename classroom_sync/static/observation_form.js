// @ts-check
// The observer's form: what changes is kept on this computer at once, saved on the server a moment
// later, and as often as it takes while the line is down. Submitted, it stays. The page goes on beside a
// lesson or a recording that plays, so it is never loaded anew for this.

import { call } from "./api.js";
import { element, fill } from "./page.js";

/** @typedef {{marks: Record<string, number | null>, notes: Record<string, string>, remark?: string}} Changes */

const SETTLE = 700; // ms without a change before it is saved
const AGAIN = 3000; // ms before what failed is tried again
const form = /** @type {HTMLFormElement | null} */ (document.getElementById("observation"));
/** @type {Record<string, string>} */ const texts = JSON.parse(document.getElementById("observationtexts")?.textContent ?? "{}");

/** @param {HTMLFormElement} form */
function keep(form) {
  const { session = "", account = "", csrf = "" } = form.dataset;
  const place = `observation-${session}-${account}`;
  const saved = /** @type {HTMLElement} */ (document.getElementById("saved"));
  const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));
  let id = form.dataset.observation ?? "";
  /** @type {Changes} */ let changed = { marks: {}, notes: {}, ...JSON.parse(localStorage.getItem(place) ?? "{}") };
  /** @type {Promise<void> | null} */ let sending = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ let timer;

  const nothing = () => !Object.keys(changed.marks).length && !Object.keys(changed.notes).length && changed.remark === undefined;
  const store = () => (nothing() ? localStorage.removeItem(place) : localStorage.setItem(place, JSON.stringify(changed)));

  /** @param {number} ms */
  function later(ms) {
    clearTimeout(timer);
    timer = setTimeout(() => flush().catch(() => {}), ms); // what is wrong has been said
  }

  /** What was sent and has not changed since is kept here no longer. @param {Changes} sent */
  function forget(sent) {
    for (const kind of /** @type {("marks" | "notes")[]} */ (["marks", "notes"])) {
      for (const [key, value] of Object.entries(sent[kind])) if (changed[kind][key] === value) delete changed[kind][key];
    }
    if (changed.remark === sent.remark) delete changed.remark;
    store();
  }

  /** Save what has changed; one at a time. @returns {Promise<void>} */
  function flush() {
    sending ??= send().finally(() => {
      sending = null;
    });
    return sending;
  }

  async function send() {
    if (nothing()) return;
    const sent = structuredClone(changed);
    saved.textContent = texts.saving;
    try {
      if (!id) id = (await call("POST", `/api/v1/sessions/${session}/observations`, csrf)).id;
      await call("PATCH", `/api/v1/observations/${id}`, csrf, sent);
      forget(sent);
      problem.hidden = true;
      saved.textContent = texts.saved.replace("{time}", new Date().toLocaleTimeString("en-GB", { timeZone: form.dataset.zone }));
      if (!nothing()) later(SETTLE);
    } catch (error) {
      const away = error instanceof TypeError || error instanceof SyntaxError; // no answer, or none of ours
      saved.textContent = away ? texts.kept : "";
      problem.textContent = error instanceof Error ? error.message : String(error);
      problem.hidden = away;
      later(AGAIN);
      throw error;
    }
  }

  /** Put marks and words into their fields. @param {Changes} found */
  function put(found) {
    for (const [position, mark] of Object.entries(found.marks)) {
      for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll(`[name="mark-${position}"]`))) {
        if (field.type === "radio") field.checked = field.value === String(mark);
        else field.value = mark === null ? "" : String(mark);
      }
    }
    for (const [position, note] of Object.entries(found.notes)) {
      const field = /** @type {HTMLTextAreaElement | null} */ (form.querySelector(`[name="note-${position}"]`));
      if (field) field.value = note;
    }
    if (found.remark !== undefined) /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("remark")).value = found.remark;
  }

  /** What one gave stands there instead of the form. @param {{score: number, submitted_at: string}} given */
  function submitted({ score, submitted_at }) {
    const at = new Date(submitted_at);
    const part = (/** @type {string} */ locale, /** @type {Intl.DateTimeFormatOptions} */ options) => at.toLocaleString(locale, { timeZone: form.dataset.zone, ...options });
    const day = `${part("sv-SE", { dateStyle: "short" })} ${part(document.documentElement.lang, { weekday: "short" })}`;
    const values = { day, time: part("en-GB", { timeStyle: "short" }), score: score.toFixed(1) };
    const outcome = element("outcome");
    outcome.textContent = fill(outcome.dataset.words ?? "", values);
    id = "";
    turn(true);
  }

  /** Show the form, or what was submitted. @param {boolean} done */
  function turn(done) {
    form.hidden = done;
    element("submitted").hidden = !done;
    /** @type {HTMLElement} */ ((done ? element("submitted") : form).querySelector(done ? "h2" : "input")).focus();
  }

  async function correct() {
    const wrong = /** @type {HTMLElement} */ (element("correct").querySelector(".problem"));
    try {
      const begun = await call("POST", `/api/v1/sessions/${session}/observations`, csrf);
      id = begun.id;
      const given = /** @type {{position: number, mark: number | null, note: string}[]} */ (begun.marks);
      put({ marks: Object.fromEntries(given.map((m) => [m.position, m.mark])), notes: Object.fromEntries(given.map((m) => [m.position, m.note])), remark: begun.remark });
      wrong.hidden = true;
      saved.textContent = "";
      element("corrects").hidden = false;
      turn(false);
    } catch (error) {
      wrong.textContent = error instanceof Error ? error.message : String(error);
      wrong.hidden = false;
    }
  }

  form.addEventListener("input", (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    const [kind, position] = field.name.split("-");
    if (kind === "mark") changed.marks[position] = field.value === "" ? null : Number(field.value);
    else if (kind === "note") changed.notes[position] = field.value;
    else changed.remark = field.value;
    store();
    later(SETTLE);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      while (!nothing()) await flush();
      if (!id) id = (await call("POST", `/api/v1/sessions/${session}/observations`, csrf)).id;
      submitted(await call("POST", `/api/v1/observations/${id}/submission`, csrf));
    } catch (error) {
      problem.textContent = error instanceof TypeError ? texts.kept : String(/** @type {Error} */ (error).message);
      problem.hidden = false;
      problem.scrollIntoView({ block: "center" });
    }
  });
  window.addEventListener("online", () => later(0));
  element("correct").addEventListener("submit", (event) => {
    event.preventDefault();
    void correct();
  });
  put(changed);
  if (!nothing()) later(0);
}

if (form) keep(form);
