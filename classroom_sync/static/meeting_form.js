// @ts-check
// The form that calls or changes a meeting: lines of the agenda, and teachers by school. Where somebody
// else changed it meanwhile, what they did is shown, and what was written here stays.
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

/** @typedef {{version: number, title: string, starts_at: string, ends_at: string, chair: string, members: string[],
 *   agenda: {id: string, title: string, minutes: number | null}[]}} Meeting */

const known = new Set([...agenda.children].map((line) => /** @type {HTMLElement} */ (line).dataset.id)); // items seen here

/** @param {string} id of a teacher */
function nameOf(id) {
  const tick = form.querySelector(`input[name=member][value="${CSS.escape(id)}"]`)?.closest("label");
  const choice = form.querySelector(`#chair option[value="${CSS.escape(id)}"]`);
  return (tick ?? choice)?.textContent?.trim() ?? "";
}

/** @param {{title: string, minutes: number | null, id?: string}} [item] */
function addLine(item) {
  const template = /** @type {HTMLTemplateElement} */ (element("line"));
  const line = /** @type {HTMLElement} */ (/** @type {Element} */ (template.content.firstElementChild).cloneNode(true));
  if (item?.id) line.dataset.id = item.id;
  /** @type {HTMLInputElement} */ (line.querySelector(".itemtitle")).value = item?.title ?? "";
  /** @type {HTMLInputElement} */ (line.querySelector(".itemminutes")).value = String(item?.minutes ?? "");
  agenda.append(line);
  return line;
}

/** Somebody changed it meanwhile: show how it is called now. Items that they put on the agenda come to those
 * written here; a second save is on top of theirs. @param {Meeting} theirs */
function conflict(theirs) {
  form.dataset.version = String(theirs.version);
  /** @param {string} at @param {Intl.DateTimeFormatOptions} how */
  const local = (at, how) => new Date(at).toLocaleString(document.documentElement.lang, { ...how, timeZone: form.dataset.zone });
  element("theirtitle").textContent = theirs.title;
  element("theirtime").textContent = `${local(theirs.starts_at, { dateStyle: "medium", timeStyle: "short" })} – ${local(theirs.ends_at, { timeStyle: "short" })}`;
  element("theirteachers").textContent = [theirs.chair, ...theirs.members].map(nameOf).filter(Boolean).join(form.dataset.comma);
  element("theiragenda").replaceChildren(...theirs.agenda.map((item) => Object.assign(document.createElement("li"), { textContent: item.title })));
  for (const item of theirs.agenda) {
    if (!known.has(item.id)) addLine(item);
    known.add(item.id);
  }
  element("conflict").hidden = false;
  element("conflict").scrollIntoView({ block: "center" });
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
    const on = form.dataset.version ? { "If-Match": `"${form.dataset.version}"` } : {};
    const made = await call(form.dataset.method ?? "POST", form.dataset.to ?? "", form.dataset.csrf ?? "", body, on);
    location.assign(made ? `/meetings/${made.session}` : (form.dataset.to ?? "").replace("/api/v1", ""));
  } catch (error) {
    const said = /** @type {{status: number, meeting: Meeting} | undefined} */ (error instanceof Error ? error.cause : undefined);
    if (said?.status === 412) return conflict(said.meeting);
    refuse(error instanceof Error ? error.message : String(error));
  }
});

element("more").addEventListener("click", () => {
  /** @type {HTMLInputElement} */ (addLine().querySelector(".itemtitle")).focus();
});
document.getElementById("keepmine")?.addEventListener("click", () => form.requestSubmit());
document.getElementById("taketheirs")?.addEventListener("click", () => location.reload());
agenda.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest(".takeoff");
  button?.closest("li")?.remove();
});
