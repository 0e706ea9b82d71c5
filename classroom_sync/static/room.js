// @ts-check
// A classroom screen: waits for the next lesson, joins by itself, fills the screen.

import { decibels } from "./acceptance_sound.js";
import { arrange, speaks } from "./arrangement.js";
import { stayAwake } from "./awake.js";
import { listenForEcho } from "./echo.js";
import { meterOf } from "./levels.js";
import { deviceTrouble, element, fill, hear, inOneTab, lessonClock, notice, openWhatThereIs, passing, show, texts } from "./page.js";
import { poll } from "./poll.js";
import { promptFor } from "./prompts.js";
import { pushToTalk } from "./push_to_talk.js";
import { watchQuality } from "./quality.js";
import { SessionLink } from "./session.js";
import { sizes } from "./sizes.js";
import { placeSounds } from "./sound_places.js";
import { talk } from "./talk.js";
import { player, streams } from "./whep.js";
import { publisher, sendLayers } from "./whip.js";

/** @typedef {import("./session.js").State} State */

const LOOK = 3000; // ms between looks for the next lesson
const SHOWN = 12_000; // ms for which a message stands on the big screen
const SILENT = -75; // dBFS: a microphone that is on hears more than this
const SILENT_FOR = 20_000; // ms until it is said that it gives no sound
const root = element("room");
const ready = ["open", "live"];
/** @type {SessionLink | null} */ let link = null;
/** @type {import("./media_resource.js").MediaResource | null} */ let watch = null;
/** @type {import("./media_resource.js").MediaResource | null} */ let camera = null;
/** @type {Map<string, MediaStream>} */ let slots = new Map();
/** @type {MediaStream | null} */ let devices = null;
/** @type {string | null} */ let node = null;
let seen = false; // the teacher's picture, since this page was opened
let echo = false; // what the loudspeakers play comes back through the microphone
let heardAt = performance.now(); // when the microphone last gave any sound
/** @type {number | null} */ let hadFloor = null; // when this class last had the floor
/** @type {ReturnType<typeof setTimeout> | undefined} */ let toast;
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
  const joined = new SessionLink(root.dataset.session ?? "", root.dataset.csrf ?? "");
  link = joined;
  link.addEventListener("state", (event) => draw(/** @type {CustomEvent<State>} */ (event).detail));
  link.addEventListener("refused", (event) => passing(/** @type {CustomEvent<string>} */ (event).detail));
  poll(link);
  talk(link, said);
  element("buttons").hidden = false;
  element("prompt").hidden = false;
  element("waitword").textContent = texts.doors;
  if (root.dataset.publish === "yes") publish(link);
  watchQuality(
    () => ({ up: camera?.pc, down: watch?.pc }),
    () => ({ stream: devices, silent: performance.now() - heardAt > SILENT_FOR, echo, slow: Boolean(joined.state && arrange(joined.state).chief?.dark) }),
    (findings) => joined.send({ do: "findings", findings }),
  );
}

/** Watch once the teacher is there: until then there is nothing to be had. @param {SessionLink} from */
function follow(from) {
  watch = player(from.grant("subscribe"), 4, 3);
  slots = streams(watch);
  watch.addEventListener("track", (event) => {
    const { track, transceiver } = /** @type {CustomEvent<RTCTrackEvent>} */ (event).detail;
    if (track.kind === "audio") hear(new MediaStream([track]), transceiver.mid).catch(() => (element("sound").hidden = false));
    if (from.state) draw(from.state);
  });
  watch.addEventListener("connected", () => notice(""));
  watch.addEventListener("lost", () => notice(texts.reconnecting));
  watch.addEventListener("refused", (event) => {
    const { status, message } = /** @type {CustomEvent} */ (event).detail;
    if (status !== 409) notice(message); // 409: the teacher has just gone, which is said already
  });
  watch.start();
}

/** @param {SessionLink} to */
async function publish(to) {
  const { stream, trouble } = await openWhatThereIs();
  if (trouble) notice(deviceTrouble(trouble));
  if (!stream) return;
  devices = stream;
  show(element("self"), devices);
  camera = publisher(to.grant("publish"), devices);
  camera.start();
  if (stream.getAudioTracks().length) listen(stream);
}

/** @param {MediaStream} stream */
function listen(stream) {
  const context = new AudioContext();
  const meter = meterOf(context, stream);
  setInterval(() => {
    if (context.state !== "running" || decibels(meter.power()) > SILENT || !stream.getAudioTracks()[0].enabled) heardAt = performance.now();
  }, 500);
  const played = () => [...document.querySelectorAll("audio")].flatMap(({ srcObject, volume, paused }) => (srcObject instanceof MediaStream && !paused ? [{ stream: srcObject, volume }] : []));
  listenForEcho(stream, played, (found) => {
    echo = found;
    element("echosign").hidden = !found;
  });
}

/** A message stands on the big screen for a while. @param {string} text @param {string} from */
function said(text, from) {
  clearTimeout(toast);
  element("toast").textContent = `${from}: ${text}`;
  element("toast").hidden = false;
  toast = setTimeout(() => (element("toast").hidden = true), SHOWN);
}

const talkButton = pushToTalk(element("talkbutton"), () => devices?.getAudioTracks()[0]);

