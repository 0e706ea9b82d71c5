// @ts-check
// Forms with data-api: their fields go to the API as JSON; a refusal is shown in the form, success
// leads on to data-then ("": this page again; {name}: from the answer). Forms with data-now are sent
// when a choice in them changes.
import { call } from "./api.js";

/** A field "list.name" belongs to the one element of a list. @param {Record<string, any>} found
 * @param {string} name @param {unknown} value */
function put(found, name, value) {
  const [list, inner] = name.split(".");
  if (inner === undefined) found[name] = value;
  else (found[list] ??= [{}])[0][inner] = value;
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
    else put(found, input.name, input.dataset.kind === "number" ? Number(input.value) : input.value);
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
    if (then) location.assign(then);
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
