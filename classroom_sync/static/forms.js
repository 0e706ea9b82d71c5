// @ts-check
// Forms with data-api: their fields go to the API as JSON; a refusal is shown in the form, success
// leads on to data-then ("": this page again; {name}: from the answer). Where the answer says
// something (`said`), it is shown in the form's .said, and leads on by a link. Forms with data-first ask
// that address first, and where it says something, show it in .foretold and wait to be sent once more.
// Forms with data-undo say that it is done and can be undone, and are sent a few seconds later, or when
// the page is left: for what can't be taken back once it is done.
// Forms with data-now are sent when a choice in them changes. The ticks of a fieldset with data-list are
// a list.
import { call } from "./api.js";
import { working } from "./working.js";

/** A field "list.name" belongs to the one element of a list, "object:key" to an object. @param {Record<string, any>} found
 * @param {string} name @param {unknown} value */
function put(found, name, value) {
  const [object, key] = name.split(":");
  const [list, inner] = name.split(".");
  if (key !== undefined) (found[object] ??= {})[key] = value;
  else if (inner === undefined) found[name] = value;
  else (found[list] ??= [{}])[0][inner] = value;
}

/** @param {HTMLInputElement} input */
function valueOf(input) {
  if (input.dataset.kind === "number") return Number(input.value);
  return input.dataset.kind === "json" ? JSON.parse(input.value) : input.value;
}

/** @param {string[]} sentences */
function listOf(sentences) {
  const list = document.createElement("ul");
  list.className = "told";
  list.append(...sentences.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  return list;
}

/** Whether the form may be sent: nothing speaks against it, or the person has been told and has sent
 * it once more. @param {HTMLFormElement} form @param {unknown} body */
async function agreed(form, body) {
  const box = /** @type {HTMLElement} */ (form.querySelector(".foretold"));
  const asked = JSON.stringify(body);
  if (!form.dataset.first || box.dataset.asked === asked) return true;
  const { said } = await call("POST", form.dataset.first, form.dataset.csrf ?? "", body);
  box.replaceChildren(Object.assign(document.createElement("b"), { textContent: box.dataset.heading }), listOf(said));
  box.dataset.asked = asked;
  box.dataset.said = JSON.stringify(said);
  box.hidden = !said.length;
  return !said.length;
}

/** Show what was done, in place of the form's buttons, and of what the page said before. @param {HTMLFormElement} form
 * @param {string[]} sentences @param {string} then */
function tell(form, sentences, then) {
  const box = /** @type {HTMLElement} */ (form.querySelector(".said"));
  const on = document.createElement("a");
  on.href = then || location.href;
  on.textContent = box.dataset.next ?? "";
  box.replaceChildren(Object.assign(document.createElement("b"), { textContent: box.dataset.heading }), listOf(sentences), on);
  for (const button of form.querySelectorAll("button")) button.remove();
  box.hidden = false;
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-before]"))) each.hidden = true;
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-after]"))) each.hidden = false;
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} by */
function fieldsOf(form, by) {
  /** @type {Record<string, unknown>} */
  const found = {};
  for (const field of form.elements) {
    const input = /** @type {HTMLInputElement} */ (field);
    if (!input.name || input.tagName === "BUTTON") continue;
    if (input.type === "radio" && !input.checked) continue;
    if (input.type === "checkbox") found[input.name] = input.checked;
    else if (input.value === "") continue;
    else put(found, input.name, valueOf(input));
  }
  for (const list of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-list]"))) {
    const ticked = /** @type {NodeListOf<HTMLInputElement>} */ (list.querySelectorAll("input:checked"));
    found[list.dataset.list ?? ""] = [...ticked].map((input) => input.value);
  }
  const button = /** @type {HTMLButtonElement | null} */ (by);
  if (button?.name) found[button.name] = button.dataset.kind === "boolean" ? button.value === "true" : button.value;
  return found;
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} by */
async function send(form, by) {
  const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));
  const method = form.dataset.method ?? "POST";
  problem.hidden = true;
  try {
    const body = method === "DELETE" ? undefined : fieldsOf(form, by);
    if (!(await agreed(form, body))) return;
    const said = await call(method, form.dataset.api ?? "", form.dataset.csrf ?? "", body);
    const then = (form.dataset.then ?? "").replace(/\{(\w+)\}/, (_, name) => String(said[name]));
    const foretold = /** @type {HTMLElement | null} */ (form.querySelector(".foretold"))?.dataset.said;
    if (said?.said?.length && form.querySelector(".said") && JSON.stringify(said.said) !== foretold) tell(form, said.said, then);
    else if (then) location.assign(then);
    else location.reload();
  } catch (error) {
    problem.textContent = error instanceof Error ? error.message : String(error);
    problem.hidden = false;
  }
}

const UNDO_FOR = 6000; // milliseconds

/** @param {HTMLFormElement} form */
function sendUnlessUndone(form) {
  const said = Object.assign(document.createElement("p"), { className: "undo" });
  const undo = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: form.dataset.undoLabel });
  said.setAttribute("role", "status");
  said.append(form.dataset.undo ?? "", " ", undo);
  form.hidden = true;
  form.after(said);
  undo.focus();
  const timer = setTimeout(() => done(true), UNDO_FOR);
  const leaving = () => done(true);
  window.addEventListener("pagehide", leaving);

  /** @param {boolean} sent */
  function done(sent) {
    clearTimeout(timer);
    window.removeEventListener("pagehide", leaving);
    said.remove();
    form.hidden = false;
    if (sent) void working(send(form, null));
    else form.querySelector("button")?.focus();
  }
  undo.addEventListener("click", () => done(false));
}

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.dataset.api) return;
  event.preventDefault();
  if (form.dataset.undo) {
    sendUnlessUndone(form);
    return;
  }
  if (form.ariaBusy === "true") return; // it has been sent, and is not answered yet
  form.ariaBusy = "true";
  void working(send(form, event.submitter)).finally(() => (form.ariaBusy = "false"));
});

for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form[data-now]"))) {
  form.addEventListener("change", () => form.requestSubmit());
}