/** @param {State} state */
function draw(state) {
  if (state.state === "ended" || state.state === "missed" || state.state === "cancelled") return leave();
  if (node !== null && state.node !== node) for (const each of [camera, watch]) each?.restart();
  node = state.node;
  sendLayers(camera, state.layers.camera);
  const { chief, others, slides } = arrange(state);
  const lead = state.participants.find((p) => p.role === "lead");
  if (!watch && link && lead?.publishing.length) follow(link);
  if (chief) seen = true; // from here on the last picture stays, whatever happens to the line
  element("stage").hidden = !seen;
  element("waiting").hidden = seen;
  if (seen && !chief && !lead?.publishing.length) notice(texts.teacherGone);
  else if (chief && element("notice").textContent === texts.teacherGone) notice("");
  const shown = state.participants.find((p) => p.id === chief?.participant);
  element("stage").classList.toggle("slides", slides);
  element("mainname").hidden = !slides && (!shown || shown === lead);
  element("mainname").textContent = slides ? texts.slides : shown ? `${shown.school} ${shown.class}` : "";
  show(element("main-picture"), chief ? slots.get(chief.mid) ?? null : null);
  if (chief) shownIn(chief.mid, element("main-picture"));
  element("weak").hidden = !chief?.dark;
  drawOthers(others, state);
  const me = state.participants.find((p) => p.id === state.you);
  element("floorsign").hidden = state.floor !== state.you || Boolean(me?.muted);
  element("mutedsign").hidden = !me?.muted;
  element("recordingsign").hidden = !state.recording;
  element("observersign").hidden = !state.observers;
  element("recordingrooms").hidden = !state.recording_rooms;
  element("hand").setAttribute("aria-pressed", String(me?.hand ?? false));
  element("handword").textContent = me?.hand ? texts.lower : texts.raise;
  if (me?.heads) element("headsword").textContent = fill(texts.headsDone, { expected: me.heads[0], present: me.heads[1] });
  element("help").setAttribute("aria-pressed", String(me?.help ?? false));
  element("helpword").textContent = me?.help ? texts.helpSent : texts.help;
  const floor = state.you !== null && state.floor === state.you;
  if (floor) hadFloor = Date.now();
  talkButton.set(me?.push_to_talk ?? false, floor);
  placeSounds(state);
  drawSide(state);
  drawPrompt();
}

/** @type {string | null} */ let asked = null; // the poll for which the side was opened

/** A poll opens the side by itself, once. @param {State} state */
function drawSide(state) {
  if (state.poll?.state === "open" && asked !== state.poll.id) {
    asked = state.poll.id;
    openSide(true);
  }
}

/** @param {boolean} open */
function openSide(open) {
  element("roomside").hidden = !open;
  element("sidebutton").setAttribute("aria-expanded", String(open));
  if (open) element("unread").hidden = true;
}

function drawPrompt() {
  if (!link?.state) return;
  const text = texts[`prompt_${promptFor(link.state, Date.now(), hadFloor)}`];
  if (element("promptword").textContent !== text) element("promptword").textContent = text;
}

/** @param {import("./session.js").Slot[]} found @param {State} state */
function drawOthers(found, state) {
  const box = element("others");
  const wanted = new Set(found.map((s) => s.mid));
  for (const old of [...box.children]) if (!wanted.has(/** @type {HTMLElement} */ (old).dataset.mid ?? "")) old.remove();
  for (const [place, slot] of found.entries()) {
    let figure = [...box.children].find((c) => /** @type {HTMLElement} */ (c).dataset.mid === slot.mid);
    if (!figure) {
      figure = document.createElement("figure");
      /** @type {HTMLElement} */ (figure).dataset.mid = slot.mid;
      const video = document.createElement("video");
      video.autoplay = video.muted = video.playsInline = true;
      figure.append(video, document.createElement("figcaption"));
    }
    if (box.children[place] !== figure) box.insertBefore(figure, box.children[place] ?? null);
    const person = state.participants.find((p) => p.id === slot.participant);
    const video = /** @type {HTMLVideoElement} */ (figure.firstElementChild);
    show(video, slots.get(slot.mid) ?? null);
    shownIn(slot.mid, video);
    figure.classList.toggle("dark", slot.dark);
    figure.classList.toggle("floor", speaks(slot, state));
    const words = [[person?.school, person?.class].filter(Boolean).join(" "), slot.stream === "screen" && texts.screen, speaks(slot, state) && texts.speaks];
    if (figure.lastElementChild) figure.lastElementChild.textContent = words.filter(Boolean).join(" · ");
  }
}

function leave() {
  for (const each of [camera, watch]) each?.stop(false);
  for (const track of devices?.getTracks() ?? []) track.stop();
  link?.close();
  notice(texts.ended, true);
  setTimeout(() => location.reload(), 3000);
}

element("hand").addEventListener("click", () => {
  link?.send({ do: element("hand").getAttribute("aria-pressed") === "true" ? "lower_hand" : "hand" });
});
element("help").addEventListener("click", () => {
  link?.send({ do: element("help").getAttribute("aria-pressed") === "true" ? "end_help" : "help" });
});
element("sidebutton").addEventListener("click", () => openSide(element("roomside").hidden));
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
  for (const audio of document.querySelectorAll("audio")) audio.play().catch(() => {});
  element("sound").hidden = true;
});
window.addEventListener("pagehide", () => [camera, watch].forEach((each) => each?.stop()));
function tick() {
  const { starts, ends, state } = root.dataset;
  if (!starts || !ends) return;
  if (ready.includes(state ?? "")) element("clock").textContent = Date.now() >= Date.parse(starts) ? lessonClock(starts, ends) : "";
  const seconds = Math.max(0, Math.round((Date.parse(starts) - Date.now()) / 1000));
  const time = seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  element("countdown").textContent = seconds > 0 ? fill(texts.begins, { time }) : "";
}
tick(); // at once: nothing moves later
setInterval(tick, 500);
stayAwake();
setInterval(drawPrompt, 5000);
if (root.dataset.session && ready.includes(root.dataset.state ?? "")) inOneTab(`session-${root.dataset.session}`, join);
setInterval(look, LOOK);
