// @ts-check
// The form for a school's bells: rows are periods, numbered in order; sent to the API as a whole.
import { call } from "./api.js";
import { working } from "./working.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("#bells"));
const body = /** @type {HTMLTableSectionElement} */ (form.querySelector("tbody"));
const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));

function rows() {
  return /** @type {HTMLTableRowElement[]} */ ([...body.querySelectorAll("tr.ring")]);
}

/** @param {HTMLTableRowElement} row @param {string} end */
function field(row, end) {
  return /** @type {HTMLInputElement} */ (row.querySelector(`input.${end}`));
}

function number() {
  const all = rows();
  all.forEach((row, index) => {
    row.cells[0].textContent = String(index + 1);
    for (const end of ["starts", "ends", "by-hand"]) {
      const input = field(row, end);
      input.dataset.label ??= input.getAttribute("aria-label") ?? "";
      input.setAttribute("aria-label", `${index + 1}: ${input.dataset.label}`);
    }
  });
  /** @type {HTMLButtonElement} */ (form.querySelector("#more")).disabled = all.length >= Number(form.dataset.most);
  /** @type {HTMLButtonElement} */ (form.querySelector("#fewer")).disabled = all.length <= 1;
}

form.querySelector("#more")?.addEventListener("click", () => {
  const row = /** @type {HTMLTableRowElement} */ (rows()[rows().length - 1].cloneNode(true));
  for (const end of ["starts", "ends"]) field(row, end).value = "";
  field(row, "by-hand").checked = false;
  body.append(row);
  number();
  field(row, "starts").focus();
});

form.querySelector("#fewer")?.addEventListener("click", () => {
  rows().pop()?.remove();
  number();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  const periods = rows().map((row, index) => ({ period: index + 1, starts: field(row, "starts").value, ends: field(row, "ends").value, by_hand: field(row, "by-hand").checked }));
  const day = /** @type {HTMLInputElement} */ (form.querySelector("#first-day")).value;
  const school = form.dataset.school ?? "";
  try {
    await working(call("PUT", `/api/v1/schools/${school}/bells/${day}`, form.dataset.csrf ?? "", { periods }));
    location.assign(`/admin/bells?school=${school}`);
  } catch (error) {
    problem.textContent = error instanceof Error ? error.message : String(error);
    problem.hidden = false;
  }
});

number();
