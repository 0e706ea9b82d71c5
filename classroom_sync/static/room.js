// @ts-check
// A classroom screen: waits for the next lesson, joins by itself, fills the screen.

import { deviceTrouble, element, fill, hear, inOneTab, lessonClock, notice, openDevices, passing, show, texts } from "./page.js";
import { SessionLink } from "./session.js";
import { sizes } from "./sizes.js";
import { player, streams } from "./whep.js";
import { publisher, sendLayers } from "./whip.js";

/** @typedef {import("./session.js").State} State */

const LOOK = 3000; // ms between looks for the next lesson
const root = element("room");
const ready = ["open", "live"];
/** @type {SessionLink | null} */ let link = null;
/** @type {import("./media_resource.js").MediaResource | null} */ let watch = null;
/** @type {import("./media_resource.js").MediaResource | null} */ let camera = null;
/** @type {Map<string, MediaStream>} */ let slots = new Map();
/** @type {MediaStream | null} */ let devices = null;
/** @type {string | null} */ let node = null;
let seen = false; // the teacher's picture, since this page was opened
const shownIn = sizes((found) => link?.send({ do: "sizes", sizes: found }));

async function look() {
  try {
    const response = await fetch("/room/next", { headers: { Accept: "application/json" } });
    if (response.status === 401) location.assign("/pair");
    if (!response.ok) return;
    const { session, state, acceptance } = await response.json();
    if (acceptance && !link) location.assign("/room/acceptance");
    const known = root.dataset.session ?? null;
    if (session !== known || (!link && ready.includes(state) && !ready.includes(root.dataset.state ?? ""))) location.reload();
  } catch {
    notice(texts.reconnecting);
  }
}

function join() {
  link = new SessionLink(root.dataset.session ?? "", root.dataset.csrf ?? "");
  link.addEventListener("state", (event) => draw(/** @type {CustomEvent<State>} */ (event).detail));
  link.addEventListener("refused", (event) => passing(/** @type {CustomEvent<string>} */ (event).detail));
  element("buttons").hidden = false;
  element("waitword").textContent = texts.doors;
  if (root.dataset.publish === "yes") publish(link);
  watch = player(link.grant("subscribe"), 4, 3);
  slots = streams(watch);
  watch.addEventListener("track", (event) => {
    const { track } = /** @type {CustomEvent<RTCTrackEvent>} */ (event).detail;
    if (track.kind === "audio") hear(new MediaStream([track])).catch(() => (element("sound").hidden = false));
    if (link?.state) draw(link.state);
  });
  watch.addEventListener("connected", () => notice(""));
  watch.addEventListener("lost", () => notice(texts.reconnecting));
  watch.addEventListener("refused", (event) => {
    const { status, message } = /** @type {CustomEvent} */ (event).detail;
    if (status !== 409) notice(message); // 409: the teacher is not there yet, which is said already
  });
  watch.start();
}

/** @param {SessionLink} to */
async function publish(to) {
  try {
    devices = await openDevices();
  } catch (error) {
    notice(deviceTrouble(error));
    return;
  }
  show(element("self"), devices);
  camera = publisher(to.grant("publish"), devices);
  camera.start();
}

/** @param {State} state */
function draw(state) {
  if (state.state === "ended" || state.state === "missed" || state.state === "cancelled") return leave();
  if (node !== null && state.node !== node) for (const each of [camera, watch]) each?.restart();
  node = state.node;
  sendLayers(camera, state.layers.camera);
  const video = state.slots.filter((s) => s.kind === "video" && s.participant);
  const main = video[0];
  const lead = state.participants.find((p) => p.role === "lead");
  if (main) seen = true; // from here on the last picture stays, whatever happens to the line
  element("stage").hidden = !seen;
  element("waiting").hidden = seen;
  if (seen && !main && !lead?.publishing.length) notice(texts.teacherGone);
  else if (main && element("notice").textContent === texts.teacherGone) notice("");
  const shown = state.participants.find((p) => p.id === main?.participant);
  element("mainname").hidden = !shown || shown === lead;
  element("mainname").textContent = shown ? `${shown.school} ${shown.class}` : "";
  show(element("main-picture"), main ? slots.get(main.mid) ?? null : null);
  if (main) shownIn(main.mid, element("main-picture"));
  element("weak").hidden = !main?.dark;
  drawOthers(video.slice(1), state);
  const me = state.participants.find((p) => p.id === state.you);
  element("floorsign").hidden = state.floor !== state.you || Boolean(me?.muted);
  element("mutedsign").hidden = !me?.muted;
  element("recordingsign").hidden = !state.recording;
  element("observersign").hidden = !state.observers;
  element("recordingrooms").hidden = !state.recording_rooms;
  element("hand").setAttribute("aria-pressed", String(me?.hand ?? false));
  element("handword").textContent = me?.hand ? texts.lower : texts.raise;
  if (me?.heads) element("headsword").textContent = fill(texts.headsDone, { expected: me.heads[0], present: me.heads[1] });
  if (me?.help) element("helpword").textContent = texts.helpSent;
}

