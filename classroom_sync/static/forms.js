// @ts-check
// Forms with data-api: their fields go to the API as JSON; a refusal is shown in the form, success
// leads on to data-then ("": this page again; {name}: from the answer). Where the answer says
// something (`said`), it is shown in the form's .said, and leads on by a link. Forms with data-now are
// sent when a choice in them changes.
import { call } from "./api.js";

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

/** Show what was done, in place of the form's buttons. @param {HTMLFormElement} form
 * @param {string[]} sentences @param {string} then */
function tell(form, sentences, then) {
  const box = /** @type {HTMLElement} */ (form.querySelector(".said"));
  const list = document.createElement("ul");
  list.className = "told";
  list.append(...sentences.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  const on = document.createElement("a");
  on.href = then || location.href;
  on.textContent = box.dataset.next ?? "";
  box.replaceChildren(Object.assign(document.createElement("b"), { textContent: box.dataset.heading }), list, on);
  for (const button of form.querySelectorAll("button")) button.remove();
  box.hidden = false;
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
    const said = await call(method, form.dataset.api ?? "", form.dataset.csrf ?? "", body);
    const then = (form.dataset.then ?? "").replace(/\{(\w+)\}/, (_, name) => String(said[name]));
    if (said?.said?.length && form.querySelector(".said")) tell(form, said.said, then);
    else if (then) location.assign(then);
    else location.reload();
  } catch (error) {
    problem.textContent = error instanceof Error ? error.message : String(error);
    problem.hidden = false;
  }
}

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.dataset.api) return;
  event.preventDefault();
  void send(form, event.submitter);
});

for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form[data-now]"))) {
  form.addEventListener("change", () => form.requestSubmit());
}
