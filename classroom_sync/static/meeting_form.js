// @ts-check
// The form that calls or changes a meeting: lines of the agenda, and teachers by school.
import { call } from "./api.js";
import { element } from "./page.js";

const form = /** @type {HTMLFormElement} */ (element("call"));
const agenda = element("agenda");
const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));
/** @param {string} id */
const valueOf = (id) => /** @type {HTMLInputElement | null} */ (document.getElementById(id))?.value ?? "";

function lines() {
  return [...agenda.children].flatMap((line) => {
    const title = /** @type {HTMLInputElement} */ (line.querySelector(".itemtitle")).value.trim();
    const minutes = Number(/** @type {HTMLInputElement} */ (line.querySelector(".itemminutes")).value);
    const id = /** @type {HTMLElement} */ (line).dataset.id;
    return title ? [{ title, minutes: minutes || null, ...(id ? { id } : {}) }] : [];
  });
}

/** @param {string} text */
function refuse(text) {
  problem.textContent = text;
  problem.hidden = false;
  problem.scrollIntoView({ block: "center" });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  if (!form.reportValidity()) return;
  const chosen = /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("input[name=member]:checked"));
  const chair = valueOf("chair");
  const body = {
    title: valueOf("title"),
    subject: valueOf("subject") || null,
    grade: Number(valueOf("grade")) || null,
    day: valueOf("day"),
    starts: valueOf("starts"),
    minutes: Number(valueOf("minutes")),
    chair: chair || null,
    members: [...chosen].map((input) => input.value).filter((id) => id !== chair),
    agenda: lines(),
    ...(valueOf("plan") ? { plan: valueOf("plan") } : {}),
  };
  try {
    const made = await call(form.dataset.method ?? "POST", form.dataset.to ?? "", form.dataset.csrf ?? "", body);
    location.assign(made ? `/meetings/${made.session}` : (form.dataset.to ?? "").replace("/api/v1", ""));
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
});

element("more").addEventListener("click", () => {
  const template = /** @type {HTMLTemplateElement} */ (element("line"));
  agenda.append(template.content.cloneNode(true));
  /** @type {HTMLInputElement} */ (agenda.lastElementChild?.querySelector(".itemtitle")).focus();
});
agenda.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest(".takeoff");
  button?.closest("li")?.remove();
});
