// @ts-check
// The acceptance test of a room, on its own screen: devices, echo, line, media, reconnection.

import { download, upload, watch } from "./acceptance_line.js";
import { echo, levels, record, sequence } from "./acceptance_sound.js";
import { call } from "./api.js";
import { deviceTrouble, element, inOneTab, notice, show, texts } from "./page.js";
import { player } from "./whep.js";
import { publisher } from "./whip.js";

/** @typedef {{url: string, token: string, ice_servers: RTCIceServer[]}} Grant */
/** @typedef {{id: string, kind: string, seconds: number, media_seconds: number, publish: Grant, play: Grant}} Plan */

const AMPLITUDE = 0.2; // of the sequence that is played, full scale 1
const SETTLE = 0.5; // seconds before sound and picture are measured
const FIRST_PICTURE = 20_000; // ms to wait for one
const TRIES = 5;
const IDLE = 5 * 60_000; // ms after which a screen that nobody uses waits for lessons again

const root = element("acceptance");
const csrf = root.dataset.csrf ?? "";
const wait = (/** @type {number} */ seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
/** @type {Record<string, number | null>} */ const figures = {};
/** @type {import("./media_resource.js").MediaResource[]} */ const resources = [];
/** @type {MediaStream | null} */ let devices = null;
const idle = setTimeout(() => location.assign("/room"), IDLE);

/** @param {string} name */
function step(name) {
  for (const item of element("steps").children) {
    const mine = /** @type {HTMLElement} */ (item).dataset.step === name;
    if (item.classList.contains("now") && !mine) item.className = "done";
    if (mine) item.className = "now";
  }
  element("what").textContent = texts[name];
}

/** @param {number} seconds */
function progress(seconds) {
  const begun = performance.now();
  const bar = /** @type {HTMLProgressElement} */ (element("progress"));
  setInterval(() => (bar.value = Math.min(0.99, (performance.now() - begun) / (1000 * seconds))), 250);
}

/** @returns {Promise<MediaStream | null>} the camera, and the microphone as it is */
async function openRaw() {
  try {
    if (!navigator.mediaDevices) throw new Error("insecure");
    return await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      video: { width: { ideal: 1920 }, height: { ideal: 1080 }, frameRate: { ideal: 25 } },
    });
  } catch (error) {
    notice(deviceTrouble(error));
    return null;
  }
}

/** A picture and a tone, for a room that has no camera. @param {AudioContext} context */
function testCard(context) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [1280, 720];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  let turn = 0;
  setInterval(() => {
    turn += 1;
    pen.fillStyle = `hsl(${(turn * 3) % 360} 60% 45%)`;
    pen.fillRect((turn * 16) % 1280, 0, 160, 720);
  }, 40);
  const tone = new OscillatorNode(context, { frequency: 440 });
  const to = context.createMediaStreamDestination();
  tone.connect(to);
  tone.start();
  return new MediaStream([...canvas.captureStream(25).getTracks(), ...to.stream.getTracks()]);
}

/** @param {number} seconds */
async function measureCamera(seconds) {
  const video = /** @type {HTMLVideoElement} */ (element("self"));
  show(video, devices);
  await new Promise((done) => video.requestVideoFrameCallback(done));
  await wait(SETTLE);
  let frames = 0;
  let [first, last] = [0, 0];
  const count = (/** @type {number} */ _now, /** @type {VideoFrameCallbackMetadata} */ { presentedFrames, mediaTime }) => {
    if (!first) [first, frames] = [mediaTime, presentedFrames];
    last = mediaTime;
    figures.camera_rate = last > first ? (presentedFrames - frames) / (last - first) : null;
    video.requestVideoFrameCallback(count);
  };
  video.requestVideoFrameCallback(count);
  await wait(seconds);
  figures.camera_lines = Math.min(video.videoWidth, video.videoHeight);
}

/** @param {AudioContext} context */
async function running(context) {
  await Promise.race([context.resume(), wait(1)]);
  if (context.state === "running") return;
  element("sound").hidden = false;
  await new Promise((done) => element("sound").addEventListener("click", done, { once: true }));
  element("sound").hidden = true;
  await context.resume();
}

/** @param {AudioContext} context @param {MediaStream} from */
async function tapOf(context, from) {
  await context.audioWorklet.addModule(root.dataset.tap ?? "");
  const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0 });
  context.createMediaStreamSource(from).connect(tap);
  return tap;
}

const frameOf = (/** @type {AudioContext} */ context) => Math.round(context.currentTime * context.sampleRate);

/** @param {AudioContext} context @param {AudioWorkletNode} tap @param {number} seconds */
async function measureMicrophone(context, tap, seconds) {
  const rate = context.sampleRate;
  const found = levels(await record(tap, frameOf(context), Math.round(seconds * rate)), rate);
  figures.microphone_level = found?.level ?? null;
  figures.noise_floor = found?.floor ?? null;
}

