// @ts-check
// The device check: camera, microphone, loudspeaker and line, in words; remembered on this device.
// Elements: #preview, #meter, #cameras, #microphones, #ring, #heard, #unheard, #linecheck, #checked, and
// an item of #checks for each part with data-step and data-result (wait, ok, bad).

import { watch } from "./acceptance_line.js";
import { deviceTrouble, element, fill, openWhatThereIs, show, texts } from "./page.js";
import { meterOf } from "./levels.js";
import { player } from "./whep.js";
import { publisher } from "./whip.js";

/** @typedef {{camera?: string, microphone?: string, at?: string, heard?: boolean}} Remembered */
/** @typedef {{url: string, token: string, ice_servers: RTCIceServer[]}} Grant */

const KEY = "devices";
const CONNECT = 10_000; // ms for media to come back
const MEASURE = 4; // seconds
const LOUD = 0.02; // of full scale (effective): somebody speaks
const FAR = 400; // ms there and back from which on talk gets difficult
const LOSSY = 5; // %
const NARROW = 400_000; // bit/s upwards below which the picture stays small

/** @returns {Remembered} */
export function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

/** @param {Remembered} more */
const remember = (more) => localStorage.setItem(KEY, JSON.stringify({ ...remembered(), ...more }));

/** @param {string} step @param {"wait" | "ok" | "bad"} result @param {string} text */
function say(step, result, text) {
  const item = element("checks").querySelector(`[data-step="${step}"]`);
  if (!(item instanceof HTMLElement)) return;
  item.dataset.result = result;
  const words = item.querySelector(".words");
  if (words && words.textContent !== text) words.textContent = text;
}

export class DeviceCheck extends EventTarget {
  /** @param {() => Promise<{publish: Grant, play: Grant}>} grants for the way to the media node and back */
  constructor(grants) {
    super();
    this.grants = grants;
    /** @type {MediaStream | null} */ this.stream = null;
    /** @type {import("./media_resource.js").MediaResource[]} */ this.resources = [];
    /** @type {ReturnType<typeof setInterval> | undefined} */ this.timer = undefined;
    this.done = false;
    for (const id of ["cameras", "microphones"]) element(id).addEventListener("change", () => this.#chosen());
    element("ring").addEventListener("click", () => ring());
    element("heard").addEventListener("click", () => this.#heard(true));
    element("unheard").addEventListener("click", () => this.#heard(false));
    element("linecheck").addEventListener("click", () => this.checkLine());
    navigator.mediaDevices?.addEventListener("devicechange", () => void (!this.done && this.open()));
  }

  /** Open camera and microphone and say how it went. Event "ready" once there is anything to send. */
  async open() {
    const before = remembered();
    this.#release();
    const { stream, trouble } = await openWhatThereIs(before);
    if (this.done) return stream?.getTracks().forEach((track) => track.stop());
    this.stream = stream;
    const [camera] = stream?.getVideoTracks() ?? [];
    const [microphone] = stream?.getAudioTracks() ?? [];
    const wrong = trouble ? deviceTrouble(trouble) : "";
    say("camera", camera ? "ok" : "bad", camera?.label || wrong || texts.noCamera);
    say("microphone", microphone ? "wait" : "bad", microphone ? texts.speakNow : wrong || texts.noMicrophone);
    if (before.heard) say("speaker", "ok", texts.speakerHeard);
    if (before.at) element("checked").textContent = fill(texts.checkedOn, { day: before.at });
    if (!stream) return;
    show(element("preview"), stream);
    if (microphone) this.#meter(stream);
    await list(camera, microphone);
    remember({ camera: camera?.getSettings().deviceId ?? before.camera, microphone: microphone?.getSettings().deviceId ?? before.microphone });
    this.dispatchEvent(new Event("ready"));
  }

  /** Media to the lesson's node and back; where this device passed before, only when asked. */
  async checkLine() {
    if (!this.stream || this.resources.length) return;
    say("line", "wait", texts.lineWait);
    try {
      const { publish, play } = await this.grants();
      const up = publisher(async () => publish, this.stream);
      const down = player(async () => play, 1, 1);
      this.resources = [up, down];
      const refusal = new Promise((done) => [up, down].forEach((each) => each.addEventListener("refused", (event) => done(/** @type {CustomEvent} */ (event).detail.message))));
      const back = new Promise((done) => down.addEventListener("track", (event) => {
        /** @type {CustomEvent<RTCTrackEvent>} */ (event).detail.track.addEventListener("unmute", () => done(true), { once: true });
      }));
      up.start();
      down.start();
      const found = await Promise.race([back, refusal, new Promise((done) => setTimeout(() => done(false), CONNECT))]);
      if (this.done) return;
      if (found !== true || !up.pc || !down.pc) {
        const relayed = publish.ice_servers.some((server) => String(server.urls).startsWith("turn"));
        say("line", "bad", typeof found === "string" ? found : relayed ? texts.lineBlockedTurn : texts.lineBlocked);
        return;
      }
      this.#judge(await watch(up.pc, down.pc, MEASURE), await way(up.pc));
    } catch (error) {
      say("line", "bad", error instanceof Error && error.message ? error.message : texts.reconnecting);
    } finally {
      this.#hangUp();
    }
  }

  /** @param {Record<string, number | null>} figures @param {{bits: number | null, relayed: boolean}} line */
  #judge({ round_trip: trip, loss_up: up, loss_down: down }, { bits, relayed }) {
    if (this.done) return;
    const values = { trip: Math.round(trip ?? 0), megabits: bits === null ? "–" : (bits / 1e6).toFixed(1), loss: Math.max(up ?? 0, down ?? 0).toFixed(0) };
    let words = texts.lineGood;
    if (Math.max(up ?? 0, down ?? 0) > LOSSY) words = texts.lineLossy;
    else if ((trip ?? 0) > FAR) words = texts.lineFar;
    else if (bits !== null && bits < NARROW) words = texts.lineNarrow;
    const good = words === texts.lineGood;
    say("line", good ? "ok" : "bad", fill(words, values) + (relayed ? ` ${texts.lineRelayed}` : ""));
    if (good) remember({ at: new Date().toLocaleDateString("sv") });
  }

  /** Give the stream away: it is for the lesson now. @returns {MediaStream | null} */
  finish() {
    this.done = true;
    clearInterval(this.timer);
    this.#hangUp();
    return this.stream;
  }

  #hangUp() {
    for (const each of this.resources) each.stop();
    this.resources = [];
  }

  #release() {
    clearInterval(this.timer);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
  }

