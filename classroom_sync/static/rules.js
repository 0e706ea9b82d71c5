// @ts-check
// A new rule of what is sent by itself.

import { call } from "./api.js";

const form = /** @type {HTMLFormElement | null} */ (document.querySelector("#rule"));

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  const box = /** @type {HTMLElement} */ (form.querySelector(".problem"));
  const weekday = Number(fields.get("weekday"));
  try {
    await call("POST", "/api/v1/push-rules", form.dataset.csrf ?? "", {
      kind: fields.get("kind"),
      subject: fields.get("subject") || null,
      grades: fields.getAll("grade").map(Number),
      weekday: weekday || null,
      school_days: Number(fields.get("school_days")),
    });
    location.reload();
  } catch (error) {
    box.textContent = error instanceof Error ? error.message : String(error);
    box.hidden = false;
  }
});