/** @param {AudioContext} context @param {AudioWorkletNode} tap @param {number} seconds */
async function measureEcho(context, tap, seconds) {
  const rate = context.sampleRate;
  const reference = sequence();
  const buffer = context.createBuffer(1, reference.length, rate);
  buffer.copyToChannel(reference.map((x) => x * AMPLITUDE), 0);
  const from = frameOf(context) + Math.round(0.2 * rate);
  const source = new AudioBufferSourceNode(context, { buffer, loop: true });
  source.connect(context.destination);
  source.start(from / rate);
  const periods = Math.max(1, Math.floor((seconds * rate) / reference.length) - 1);
  const heard = await record(tap, from + reference.length, periods * reference.length); // not the first: it has no past
  source.stop();
  const found = echo(heard, reference, AMPLITUDE, rate);
  figures.echo_delay = found?.delay ?? null;
  figures.echo_return_loss = found?.loss ?? null;
}

/** Until a fresh picture is shown; false: none came. @param {HTMLVideoElement} video */
const picture = (video) =>
  Promise.race([new Promise((done) => video.requestVideoFrameCallback(() => done(true))), wait(FIRST_PICTURE / 1000)]);

/** @param {Plan} plan @param {MediaStream} stream */
async function measureMedia(plan, stream) {
  const up = publisher(async () => plan.publish, stream);
  const down = player(async () => plan.play, 1, 1);
  resources.push(up, down);
  /** @type {(value: HTMLVideoElement) => void} */ let arrived = () => {};
  down.addEventListener("track", (event) => {
    const { track } = /** @type {CustomEvent<RTCTrackEvent>} */ (event).detail;
    if (track.kind !== "video") return;
    const video = document.createElement("video"); // a new one: its first picture is of this connection
    [video.autoplay, video.muted, video.playsInline] = [true, true, true];
    video.srcObject = new MediaStream([track]);
    element("back").replaceChildren(video);
    arrived(video);
  });
  const shown = async () => {
    const video = await Promise.race([new Promise((done) => (arrived = done)), wait(FIRST_PICTURE / 1000)]);
    return Boolean(video && (await picture(video)));
  };
  let coming = shown();
  up.start();
  down.start();
  const seen = await coming;
  if (seen && up.pc && down.pc) Object.assign(figures, await watch(up.pc, down.pc, plan.media_seconds));
  step("reconnect");
  const cut = performance.now();
  coming = shown();
  up.restart();
  down.restart();
  figures.reconnect = (await coming) ? (performance.now() - cut) / 1000 : null;
  for (const each of resources) each.stop();
}

/** What can't be measured stays unmeasured; the test goes on. @param {string} name @param {() => Promise<unknown>} work */
async function part(name, work) {
  step(name);
  try {
    await work();
  } catch (error) {
    console.warn(name, error);
  }
}

/** @param {Plan} plan */
async function measure(plan) {
  const { id, seconds } = plan;
  const listens = plan.kind === "cloud";
  if (!listens) devices = await openRaw();
  const context = new AudioContext();
  const raw = devices;
  if (raw) {
    await part("camera", () => measureCamera(seconds * 0.07));
    await running(context);
    const tap = await tapOf(context, raw);
    await part("microphone", () => measureMicrophone(context, tap, Math.max(1.5, seconds * 0.13)));
    await part("echo", () => measureEcho(context, tap, Math.max(3, seconds * 0.05)));
  }
  await part("down", async () => (figures.throughput_down = await download(id, seconds * 0.08)));
  await part("up", async () => (figures.throughput_up = await upload(id, seconds * 0.08, csrf)));
  await part("media", async () => measureMedia(plan, raw ?? testCard(context)));
  await context.close();
}

/** @param {Plan} plan */
async function send(plan) {
  step("send");
  for (let left = TRIES; ; left -= 1) {
    try {
      await call("POST", `/api/v1/acceptance-tests/${plan.id}/result`, csrf, figures);
      return;
    } catch (error) {
      if (left === 1) throw error;
      await wait(2);
    }
  }
}

/** @param {string} waiting a test that was asked for, or "" */
async function run(waiting) {
  clearTimeout(idle);
  element("start").hidden = true;
  element("run").hidden = false;
  try {
    const id = waiting || (await call("POST", `/api/v1/rooms/${root.dataset.room}/acceptance-tests`, csrf)).id;
    /** @type {Plan} */ const plan = await call("POST", `/api/v1/acceptance-tests/${id}/begin`, csrf);
    progress(plan.seconds);
    await measure(plan);
    await send(plan);
    location.assign(`/certificates/${id}`);
  } catch (error) {
    notice(error instanceof Error ? error.message : String(error));
    setTimeout(() => location.reload(), 15_000);
  }
}

window.addEventListener("pagehide", () => resources.forEach((each) => each.stop()));
if ("wakeLock" in navigator) navigator.wakeLock.request("screen").catch(() => {});
element("begin")?.addEventListener("click", () => inOneTab("acceptance", () => void run("")));
if (root.dataset.waiting) inOneTab("acceptance", () => void run(root.dataset.waiting ?? ""));
