// Sends a chosen file as it is, and goes on to its preview; says what is wrong where it stands.
import { working } from "./working.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("#import"));
const file = /** @type {HTMLInputElement} */ (form.querySelector("#file"));
const kind = /** @type {HTMLSelectElement} */ (form.querySelector("#kind"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
const problem = /** @type {HTMLElement} */ (form.querySelector("#problem"));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const chosen = file.files?.[0];
  if (!chosen) return;
  button.disabled = true;
  problem.hidden = true;
  try {
    const sent = fetch(`/admin/import?kind=${encodeURIComponent(kind.value)}`, {
      method: "POST",
      headers: {
        "Content-Type": "application/octet-stream",
        "X-CSRF-Token": form.dataset.csrf ?? "",
        "X-File-Name": encodeURIComponent(chosen.name),
        Accept: "application/json",
      },
      body: chosen,
    });
    const answer = await working(sent);
    const said = await answer.json();
    if (answer.ok) {
      location.assign(said.location);
      return;
    }
    problem.textContent = said.detail;
  } catch {
    problem.textContent = form.dataset.away ?? "";
  }
  problem.hidden = false;
  button.disabled = false;
});