/** @param {import("./session.js").Slot[]} found @param {State} state */
function drawOthers(found, state) {
  const box = element("others");
  const wanted = new Set(found.map((s) => s.mid));
  for (const old of [...box.children]) if (!wanted.has(/** @type {HTMLElement} */ (old).dataset.mid ?? "")) old.remove();
  for (const slot of found) {
    let figure = [...box.children].find((c) => /** @type {HTMLElement} */ (c).dataset.mid === slot.mid);
    if (!figure) {
      figure = document.createElement("figure");
      /** @type {HTMLElement} */ (figure).dataset.mid = slot.mid;
      const video = document.createElement("video");
      video.autoplay = video.muted = video.playsInline = true;
      figure.append(video, document.createElement("figcaption"));
      box.append(figure);
    }
    const person = state.participants.find((p) => p.id === slot.participant);
    const video = /** @type {HTMLVideoElement} */ (figure.firstElementChild);
    show(video, slots.get(slot.mid) ?? null);
    shownIn(slot.mid, video);
    figure.classList.toggle("dark", slot.dark);
    if (figure.lastElementChild) figure.lastElementChild.textContent = `${person?.school ?? ""} ${person?.class ?? ""}`;
  }
}

function leave() {
  for (const each of [camera, watch]) each?.stop(false);
  for (const track of devices?.getTracks() ?? []) track.stop();
  link?.close();
  notice(texts.ended);
  setTimeout(() => location.reload(), 3000);
}

element("hand").addEventListener("click", () => {
  link?.send({ do: element("hand").getAttribute("aria-pressed") === "true" ? "lower_hand" : "hand" });
});
element("help").addEventListener("click", () => link?.send({ do: "help" }));
element("heads").addEventListener("click", () => {
  const expected = /** @type {HTMLInputElement} */ (element("expected"));
  if (!expected.value) expected.value = root.dataset.expected ?? "";
  /** @type {HTMLDialogElement} */ (element("headsdialog")).showModal();
});
element("headsdialog").addEventListener("close", () => {
  if (/** @type {HTMLDialogElement} */ (element("headsdialog")).returnValue !== "ok") return;
  const number = (/** @type {string} */ id) => Number(/** @type {HTMLInputElement} */ (element(id)).value);
  link?.send({ do: "heads", expected: number("expected"), present: number("present") });
});
element("sound").addEventListener("click", () => {
  for (const audio of document.querySelectorAll("audio")) audio.play();
  element("sound").hidden = true;
});
window.addEventListener("pagehide", () => [camera, watch].forEach((each) => each?.stop()));
setInterval(() => {
  const { starts, ends, state } = root.dataset;
  if (!starts || !ends) return;
  if (ready.includes(state ?? "")) element("clock").textContent = Date.now() >= Date.parse(starts) ? lessonClock(starts, ends) : "";
  const seconds = Math.max(0, Math.round((Date.parse(starts) - Date.now()) / 1000));
  const time = seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  element("countdown").textContent = seconds > 0 ? fill(texts.begins, { time }) : "";
}, 500);
if ("wakeLock" in navigator) navigator.wakeLock.request("screen").catch(() => {});
if (root.dataset.session && ready.includes(root.dataset.state ?? "")) inOneTab(`session-${root.dataset.session}`, join);
setInterval(look, LOOK);
