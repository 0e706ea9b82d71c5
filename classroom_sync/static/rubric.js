// @ts-check
// The city's rubric: lines are added, moved and removed; saved, it is a new version.

import { call } from "./api.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("rubric"));
const list = /** @type {HTMLElement} */ (document.getElementById("criteria"));
const sum = /** @type {HTMLElement} */ (document.getElementById("sum"));
const template = /** @type {HTMLTemplateElement} */ (document.getElementById("criterion"));
const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));

/** @param {ParentNode} of @param {string} name */
const field = (of, name) => /** @type {HTMLInputElement} */ (of.querySelector(`[name="${name}"]`));
const lines = () => [...list.children];

function add() {
  const total = lines().reduce((found, line) => found + Number(field(line, "weight").value), 0);
  sum.textContent = (sum.dataset.words ?? "").replace("{sum}", String(total));
  sum.classList.toggle("wrong", total !== 100);
}

list.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement} */ (event.target);
  const line = button.closest("li");
  if (button.classList.contains("up") && line?.previousElementSibling) {
    line.previousElementSibling.before(line);
    button.focus();
  }
  if (button.classList.contains("remove") && line && lines().length > 1) {
    field(line.nextElementSibling ?? line.previousElementSibling ?? form, "name_zh").focus();
    line.remove();
  }
  add();
});
form.addEventListener("input", add);
document.getElementById("add")?.addEventListener("click", () => {
  list.append(template.content.cloneNode(true));
  field(/** @type {Element} */ (list.lastElementChild), "name_zh").focus();
  add();
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = ["name_zh", "name_en", "hint_zh", "hint_en"];
  const criteria = lines().map((line) => ({
    ...Object.fromEntries(words.map((name) => [name, field(line, name).value])),
    weight: Number(field(line, "weight").value),
  }));
  const [titleZh, titleEn, scale] = ["title_zh", "title_en", "scale"].map((name) => field(form, name).value);
  try {
    await call("POST", "/api/v1/rubric", form.dataset.csrf ?? "", {
      after: Number(form.dataset.after),
      title_zh: titleZh,
      title_en: titleEn,
      scale,
      criteria,
    });
    location.reload();
  } catch (error) {
    problem.textContent = error instanceof Error ? error.message : String(error);
    problem.hidden = false;
  }
});
add();
