// @ts-check
// The groups of the navigation: one is open at a time; Escape, and a click or the focus elsewhere,
// close it.
import "./working.js";

const menus = /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details.menu"));

/** @param {EventTarget | null} at what stays open around it */
function close(at) {
  for (const menu of menus) {
    if (!(at instanceof Node && menu.contains(at))) menu.open = false;
  }
}

document.addEventListener("click", (event) => close(event.target));
document.addEventListener("focusin", (event) => close(event.target));
document.addEventListener("keydown", (event) => {
  const open = [...menus].find((menu) => menu.open);
  if (event.key !== "Escape" || !open) return;
  open.querySelector("summary")?.focus();
  open.open = false;
});

// Where tabs go beyond a narrow screen, the present one is in sight.
for (const tab of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".tabs [aria-current]"))) {
  const bar = tab.parentElement;
  if (bar) bar.scrollLeft += tab.getBoundingClientRect().left - bar.getBoundingClientRect().left - (bar.clientWidth - tab.offsetWidth) / 2;
}
