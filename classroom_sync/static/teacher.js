// @ts-check
// The lead teacher's lesson: device check, one click to go live, rooms as tiles, hands, floor and poll.

import { call } from "./api.js";
import { stayAwake } from "./awake.js";
import { DeviceCheck, remembered } from "./devices.js";
import { toggle } from "./own_media.js";
import { deviceTrouble, element, fill, hear, inOneTab, lessonClock, notice, openWhatThereIs, passing, show, texts } from "./page.js";
import { poll } from "./poll.js";
import { watchQuality } from "./quality.js";
import { causes, RoomTiles } from "./room_tiles.js";
import { screenShare } from "./screen_share.js";
import { SessionLink } from "./session.js";
import { sizes } from "./sizes.js";
import { placeSounds } from "./sound_places.js";
import { talk } from "./talk.js";
import { player, streams } from "./whep.js";
import { publisher, sendLayers } from "./whip.js";

/** @typedef {import("./session.js").State} State */

const UNDO = 5; // seconds in which the end of a lesson can be undone
const root = element("lesson");
const mark = `live-${root.dataset.session}`; // on this device: a reload or a crash goes straight back
const onAir = document.documentElement.classList; // back_on_air.js has set "onair" where it was
const link = new SessionLink(root.dataset.session ?? "", root.dataset.csrf ?? "");
const tiles = new RoomTiles(link, sizes((found) => link.send({ do: "sizes", sizes: found })));
const check = new DeviceCheck(() => call("POST", `/api/v1/sessions/${root.dataset.session}/device-check`, root.dataset.csrf ?? ""));
const share = screenShare(link);
/** @type {import("./media_resource.js").MediaResource | null} */ let camera = null;
/** @type {import("./media_resource.js").MediaResource | null} */ let watch = null;
/** @type {string | null} */ let node = null;
/** @type {MediaStream | null} */ let devices = null;
/** @type {string | null} */ let trouble = null; // with the recording, as far as it has been said
/** @type {ReturnType<typeof setInterval> | undefined} */ let ending;

async function begin() {
  if (onAir.contains("onair")) {
    watchRooms(); // they need not wait for the camera
    const found = await openWhatThereIs(remembered());
    if (found.trouble) notice(deviceTrouble(found.trouble));
    if (found.stream) return goLive(found.stream);
    watch?.stop();
    watch = null;
    onAir.remove("onair");
  }
  check.addEventListener("ready", () => {
    const start = /** @type {HTMLButtonElement} */ (element("start"));
    if (!start.disabled) return;
    start.disabled = false;
    start.focus();
    if (!remembered().at) check.checkLine();
  });
  await check.open();
}

/** @param {MediaStream | null} stream */
function goLive(stream) {
  if (!stream || camera) return;
  devices = stream;
  localStorage.setItem(mark, "yes");
  stayAwake();
  onAir.add("onair");
  element("check").hidden = true;
  element("taken").hidden = true;
  show(element("self"), devices);
  camera = publisher(link.grant("publish"), devices);
  camera.addEventListener("connected", () => notice(""));
  camera.addEventListener("lost", () => notice(texts.reconnecting));
  camera.addEventListener("refused", (event) => notice(/** @type {CustomEvent} */ (event).detail.message));
  camera.start();
  watchRooms();
}

function watchRooms() {
  if (watch) return;
  const rooms = link.state?.participants.filter((p) => p.role === "receiving").length ?? 3;
  watch = player(link.grant("subscribe"), Math.min(9, Math.max(1, rooms)), 3);
  tiles.slots = streams(watch);
  watch.addEventListener("track", (event) => {
    const { track, transceiver } = /** @type {CustomEvent<RTCTrackEvent>} */ (event).detail;
    if (track.kind === "audio") hear(new MediaStream([track]), transceiver.mid).catch(() => {});
    if (link.state) draw(link.state);
  });
  watch.start();
}

/** @param {State} state */
function draw(state) {
  const badge = element("state");
  if (badge.textContent !== texts[state.state]) badge.textContent = texts[state.state] ?? "";
  badge.className = `state ${state.state}`;
  if (state.state === "ended" || state.state === "missed" || state.state === "cancelled") return finish();
  const lead = state.participants.find((p) => p.role === "lead");
  element("elsewhere").hidden = Boolean(camera) || !lead?.publishing.length;
  if (camera?.id && state.replaced.includes(camera.id)) return takenOver();
  if (node !== null && state.node !== node) for (const each of [camera, watch, share.resource()]) each?.restart();
  node = state.node;
  sendLayers(camera, state.layers.camera);
  sendLayers(share.resource(), state.layers.screen);
  drawRecording(state);
  drawObservers(state);
  tiles.draw(state);
  drawHands(state);
  placeSounds(state);
  element("ownquality").textContent = lead ? causes(lead, false) : "";
}

/** The lesson goes on from another device of the teacher's: this one leaves it alone. */
function takenOver() {
  for (const each of [camera, watch]) each?.stop(false);
  share.stop(false);
  [camera, watch] = [null, null];
  localStorage.removeItem(mark);
  notice("");
  onAir.remove("onair");
  element("taken").hidden = false;
  element("takeback").focus();
}

