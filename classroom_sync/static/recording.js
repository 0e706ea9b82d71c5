// @ts-check
// Plays a recording: its parts in order, another track in step beside it, places to jump to.

import { LessonPlayer } from "./lesson_player.js";
import { element } from "./page.js";

const film = /** @type {HTMLVideoElement} */ (element("film"));
const side = /** @type {HTMLVideoElement} */ (element("side"));
const wave = document.getElementById("wave");
const player = new LessonPlayer(film, side, element("choices"), () => {});

function say() {
  element("filmproblem").hidden = !film.error;
}
film.addEventListener("error", say);
player.load(JSON.parse(element("tracks").textContent ?? "[]"));
say(); // it may have failed already

for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-at]"))) {
  button.addEventListener("click", () => player.jump(Number(button.dataset.at)));
}
film.addEventListener("jump", (event) => {
  player.jump(/** @type {CustomEvent<number>} */ (event).detail);
  film.play().catch(() => {});
});
wave?.addEventListener("click", (event) => {
  const box = wave.getBoundingClientRect();
  player.jump((Number(wave.dataset.length) * (event.clientX - box.left)) / box.width);
});
