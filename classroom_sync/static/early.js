// @ts-check
// What is pressed before its script is there, on a slow line, is done once it is: a form that scripts send
// would otherwise be sent by the browser, to nowhere, and what was typed be lost. A plain script, since
// modules come later.

{
  /** @type {{ form: HTMLFormElement, by: HTMLElement | null } | null} */ let pressed = null;
  /** @param {SubmitEvent} event */
  const early = (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.hasAttribute("action") || form.dataset.csrf === undefined) return;
    event.preventDefault();
    pressed = { form, by: event.submitter };
  };
  document.addEventListener("submit", early);
  document.addEventListener("DOMContentLoaded", () => {
    document.removeEventListener("submit", early);
    pressed?.form.requestSubmit(pressed.by);
  });
}
