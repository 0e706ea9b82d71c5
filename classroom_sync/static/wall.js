// @ts-check
// The wall: views take turns, and the page reads its figures anew; a person can stop the turning.
import { element } from "./page.js";

const views = element("views");
const button = element("pause");
const stale = element("stale");
const turnAfter = Number(views.dataset.viewSeconds) * 1000;
const refreshAfter = Number(views.dataset.refreshSeconds) * 1000;
let shown = 0;
let stopped = false;

/** @param {number} number */
function show(number) {
  const all = [...views.querySelectorAll(".view")];
  shown = (number + all.length) % all.length;
  all.forEach((view, n) => view.classList.toggle("shown", n === shown));
}

/** @param {boolean} wanted */
function stop(wanted) {
  stopped = wanted;
  button.setAttribute("aria-pressed", String(stopped));
}

/** The same page again: its figures take the place of these, or these stay and it says so. */
async function refresh() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = found.getElementById("views");
    if (!answer.ok || !fresh) throw new Error(`status ${answer.status}`);
    views.replaceChildren(...fresh.childNodes);
    const [was, is] = [document, found].map((each) => each.querySelector(".wallbar .muted"));
    if (was && is) was.textContent = is.textContent;
    stale.hidden = true;
    show(shown);
  } catch {
    stale.hidden = false;
  }
}

views.classList.add("turning");
show(0);
button.addEventListener("click", () => stop(!stopped));
document.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  stop(true);
  show(shown + step);
});
setInterval(() => stopped || show(shown + 1), turnAfter);
setInterval(refresh, refreshAfter);