/** @param {State} state */
function drawHands(state) {
  const list = element("hands");
  const shown = /** @type {HTMLElement[]} */ ([...list.children]);
  for (const item of shown) if (!state.hands.includes(item.dataset.participant ?? "")) item.remove();
  for (const id of state.hands) {
    let item = shown.find((each) => each.dataset.participant === id && each.isConnected);
    if (!item) {
      const person = state.participants.find((p) => p.id === id);
      const button = document.createElement("button");
      item = document.createElement("li");
      item.dataset.participant = id;
      button.textContent = texts.giveFloor;
      button.addEventListener("click", () => link.send({ do: "floor", participant: id }));
      item.append(`${person?.school ?? ""} ${person?.class ?? ""} `, button);
    }
    if (list.children[state.hands.indexOf(id)] !== item) list.insertBefore(item, list.children[state.hands.indexOf(id)] ?? null);
  }
  element("nohands").hidden = state.hands.length > 0;
}

function finish() {
  localStorage.removeItem(mark);
  for (const each of [camera, watch]) each?.stop(false);
  share.stop(false);
  for (const track of [...(devices?.getTracks() ?? []), ...(check.stream?.getTracks() ?? [])]) track.stop();
  link.close();
  location.reload(); // the page of an ended lesson shows its attendance
}

/** That somebody observes, and who by role and school. @param {State} state */
function drawObservers(state) {
  const who = (state.observed_by ?? []).map((each) => [each.school, texts[each.role]].filter(Boolean).join(" "));
  element("observersign").hidden = !state.observers;
  element("observersign").textContent = who.length ? fill(texts.observedBy, { who: who.join(texts.comma) }) : texts.observed;
}

/** @param {State} state */
function drawRecording(state) {
  element("record").setAttribute("aria-pressed", String(state.recording));
  element("record").textContent = state.recording ? texts.stopRecording : texts.record;
  element("recordingsign").hidden = !state.recording;
  if (state.recording_trouble && state.recording_trouble !== trouble) passing(texts[state.recording_trouble] ?? "");
  trouble = state.recording_trouble;
}

function askToRecord() {
  if (link.state?.recording) return link.send({ do: "record", on: false });
  /** @type {HTMLDialogElement} */ (element("recorddialog")).showModal();
}

/** End the lesson in a moment; until then it can be undone. A second click ends it at once. */
function end() {
  if (ending !== undefined) return endNow();
  let left = UNDO;
  const count = () => {
    element("endword").textContent = texts.ending.replace("{seconds}", String(left));
    if (left === 0) endNow();
    left -= 1;
  };
  element("endbar").hidden = false;
  element("undo").focus();
  ending = setInterval(count, 1000);
  count();
}

function endNow() {
  undo();
  link.send({ do: "end" });
}

function undo() {
  clearInterval(ending);
  ending = undefined;
  element("endbar").hidden = true;
  element("end").focus();
}

async function floatPicture() {
  if (document.pictureInPictureElement) return document.exitPictureInPicture();
  const video = link.state && tiles.chief(link.state);
  if (!video) return passing(texts.nothingToFloat, true);
  await video.requestPictureInPicture().catch((error) => passing(String(error)));
}

element("pip").hidden = !document.pictureInPictureEnabled;
toggle("mic", "audio", () => devices);
toggle("camera", "video", () => devices);
poll(link);
talk(link);
watchQuality(
  () => ({ up: camera?.pc, down: watch?.pc }),
  () => ({ stream: devices, silent: false, echo: false, slow: false }),
  (findings) => camera !== null && link.send({ do: "findings", findings }),
);
element("start").addEventListener("click", () => {
  const elsewhere = !element("elsewhere").hidden;
  goLive(check.finish());
  if (elsewhere) camera?.addEventListener("connected", () => passing(texts.tookOver, true), { once: true });
});
element("takeback").addEventListener("click", () => goLive(devices));
element("record").addEventListener("click", askToRecord);
element("recorddialog").addEventListener("close", () => {
  if (/** @type {HTMLDialogElement} */ (element("recorddialog")).returnValue === "ok") link.send({ do: "record", on: true, rooms: /** @type {HTMLInputElement | null} */ (document.getElementById("recordrooms"))?.checked ?? false });
});
element("end").addEventListener("click", end);
element("undo").addEventListener("click", undo);
element("endnow").addEventListener("click", endNow);
element("endbar").addEventListener("keydown", (event) => event.key === "Escape" && undo());
element("pip").addEventListener("click", floatPicture);
link.addEventListener("state", (event) => draw(/** @type {CustomEvent<State>} */ (event).detail));
link.addEventListener("refused", (event) => passing(/** @type {CustomEvent<string>} */ (event).detail));
window.addEventListener("pagehide", () => [camera, watch, share.resource(), ...check.resources].forEach((each) => each?.stop()));
const tick = () => {
  element("elapsed").textContent = lessonClock(root.dataset.starts ?? "", root.dataset.ends ?? "");
};
tick(); // at once: nothing in the bar moves later
setInterval(tick, 1000);
inOneTab(`session-${root.dataset.session}`, begin);
