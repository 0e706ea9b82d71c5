// @ts-check
// The form of a register: checkboxes of a fieldset with data-list become a list; a new school's code
// is part of its address.
import { call } from "./api.js";
import { working } from "./working.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("#entry"));
const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  /** @type {Record<string, unknown>} */
  const body = {};
  for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("input[name], select[name]"))) {
    if (input.value !== "" && !input.disabled) body[input.name] = input.dataset.kind === "number" ? Number(input.value) : input.value;
  }
  for (const list of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-list]"))) {
    const chosen = /** @type {NodeListOf<HTMLInputElement>} */ (list.querySelectorAll("input:checked"));
    body[list.dataset.list ?? ""] = [...chosen].map((input) => input.value);
  }
  const code = /** @type {HTMLInputElement | null} */ (form.querySelector("#code"));
  const path = (form.dataset.to ?? "").replace("{code}", encodeURIComponent(code?.value ?? ""));
  problem.hidden = true;
  try {
    await working(call(form.dataset.method ?? "POST", path, form.dataset.csrf ?? "", body));
    location.assign(form.dataset.then ?? "");
  } catch (error) {
    problem.textContent = error instanceof Error ? error.message : String(error);
    problem.hidden = false;
  }
});

// Only a receiving school has a hub.
const role = /** @type {HTMLSelectElement | null} */ (form.querySelector("select[name=role]"));
const hub = /** @type {HTMLSelectElement | null} */ (form.querySelector("select[name=hub_code]"));
if (role && hub) {
  const follow = () => { hub.disabled = role.value === "hub"; };
  role.addEventListener("change", follow);
  follow();
}
