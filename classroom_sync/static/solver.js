// @ts-check
// Shows a search as it goes (server-sent events); when its state changes the page is read anew.
import { element } from "./page.js";

const box = element("solver");
const events = new EventSource("/api/v1/timetable/solver/events");

/** @param {string} id @param {string} text */
function write(id, text) {
  const at = document.getElementById(id);
  if (at) at.textContent = text;
}

events.addEventListener("message", (event) => {
  const now = JSON.parse(event.data);
  if (now.state !== box.dataset.state) {
    events.close();
    location.reload();
    return;
  }
  if (now.state !== "running" && now.state !== "stopping") return;
  const number = (/** @type {number | null} */ n) => (n === null ? "—" : String(n));
  write("best", number(now.best));
  write("bound", number(now.bound));
  write("missing", number(now.missing));
  write("gap", now.gap === null ? "—" : `${(now.gap * 100).toFixed(1)} %`);
  box.dataset.started = now.started_at;
  box.dataset.limit = String(now.limit);
});

setInterval(() => {
  if (!box.dataset.started) return;
  const seconds = Math.max(0, (Date.now() - Date.parse(box.dataset.started)) / 1000);
  write("seconds", seconds.toFixed(0));
  const share = /** @type {HTMLProgressElement | null} */ (document.getElementById("share"));
  if (share) share.value = Math.min(100, (100 * seconds) / Number(box.dataset.limit));
}, 500);
