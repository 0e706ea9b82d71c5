// @ts-check
// The lead teacher's lesson: device check, one click to go live, rooms as tiles, hands and the floor.

import { deviceTrouble, element, fill, hear, inOneTab, lessonClock, notice, openDevices, passing, show, texts } from "./page.js";
import { SessionLink } from "./session.js";
import { sizes } from "./sizes.js";
import { player, streams } from "./whep.js";
import { publisher, sendLayers } from "./whip.js";

/** @typedef {import("./session.js").State} State */

const root = element("lesson");
const link = new SessionLink(root.dataset.session ?? "", root.dataset.csrf ?? "");
const shownIn = sizes((found) => link.send({ do: "sizes", sizes: found }));
/** @type {Map<string, HTMLElement>} */ const tiles = new Map();
/** @type {import("./media_resource.js").MediaResource | null} */ let camera = null;
/** @type {import("./media_resource.js").MediaResource | null} */ let watch = null;
/** @type {import("./media_resource.js").MediaResource | null} */ let screen = null;
/** @type {Map<string, MediaStream>} */ let slots = new Map();
/** @type {string | null} */ let node = null;
/** @type {MediaStream | null} */ let devices = null;
/** @type {string | null} */ let trouble = null; // with the recording, as far as it has been said

async function checkDevices() {
  try {
    devices = await openDevices();
  } catch (error) {
    notice(deviceTrouble(error));
    return;
  }
  show(element("preview"), devices);
  meter(devices);
  /** @type {HTMLButtonElement} */ (element("start")).disabled = false;
  element("start").focus();
  if (root.dataset.resume === "yes" || sessionStorage.getItem(`live-${root.dataset.session}`)) goLive();
}

/** @param {MediaStream} stream */
function meter(stream) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const bar = /** @type {HTMLMeterElement} */ (element("meter"));
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    bar.value = Math.min(1, 4 * Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length));
    if (element("check").hidden) {
      clearInterval(timer);
      context.close();
    }
  }, 100);
}

function goLive() {
  if (!devices || camera) return;
  sessionStorage.setItem(`live-${root.dataset.session}`, "yes"); // a reload goes straight back
  element("check").hidden = true;
  element("live").hidden = false;
  for (const id of ["mic", "camera", "screen", "record", "end"]) element(id).hidden = false;
  show(element("self"), devices);
  camera = publisher(link.grant("publish"), devices);
  camera.addEventListener("connected", () => notice(""));
  camera.addEventListener("lost", () => notice(texts.reconnecting));
  camera.addEventListener("refused", (event) => notice(/** @type {CustomEvent} */ (event).detail.message));
  camera.start();
  const rooms = link.state?.participants.filter((p) => p.role === "receiving").length ?? 3;
  watch = player(link.grant("subscribe"), Math.min(9, Math.max(1, rooms)), 3);
  slots = streams(watch);
  watch.addEventListener("track", (event) => {
    const { track } = /** @type {CustomEvent<RTCTrackEvent>} */ (event).detail;
    if (track.kind === "audio") hear(new MediaStream([track])).catch(() => {});
    if (link.state) drawTiles(link.state);
  });
  watch.start();
}

/** @param {State} state */
function draw(state) {
  const badge = element("state");
  badge.textContent = texts[state.state] ?? "";
  badge.className = `state ${state.state}`;
  if (state.state === "ended" || state.state === "missed" || state.state === "cancelled") return finish();
  if (node !== null && state.node !== node) for (const each of [camera, watch, screen]) each?.restart();
  node = state.node;
  sendLayers(camera, state.layers.camera);
  sendLayers(screen, state.layers.screen);
  drawRecording(state);
  drawObservers(state);
  drawTiles(state);
  drawHands(state);
}

/** @param {State} state */
function drawTiles(state) {
  for (const person of state.participants.filter((p) => p.role === "receiving")) {
    let tile = tiles.get(person.id);
    if (!tile) {
      const template = /** @type {HTMLTemplateElement} */ (element("tile"));
      tile = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
      tile.dataset.participant = person.id;
      tile.querySelector(".floor")?.addEventListener("click", () => {
        link.send({ do: "floor", participant: link.state?.floor === person.id ? null : person.id });
      });
      tile.querySelector(".mute")?.addEventListener("click", () => {
        const muted = link.state?.participants.find((p) => p.id === person.id)?.muted ?? false;
        link.send({ do: "mute", participant: person.id, muted: !muted });
      });
      tiles.set(person.id, tile);
      element("tiles").append(tile);
    }
    drawTile(tile, person, state);
  }
  element("tiles").dataset.count = String(tiles.size);
}

