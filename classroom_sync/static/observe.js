// @ts-check
// A lesson watched unseen: receives every picture and all sound, sends nothing, rejoins by itself.

import { call } from "./api.js";
import { arrange, speaks } from "./arrangement.js";
import { element, hear, inOneTab, lessonClock, notice, show, texts } from "./page.js";
import { SessionLink } from "./session.js";
import { sizes } from "./sizes.js";
import { player, streams } from "./whep.js";

/** @typedef {import("./session.js").State} State */
/** @typedef {import("./session.js").Slot} Slot */

const VIDEOS = 9;
const AUDIOS = 3;
const root = element("observe");
const session = root.dataset.session ?? "";
const csrf = root.dataset.csrf ?? "";
/** @type {SessionLink | null} */ let link = null;
/** @type {string | null} */ let node = null;
let visit = "";
const shownIn = sizes((found) => link?.send({ do: "sizes", sizes: found }));
const watch = player(grant, VIDEOS, AUDIOS);
const slots = streams(watch);

/** A token for a visit: the one that is under way, or a new one, whose state is asked for then. */
async function grant() {
  try {
    const given = await call("POST", `/api/v1/sessions/${session}/visits`, csrf);
    if (given.visit !== visit) relink(given.visit);
    return given;
  } catch (error) {
    notice(error instanceof TypeError ? texts.reconnecting : String(/** @type {Error} */ (error).message));
    throw error;
  }
}

/** @param {string} to the visit */
function relink(to) {
  link?.close();
  visit = to;
  link = new SessionLink(session, csrf, visit);
  link.addEventListener("state", (event) => draw(/** @type {CustomEvent<State>} */ (event).detail));
}

/** @param {State} state */
function draw(state) {
  const badge = element("state");
  badge.textContent = texts[state.state] ?? "";
  badge.className = `state ${state.state}`;
  if (["ended", "missed", "cancelled"].includes(state.state)) return finish();
  if (node !== null && state.node !== node) watch.restart();
  node = state.node;
  const { chief: main, others } = arrange(state);
  const picture = /** @type {HTMLVideoElement} */ (element("main-picture"));
  show(picture, main ? slots.get(main.mid) ?? null : null);
  if (main) shownIn(main.mid, picture);
  element("mainname").textContent = main ? named(main, state) : texts.waiting;
  picture.parentElement?.classList.toggle("dark", Boolean(main?.dark));
  drawOthers(others, state);
}

/** Whose picture a slot shows. @param {Slot} slot @param {State} state */
function named(slot, state) {
  const person = state.participants.find((p) => p.id === slot.participant);
  const words = [person?.school, person?.class || person?.teacher, slot.stream === "screen" && texts.screen, speaks(slot, state) && texts.speaks, slot.dark && texts.dark];
  return words.filter(Boolean).join(" · ");
}

/** @param {Slot[]} found @param {State} state */
function drawOthers(found, state) {
  const box = element("others");
  const tiles = /** @type {HTMLElement[]} */ ([...box.children]);
  for (const old of tiles) if (!found.some((s) => s.mid === old.dataset.mid)) old.remove();
  for (const [place, slot] of found.entries()) {
    let tile = tiles.find((each) => each.dataset.mid === slot.mid);
    if (!tile) {
      tile = document.createElement("figure");
      tile.dataset.mid = slot.mid;
      const video = document.createElement("video");
      video.autoplay = video.muted = video.playsInline = true;
      tile.append(video, document.createElement("figcaption"));
    }
    if (box.children[place] !== tile) box.insertBefore(tile, box.children[place] ?? null);
    const video = /** @type {HTMLVideoElement} */ (tile.firstElementChild);
    show(video, slots.get(slot.mid) ?? null);
    shownIn(slot.mid, video);
    tile.classList.toggle("dark", slot.dark);
    tile.classList.toggle("floor", speaks(slot, state));
    if (tile.lastElementChild) tile.lastElementChild.textContent = named(slot, state);
  }
}

function finish() {
  watch.stop(false);
  link?.close();
  root.hidden = true;
  notice(texts.ended);
}

watch.addEventListener("track", (event) => {
  const { track } = /** @type {CustomEvent<RTCTrackEvent>} */ (event).detail;
  if (track.kind === "audio") hear(new MediaStream([track])).catch(() => (element("sound").hidden = false));
  if (link?.state) draw(link.state);
});
watch.addEventListener("connected", () => notice(""));
watch.addEventListener("lost", () => {
  for (const audio of document.querySelectorAll("audio")) audio.remove();
  notice(texts.reconnecting);
});
watch.addEventListener("refused", (event) => {
  const { status, message } = /** @type {CustomEvent} */ (event).detail;
  if (status !== 409) notice(message); // 409: the teacher is not there yet, which is said already
});
element("sound").addEventListener("click", () => {
  for (const audio of document.querySelectorAll("audio")) audio.play();
  element("sound").hidden = true;
});
window.addEventListener("pagehide", () => watch.stop());
setInterval(() => {
  element("elapsed").textContent = lessonClock(root.dataset.starts ?? "", root.dataset.ends ?? "");
}, 1000);
inOneTab(`observe-${session}`, () => watch.start());
