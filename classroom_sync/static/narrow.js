// @ts-check
// A long list with a field before it: what is typed there narrows the list to the entries, or the
// groups, that hold it, and chooses the first. `data-narrows` names the list.

for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[data-narrows]"))) {
  const list = /** @type {HTMLSelectElement} */ (document.getElementById(field.dataset.narrows ?? ""));
  const whole = [...list.children].map((each) => each.cloneNode(true));

  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    const chosen = list.value;
    list.replaceChildren(...whole.map((each) => narrowed(/** @type {HTMLElement} */ (each), wanted)).filter((each) => each !== null));
    const kept = [...list.options].some((option) => option.value === chosen);
    const first = [...list.options].find((option) => option.value);
    list.value = wanted ? (first?.value ?? "") : kept ? chosen : "";
  });

  field.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    list.focus();
  });
}

/** What is left of an option or a group; null: nothing. @param {HTMLElement} of @param {string} wanted */
function narrowed(of, wanted) {
  const copy = /** @type {HTMLElement} */ (of.cloneNode(true));
  /** @param {string | null} text */
  const holds = (text) => (text ?? "").toLowerCase().includes(wanted);
  if (copy instanceof HTMLOptionElement) return copy.value === "" || holds(copy.textContent) ? copy : null;
  if (!(copy instanceof HTMLOptGroupElement) || holds(copy.label)) return copy;
  for (const option of [...copy.children]) if (!holds(option.textContent)) option.remove();
  return copy.children.length ? copy : null;
}
