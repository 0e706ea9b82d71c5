// @ts-check
// A research meeting: everyone sends and watches; gallery and speaker view; hands, the floor, the end.

import { MeetingSide } from "./meeting_side.js";
import { meter, toggle } from "./own_media.js";
import { deviceTrouble, element, fill, hear, inOneTab, notice, openDevices, passing, show, texts } from "./page.js";
import { screenShare } from "./screen_share.js";
import { SessionLink } from "./session.js";
import { sizes } from "./sizes.js";
import { player, streams } from "./whep.js";
import { publisher, sendLayers } from "./whip.js";

/** @typedef {import("./session.js").State} State */
/** @typedef {import("./session.js").Participant} Participant */

const OTHERS_SHOWN = 9; // videos that a player may have
const LISTEN = 400; // ms between looks at who speaks
const SPEAKS = 0.02; // audio level, 1 is loudest
const STAYS = 3; // looks in which somebody else must be the loudest, until they are the main picture

const root = element("meeting");
const link = new SessionLink(root.dataset.session ?? "", root.dataset.csrf ?? "");
const side = new MeetingSide(link, root.dataset.chair === "yes");
const screen = screenShare(link);
const shownIn = sizes((found) => link.send({ do: "sizes", sizes: found }));
const joined = `live-${root.dataset.session}`;
/** @type {Map<string, HTMLElement>} */ const tiles = new Map(); // by participant and stream
/** @type {import("./media_resource.js").MediaResource | null} */ let camera = null;
/** @type {import("./media_resource.js").MediaResource | null} */ let watch = null;
/** @type {Map<string, MediaStream>} */ let slots = new Map();
/** @type {string | null} */ let node = null;
/** @type {MediaStream | null} */ let devices = null;
/** @type {string | null} */ let speaking = null; // the participant who is the loudest
let louder = { who: "", looks: 0 };
/** @type {string | null} */ let trouble = null; // with the recording, as far as it has been said

async function checkDevices() {
  /** @type {HTMLButtonElement} */ const join = element("join");
  try {
    devices = await openDevices();
    show(element("preview"), devices);
    meter(devices);
    join.disabled = false;
    join.focus();
  } catch (error) {
    notice(deviceTrouble(error));
    element("joinmute").hidden = false;
  }
  if (sessionStorage.getItem(joined)) enter();
}

function enter() {
  if (watch) return;
  sessionStorage.setItem(joined, "yes"); // a reload goes straight back
  element("check").hidden = true;
  element("live").hidden = false;
  if (devices) {
    show(element("self"), devices);
    camera = publisher(link.grant("publish"), devices);
    camera.addEventListener("connected", () => notice(""));
    camera.addEventListener("lost", () => notice(texts.reconnecting));
    camera.addEventListener("refused", (event) => notice(/** @type {CustomEvent} */ (event).detail.message));
    camera.start();
  } else {
    for (const id of ["mic", "camera"]) element(id).hidden = true;
  }
  const others = (link.state?.participants.length ?? OTHERS_SHOWN) - 1;
  watch = player(link.grant("subscribe"), Math.min(OTHERS_SHOWN, others + 1), 3); // one more for a screen
  slots = streams(watch);
  watch.addEventListener("track", (event) => {
    const { track } = /** @type {CustomEvent<RTCTrackEvent>} */ (event).detail;
    if (track.kind === "audio") hear(new MediaStream([track])).catch(() => (element("sound").hidden = false));
    if (link.state) drawTiles(link.state);
  });
  watch.start();
  setInterval(listen, LISTEN);
}

/** @param {State} state */
function draw(state) {
  if (["ended", "missed", "cancelled"].includes(state.state)) return finish();
  const badge = element("state");
  badge.textContent = texts[state.state] ?? "";
  badge.className = `state ${state.state}`;
  if (node !== null && state.node !== node) for (const each of [camera, watch, screen.resource()]) each?.restart();
  node = state.node;
  sendLayers(camera, state.layers.camera);
  sendLayers(screen.resource(), state.layers.screen);
  const me = state.participants.find((p) => p.id === state.you);
  element("hand").setAttribute("aria-pressed", String(me?.hand ?? false));
  element("hand").textContent = me?.hand ? texts.lower : texts.raise;
  element("selfoff").textContent = me?.muted ? texts.muted : "";
  drawRecording(state);
  drawTiles(state);
  side.draw(state);
}