/** @param {HTMLElement} tile @param {import("./session.js").Participant} person @param {State} state */
function drawTile(tile, person, state) {
  const slot = state.slots.find((s) => s.kind === "video" && s.participant === person.id);
  const video = /** @type {HTMLVideoElement} */ (tile.querySelector("video"));
  show(video, slot ? slots.get(slot.mid) ?? null : null);
  if (slot) shownIn(slot.mid, video);
  tile.classList.toggle("dark", Boolean(slot?.dark));
  const here = person.publishing.length > 0 || (person.listen_only && person.watching);
  const name = /** @type {HTMLElement} */ (tile.querySelector(".name"));
  name.textContent = `${person.school} ${person.class}${here ? "" : ` · ${texts.notHere}`}${slot?.dark ? ` · ${texts.dark}` : ""}${person.help ? ` · ${texts.help}` : ""}`;
  tile.classList.toggle("floor", state.floor === person.id);
  tile.classList.toggle("hand", person.hand);
  tile.classList.toggle("absent", !here);
  /** @type {HTMLElement} */ (tile.querySelector(".dot")).className = `dot ${here ? "on" : ""}`;
  /** @type {HTMLElement} */ (tile.querySelector(".heads")).textContent = person.heads ? fill(texts.heads, { expected: person.heads[0], present: person.heads[1] }) : "";
  /** @type {HTMLElement} */ (tile.querySelector("button.floor")).textContent = state.floor === person.id ? texts.takeFloor : texts.giveFloor;
  /** @type {HTMLElement} */ (tile.querySelector("button.mute")).textContent = person.muted ? texts.unmute : texts.mute;
}

/** @param {State} state */
function drawHands(state) {
  const list = element("hands");
  list.replaceChildren(
    ...state.hands.map((id) => {
      const person = state.participants.find((p) => p.id === id);
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.textContent = texts.giveFloor;
      button.addEventListener("click", () => link.send({ do: "floor", participant: id }));
      item.append(`${person?.school ?? ""} ${person?.class ?? ""} `, button);
      return item;
    }),
  );
  element("nohands").hidden = state.hands.length > 0;
}

function finish() {
  sessionStorage.removeItem(`live-${root.dataset.session}`);
  for (const each of [camera, watch, screen]) each?.stop(false);
  for (const track of devices?.getTracks() ?? []) track.stop();
  link.close();
  location.reload(); // the page of an ended lesson shows its attendance
}

/** @param {string} id @param {"audio" | "video"} kind */
function toggle(id, kind) {
  element(id).addEventListener("click", () => {
    for (const track of devices?.getTracks() ?? []) {
      if (track.kind === kind) {
        track.enabled = !track.enabled;
        element(id).setAttribute("aria-pressed", String(track.enabled));
      }
    }
  });
}

async function shareScreen() {
  if (screen) {
    screen.stop();
    screen = null;
    element("screen").setAttribute("aria-pressed", "false");
    element("screen").textContent = texts.share;
    return;
  }
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: true }).catch(() => null);
  if (!stream) return;
  screen = publisher(link.grant("publish", "screen"), stream, "screen");
  screen.start();
  element("screen").setAttribute("aria-pressed", "true");
  element("screen").textContent = texts.stopShare;
  stream.getVideoTracks()[0].addEventListener("ended", () => screen && shareScreen());
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

toggle("mic", "audio");
toggle("camera", "video");
element("start").addEventListener("click", goLive);
element("screen").addEventListener("click", shareScreen);
element("record").addEventListener("click", askToRecord);
element("recorddialog").addEventListener("close", () => {
  if (/** @type {HTMLDialogElement} */ (element("recorddialog")).returnValue === "ok") link.send({ do: "record", on: true, rooms: /** @type {HTMLInputElement | null} */ (document.getElementById("recordrooms"))?.checked ?? false });
});
element("end").addEventListener("click", () => link.send({ do: "end" }));
link.addEventListener("state", (event) => draw(/** @type {CustomEvent<State>} */ (event).detail));
link.addEventListener("refused", (event) => passing(/** @type {CustomEvent<string>} */ (event).detail));
window.addEventListener("pagehide", () => [camera, watch, screen].forEach((each) => each?.stop()));
setInterval(() => {
  element("elapsed").textContent = lessonClock(root.dataset.starts ?? "", root.dataset.ends ?? "");
}, 1000);
inOneTab(`session-${root.dataset.session}`, checkDevices);
