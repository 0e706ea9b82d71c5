// @ts-check
// The shared lesson plan: written, saved as versions, compared, brought back. A save names the version
// it was written on; where another was saved meanwhile, both are shown, and nothing is thrown away.

import { call } from "./api.js";
import { element, fill, texts } from "./page.js";

/** @typedef {{version: number, author: string, saved_at: string, restores: number | null}} Version */
/** @typedef {Version & {text: string, html: string, versions: Version[]}} Plan */
/** @typedef {{change: "same" | "added" | "removed", text: string}} Line */

const root = element("plan");
const path = `/api/v1/plans/${root.dataset.plan}`;
const csrf = root.dataset.csrf ?? "";
const text = /** @type {HTMLTextAreaElement | null} */ (document.getElementById("plantext"));
const draft = `plan-${root.dataset.plan}`; // what is written and not saved survives a reload
const time = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short", timeZone: root.dataset.zone });
/** @type {Plan | null} */ let base = null; // the version that is being written on
/** @type {{version: number, author: string, text: string} | null} */ let theirs = null;

/** @param {string} words */
function trouble(words) {
  element("planproblem").textContent = words;
  element("planproblem").hidden = !words;
}

/** @param {Version} version */
const named = (version) => fill(texts.version, { number: version.version, author: version.author, time: time.format(new Date(version.saved_at)) });

/** @param {Plan} plan @param {boolean} keep what is in the field */
function take(plan, keep) {
  base = plan;
  if (text && !keep) text.value = plan.text;
  element("planhtml").innerHTML = plan.html; // made safe by the server
  element("versions").replaceChildren(...[...plan.versions].reverse().map((version) => line(version, plan)));
  for (const id of ["olderversion", "newerversion"]) {
    const choice = /** @type {HTMLSelectElement} */ (element(id));
    choice.replaceChildren(...plan.versions.map((each) => new Option(String(each.version))));
    choice.value = String(Math.max(1, id === "olderversion" ? plan.version - 1 : plan.version));
  }
  say();
}

/** @param {Version} version @param {Plan} plan */
function line(version, plan) {
  const item = document.createElement("li");
  item.value = version.version;
  const restored = version.restores ? ` (${fill(texts.restored, { number: version.restores })})` : "";
  item.append(named(version) + restored);
  if (text && version.version !== plan.version) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.textContent = texts.restore;
    button.setAttribute("aria-label", `${texts.restore}: ${version.version}`);
    button.addEventListener("click", () => save(`${path}/restoration`, "POST", { version: version.version }));
    item.append(" ", button);
  }
  return item;
}

function say() {
  const unsaved = Boolean(base && text && text.value !== base.text);
  element("planversion").textContent = base ? named(base) + (unsaved ? ` · ${texts.unsaved}` : "") : "";
  if (text && base) {
    if (unsaved) sessionStorage.setItem(draft, JSON.stringify({ on: base.version, text: text.value }));
    else sessionStorage.removeItem(draft);
  }
}

/** Read the newest version; what is written and not saved stays in the field. */
async function read() {
  try {
    const mine = base && text && text.value !== base.text;
    const plan = await call("GET", path, csrf);
    if (mine && plan.version !== base?.version) {
      trouble(fill(texts.newer, { author: plan.author, number: plan.version }));
      return;
    }
    take(plan, Boolean(mine));
    const kept = JSON.parse(sessionStorage.getItem(draft) ?? "null");
    if (text && kept) text.value = kept.text;
    if (kept && kept.on !== plan.version) base = { ...plan, version: kept.on }; // its save finds the conflict
    say();
  } catch (error) {
    trouble(error instanceof Error ? error.message : String(error));
  }
}

/** @param {string} to @param {string} method @param {unknown} body @param {number} [on] */
async function save(to, method, body, on = base?.version) {
  trouble("");
  try {
    const answer = await fetch(to, {
      method,
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": csrf, "If-Match": `"${on}"` },
      body: JSON.stringify(body),
    });
    const said = await answer.json();
    if (answer.status === 412 && said.changed) return conflict(said);
    if (!answer.ok) return trouble(said.detail);
    element("conflict").hidden = true;
    theirs = null;
    take(said, false);
    element("planversion").textContent = fill(texts.saved, { number: said.version });
  } catch {
    trouble(texts.away);
  }
}

/** @param {{detail: string, version: number, author: string, text: string, changed: Line[]}} said */
function conflict(said) {
  theirs = said;
  element("conflictwords").textContent = said.detail;
  drawDiff(element("conflictdiff"), said.changed);
  element("conflict").hidden = false;
  element("keepmine").focus();
}

/** @param {HTMLElement} box @param {Line[]} lines */
function drawDiff(box, lines) {
  const changed = lines.some((each) => each.change !== "same");
  if (!changed) {
    box.textContent = texts.same;
    return;
  }
  box.replaceChildren(
    ...lines.map((each) => {
      const row = document.createElement(each.change === "added" ? "ins" : each.change === "removed" ? "del" : "span");
      if (each.change !== "same") row.append(Object.assign(document.createElement("b"), { className: "sr", textContent: texts[each.change] }));
      row.append(each.text || " ");
      return row;
    }),
  );
}

text?.addEventListener("input", say);
document.getElementById("saveplan")?.addEventListener("click", () => save(path, "PUT", { text: text?.value ?? "" }));
element("keepmine").addEventListener("click", () => theirs && save(path, "PUT", { text: text?.value ?? "" }, theirs.version));
element("taketheirs").addEventListener("click", () => {
  if (text && base && theirs) {
    text.value = theirs.text;
    base = { ...base, version: theirs.version, text: theirs.text };
  }
  element("conflict").hidden = true;
  sessionStorage.removeItem(draft);
  read();
});
document.getElementById("previewplan")?.addEventListener("click", async (event) => {
  const button = /** @type {HTMLElement} */ (event.currentTarget);
  const on = button.getAttribute("aria-pressed") !== "true";
  try {
    if (on) element("planhtml").innerHTML = (await call("POST", `${path}/preview`, csrf, { text: text?.value ?? "" })).html;
    button.setAttribute("aria-pressed", String(on));
    element("planhtml").hidden = !on;
  } catch (error) {
    trouble(error instanceof Error ? error.message : String(error));
  }
});
element("compare").addEventListener("submit", async (event) => {
  event.preventDefault();
  const chosen = (/** @type {string} */ id) => /** @type {HTMLSelectElement} */ (element(id)).value;
  try {
    drawDiff(element("diff"), (await call("GET", `${path}/diff?old=${chosen("olderversion")}&new=${chosen("newerversion")}`, csrf)).lines);
  } catch (error) {
    trouble(error instanceof Error ? error.message : String(error));
  }
});
document.addEventListener("planversion", (event) => {
  const { detail } = /** @type {CustomEvent<number>} */ (event);
  if (base && detail > base.version && !theirs) read();
});
read();