/** @param {State} state */
function drawRecording(state) {
  element("recordingsign").hidden = !state.recording;
  element("recordingall").hidden = !state.recording_rooms;
  const button = document.getElementById("record");
  button?.setAttribute("aria-pressed", String(state.recording));
  if (button) button.textContent = state.recording ? texts.stopRecording : texts.record;
  if (state.recording_trouble && state.recording_trouble !== trouble) passing(texts[state.recording_trouble] ?? "");
  trouble = state.recording_trouble;
}

/** @param {Participant} person */
const isHere = (person) => person.publishing.length > 0 || person.watching;

/** What has a tile: every screen, then everyone who is here. @param {State} state
 * @returns {{key: string, person: Participant, stream: string}[]} */
function shown(state) {
  const others = state.participants.filter((p) => p.id !== state.you && isHere(p));
  const screens = others.filter((p) => p.publishing.includes("screen")).map((person) => ({ person, stream: "screen" }));
  const people = others.map((person) => ({ person, stream: "camera" }));
  return [...screens, ...people].map((each) => ({ ...each, key: `${each.person.id}/${each.stream}` }));
}

/** @param {State} state */
function drawTiles(state) {
  const wanted = shown(state);
  const keys = new Set(wanted.map((each) => each.key));
  for (const [key, tile] of tiles) {
    if (keys.has(key)) continue;
    tile.remove();
    tiles.delete(key);
  }
  const main = mainOf(state, wanted);
  for (const each of wanted) {
    const tile = tiles.get(each.key) ?? newTile(each.key, each.stream);
    drawTile(tile, each, state);
    tile.classList.toggle("main", each.key === main);
  }
  element("tiles").dataset.count = String(tiles.size + 1);
}

/** Who is large in the speaker view: the floor, else a screen, else the loudest, else anybody.
 * @param {State} state @param {{key: string, person: Participant, stream: string}[]} found */
function mainOf(state, found) {
  const screenOf = found.find((each) => each.stream === "screen");
  const floor = found.find((each) => each.person.id === state.floor);
  const loudest = found.find((each) => each.person.id === speaking);
  return (floor ?? screenOf ?? loudest ?? found[0])?.key;
}

/** @param {string} key @param {string} stream */
function newTile(key, stream) {
  const tile = document.createElement("figure");
  tile.className = `tile ${stream}`;
  tile.dataset.key = key;
  const video = document.createElement("video");
  video.autoplay = video.muted = video.playsInline = true;
  tile.append(video, document.createElement("figcaption"));
  tiles.set(key, tile);
  element("tiles").append(tile);
  return tile;
}

/** @param {HTMLElement} tile @param {{person: Participant, stream: string}} of @param {State} state */
function drawTile(tile, { person, stream }, state) {
  const slot = state.slots.find((s) => s.kind === "video" && s.participant === person.id && s.stream === stream);
  const video = /** @type {HTMLVideoElement} */ (tile.querySelector("video"));
  show(video, slot ? slots.get(slot.mid) ?? null : null);
  if (slot) shownIn(slot.mid, video);
  const name = `${person.teacher} ${person.school}`;
  const says = [stream === "screen" ? fill(texts.screenOf, { name }) : name];
  if (stream === "camera") {
    if (person.off.includes("microphone") || person.muted) says.push(texts.microphoneOff);
    if (person.off.includes("camera")) says.push(texts.cameraOff);
    if (person.hand) says.push(texts.hand);
    if (state.floor === person.id) says.push(texts.floor);
  }
  if (slot?.dark) says.push(texts.dark);
  /** @type {HTMLElement} */ (tile.querySelector("figcaption")).textContent = says.join(" · ");
  tile.classList.toggle("dark", Boolean(slot?.dark));
  tile.classList.toggle("blank", !slot || person.off.includes("camera") && stream === "camera");
  tile.classList.toggle("hand", person.hand);
  tile.classList.toggle("floor", state.floor === person.id);
  tile.classList.toggle("speaking", stream === "camera" && person.id === speaking);
}