  #chosen() {
    const value = (/** @type {string} */ id) => /** @type {HTMLSelectElement} */ (element(id)).value || undefined;
    remember({ camera: value("cameras"), microphone: value("microphones") });
    this.open();
  }

  /** @param {boolean} heard */
  #heard(heard) {
    remember({ heard });
    say("speaker", heard ? "ok" : "bad", heard ? texts.speakerHeard : texts.speakerUnheard);
  }

  /** @param {MediaStream} stream */
  #meter(stream) {
    const context = new AudioContext();
    const meter = meterOf(context, stream);
    const bar = /** @type {HTMLMeterElement} */ (element("meter"));
    let heard = false;
    const timer = setInterval(() => {
      if (this.done || this.stream !== stream) {
        clearInterval(timer);
        context.close();
        return;
      }
      const level = Math.sqrt(meter.power());
      bar.value = Math.min(1, 4 * level);
      if (!heard && level > LOUD) {
        heard = true;
        say("microphone", "ok", stream.getAudioTracks()[0]?.label ?? "");
      }
    }, 100);
    this.timer = timer;
  }
}

/** Fill the choices. @param {MediaStreamTrack | undefined} camera @param {MediaStreamTrack | undefined} microphone */
async function list(camera, microphone) {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const fillIn = (/** @type {string} */ id, /** @type {string} */ kind, /** @type {MediaStreamTrack | undefined} */ now) => {
    const box = /** @type {HTMLSelectElement} */ (element(id));
    const options = devices.filter((d) => d.kind === kind && d.deviceId).map((d) => new Option(d.label || d.deviceId, d.deviceId, false, d.deviceId === now?.getSettings().deviceId));
    box.replaceChildren(...options);
    box.disabled = options.length < 2;
  };
  fillIn("cameras", "videoinput", camera);
  fillIn("microphones", "audioinput", microphone);
}

/** Which way media goes upwards, and how much of it could. @param {RTCPeerConnection} pc */
async function way(pc) {
  const stats = await pc.getStats();
  let bits = null;
  let relayed = false;
  for (const [, stat] of stats) {
    if (stat.type !== "candidate-pair" || !stat.nominated) continue;
    bits = stat.availableOutgoingBitrate ?? bits;
    relayed = relayed || stats.get(stat.localCandidateId)?.candidateType === "relay";
  }
  return { bits, relayed };
}

/** Three notes from the loudspeakers. */
function ring() {
  const context = new AudioContext();
  [523, 659, 784].forEach((frequency, n) => {
    const tone = new OscillatorNode(context, { frequency });
    const volume = new GainNode(context, { gain: 0.2 });
    tone.connect(volume).connect(context.destination);
    tone.start(context.currentTime + n * 0.35);
    tone.stop(context.currentTime + n * 0.35 + 0.3);
    if (n === 2) tone.onended = () => context.close();
  });
}
