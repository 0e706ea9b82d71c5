// @ts-check
// Plays a recording: the shared screen in step with the hub's picture, places to jump to, parts.

const film = /** @type {HTMLVideoElement} */ (document.getElementById("film"));
const shared = /** @type {HTMLVideoElement | null} */ (document.getElementById("shared"));
const wave = document.getElementById("wave");
const APART = 0.25; // seconds by which the screen may run away before it is put right

/** Seconds on the recording's clock. */
const now = () => Number(film.dataset.starts ?? 0) / 1000 + film.currentTime;

const screens = (shared?.dataset.parts ?? "").trim().split(/\s+/).filter(Boolean).map((part) => {
  const [number, starts, duration] = part.split(":").map(Number);
  return { number, starts: starts / 1000, ends: (starts + duration) / 1000 };
});

/** Show of the shared screen what belongs to this moment; nothing while none was shared. */
function follow() {
  if (!shared) return;
  const part = screens.find((each) => now() >= each.starts && now() < each.ends);
  shared.hidden = !part;
  if (!part) return shared.pause();
  const source = `${shared.dataset.base}${part.number}`;
  if (shared.getAttribute("src") !== source) shared.setAttribute("src", source);
  const at = now() - part.starts;
  if (Math.abs(shared.currentTime - at) > APART) shared.currentTime = at;
  if (film.paused) shared.pause();
  else if (shared.paused) shared.play().catch(() => {});
}

/** @param {number} seconds on the recording's clock */
function jump(seconds) {
  film.currentTime = Math.max(0, seconds - Number(film.dataset.starts ?? 0) / 1000);
  film.play().catch(() => {});
}

for (const event of ["timeupdate", "play", "pause", "seeked"]) film.addEventListener(event, follow);
function say() {
  const problem = document.getElementById("filmproblem");
  if (problem) problem.hidden = !film.error;
}
film.addEventListener("error", say);
say(); // it may have failed already
for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".chapter"))) {
  button.addEventListener("click", () => jump(Number(button.dataset.at) / 1000));
}
for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".part"))) {
  button.addEventListener("click", () => {
    film.dataset.starts = button.dataset.starts;
    film.src = button.dataset.src ?? "";
    film.play().catch(() => {});
  });
}
wave?.addEventListener("click", (event) => {
  const box = wave.getBoundingClientRect();
  film.currentTime = (film.duration * (event.clientX - box.left)) / box.width;
});
follow();