/** Look who is the loudest of those that are heard; it must stay so for a moment to count. */
function listen() {
  const state = link.state;
  let found = { who: "", level: SPEAKS };
  for (const { mid, receiver } of watch?.pc?.getTransceivers() ?? []) {
    if (receiver.track.kind !== "audio") continue;
    const level = receiver.getSynchronizationSources()[0]?.audioLevel ?? 0;
    const who = state?.slots.find((s) => s.mid === mid)?.participant;
    if (who && level > found.level) found = { who, level };
  }
  louder = found.who && found.who === louder.who ? { who: found.who, looks: louder.looks + 1 } : { who: found.who, looks: 1 };
  if (!louder.who || louder.who === speaking || louder.looks < STAYS) return;
  speaking = louder.who;
  if (state) drawTiles(state);
}

/** @param {"gallery" | "speaker"} view */
function look(view) {
  element("tiles").className = view;
  for (const id of ["gallery", "speaker"]) element(id).setAttribute("aria-pressed", String(id === view));
  sessionStorage.setItem("view", view);
}

function tellDevices() {
  const off = ["mic", "camera"].filter((id) => element(id).getAttribute("aria-pressed") === "false");
  link.send({ do: "devices", off: off.map((id) => (id === "mic" ? "microphone" : id)) });
}

/** @param {boolean} tell false where the server has ended it already */
function stop(tell) {
  sessionStorage.removeItem(joined);
  for (const each of [camera, watch, screen]) each?.stop(tell);
  for (const track of devices?.getTracks() ?? []) track.stop();
  link.close();
}

function finish() {
  stop(false);
  location.reload(); // the page of a meeting that is over shows its minutes
}

function clock() {
  const now = Date.now();
  const begins = Date.parse(root.dataset.starts ?? "");
  const ends = Date.parse(root.dataset.ends ?? "");
  const minutes = (/** @type {number} */ ms) => Math.ceil(ms / 60_000);
  let words = fill(texts.left, { gone: Math.floor((now - begins) / 60_000), minutes: minutes(ends - now) });
  if (now < begins) words = fill(texts.before, { minutes: minutes(begins - now) });
  else if (now > ends) words = fill(texts.over, { minutes: minutes(now - ends) });
  element("elapsed").textContent = words;
}

toggle("mic", "audio", () => devices, tellDevices);
toggle("camera", "video", () => devices, tellDevices);
element("join").addEventListener("click", enter);
element("joinmute").addEventListener("click", enter);
element("gallery").addEventListener("click", () => look("gallery"));
element("speaker").addEventListener("click", () => look("speaker"));
element("hand").addEventListener("click", () => {
  link.send({ do: element("hand").getAttribute("aria-pressed") === "true" ? "lower_hand" : "hand" });
});
element("sound").addEventListener("click", () => {
  for (const audio of document.querySelectorAll("audio")) audio.play();
  element("sound").hidden = true;
});
element("leave").addEventListener("click", () => {
  stop(true);
  location.assign("/meetings");
});
document.getElementById("record")?.addEventListener("click", () => {
  if (link.state?.recording) link.send({ do: "record", on: false });
  else /** @type {HTMLDialogElement} */ (element("recorddialog")).showModal();
});
document.getElementById("recorddialog")?.addEventListener("close", () => {
  if (/** @type {HTMLDialogElement} */ (element("recorddialog")).returnValue !== "ok") return;
  link.send({ do: "record", on: true, rooms: /** @type {HTMLInputElement} */ (element("recordall")).checked });
});
document.getElementById("end")?.addEventListener("click", () => {
  /** @type {HTMLDialogElement} */ (element("enddialog")).showModal();
});
element("enddialog").addEventListener("close", () => {
  if (/** @type {HTMLDialogElement} */ (element("enddialog")).returnValue === "ok") link.send({ do: "end" });
});
link.addEventListener("state", (event) => draw(/** @type {CustomEvent<State>} */ (event).detail));
link.addEventListener("refused", (event) => passing(/** @type {CustomEvent<string>} */ (event).detail));
link.addEventListener("online", () => devices && tellDevices());
window.addEventListener("pagehide", () => [camera, watch, screen.resource()].forEach((each) => each?.stop()));
look(sessionStorage.getItem("view") === "speaker" ? "speaker" : "gallery");
clock();
setInterval(clock, 1000);
inOneTab(`session-${root.dataset.session}`, checkDevices);
