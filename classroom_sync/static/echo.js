// @ts-check
// Whether what a room plays comes back through its microphone: the ups and downs of both levels are
// alike, one a little after the other. (The acceptance test measures echo with a test signal; this
// listens to the lesson itself.)

import { decibels } from "./acceptance_sound.js";
import { meterOf } from "./levels.js";

const STEP = 50; // ms between looks at the levels
const WINDOW = 200; // looks that are compared: 10 s
const LATEST = 16; // looks by which the echo may be late: 0.8 s
const ALIKE = 0.75; // correlation from which on it is an echo: two voices reach some 0.5
const LIVELY = 4; // dB: what is played must rise and fall by so much (standard deviation) to tell
const QUIET = -65; // dBFS: nothing is told apart below
const EVERY = 20; // looks from one judgement to the next
const SURE = 2; // judgements that must agree before anything is said

/**
 * How alike two courses of levels are at the lag where they are most alike.
 * @param {number[]} far what is played, in dBFS @param {number[]} near what the microphone hears
 * @returns {{alike: number, lag: number} | null} correlation −1 … 1 and looks; null: what is played is too quiet, or too even, to tell
 */
export function compare(far, near) {
  if (far.length < WINDOW || near.length < WINDOW) return null;
  const played = far.slice(-WINDOW).map((x) => Math.max(QUIET, x));
  const heard = near.slice(-WINDOW).map((x) => Math.max(QUIET, x));
  if (deviation(played) < LIVELY) return null;
  if (deviation(heard) < LIVELY / 2) return { alike: 0, lag: 0 }; // a microphone that is closed, or a quiet class
  let best = { alike: -1, lag: 0 };
  for (let lag = 0; lag <= LATEST; lag += 1) {
    const alike = correlation(played.slice(0, WINDOW - lag), heard.slice(lag));
    if (alike > best.alike) best = { alike, lag };
  }
  return best;
}

/** @param {number[]} values */
const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;

/** @param {number[]} values */
function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((x) => (x - middle) ** 2)));
}

/** @param {number[]} one @param {number[]} other as long */
function correlation(one, other) {
  const [a, b] = [mean(one), mean(other)];
  const spread = deviation(one) * deviation(other);
  return spread ? mean(one.map((x, n) => (x - a) * (other[n] - b))) / spread : 0;
}

/**
 * Listen for echo as long as the page is open.
 * @param {MediaStream} microphone
 * @param {() => {stream: MediaStream, volume: number}[]} played what the room's loudspeakers play
 * @param {(echo: boolean) => void} tell when it begins and when it ends
 */
export function listenForEcho(microphone, played, tell) {
  const context = new AudioContext();
  const near = meterOf(context, microphone);
  /** @type {Map<MediaStream, ReturnType<typeof meterOf>>} */ const meters = new Map();
  /** @type {number[]} */ const fars = [];
  /** @type {number[]} */ const nears = [];
  let looks = 0;
  let agreeing = 0;
  let said = false;
  return setInterval(() => {
    if (context.state !== "running") return;
    const sounds = played();
    for (const [stream, meter] of meters) {
      if (sounds.some((s) => s.stream === stream)) continue;
      meter.stop();
      meters.delete(stream);
    }
    let power = 0;
    for (const { stream, volume } of sounds) {
      let meter = meters.get(stream);
      if (!meter) meters.set(stream, (meter = meterOf(context, stream)));
      power += meter.power() * volume * volume;
    }
    fars.push(decibels(power));
    nears.push(decibels(near.power()));
    if (fars.length > WINDOW) [fars.shift(), nears.shift()];
    looks += 1;
    if (looks % EVERY) return;
    const found = compare(fars, nears);
    if (found === null) return; // nothing can be told now: what was said stays
    const echo = found.alike >= ALIKE;
    agreeing = echo === said ? 0 : agreeing + 1;
    if (agreeing < SURE) return;
    [said, agreeing] = [echo, 0];
    tell(echo);
  }, STEP);
}
