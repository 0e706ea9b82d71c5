// @ts-check
// The room's sound in figures: levels, and the echo from loudspeaker to microphone. Touches no DOM.

const ORDER = 15; // of the maximum-length sequence: 32767 samples, 0.68 s at 48 kHz
const SURE = 9; // times the noise of a correlation that its peak must rise to: noise alone gives 4–5
const BEFORE = 0.002; // seconds around the peak that belong to the echo
const AFTER = 0.1;
const QUIETEST = -120; // dBFS: digital silence

/** @param {number} power mean square, full scale 1 */
export const decibels = (power) => (power > 0 ? Math.max(QUIETEST, 10 * Math.log10(power)) : QUIETEST);

/** @param {number[]} values @param {number} share 0 … 1 */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/**
 * The level of the loudest tenth (somebody speaks) and of the quietest tenth (nobody does), in dBFS.
 * @param {Float32Array} samples @param {number} rate samples a second
 * @returns {{level: number, floor: number} | null} null: less than a second was heard
 */
export function levels(samples, rate) {
  const block = Math.round(rate / 10);
  const found = [];
  for (let at = 0; at + block <= samples.length; at += block) {
    let power = 0;
    for (let n = at; n < at + block; n += 1) power += samples[n] * samples[n];
    found.push(decibels(power / block));
  }
  return found.length < 10 ? null : { level: quantile(found, 0.9), floor: quantile(found, 0.1) };
}

/** A maximum-length sequence of ±1 (x¹⁵ + x¹⁴ + 1): white, and unlike itself at any other shift. */
export function sequence() {
  const found = new Float32Array(2 ** ORDER - 1);
  let register = 1;
  for (let n = 0; n < found.length; n += 1) {
    found[n] = register & 1 ? 1 : -1;
    const bit = (register ^ (register >> 1)) & 1;
    register = (register >> 1) | (bit << (ORDER - 1));
  }
  return found;
}

/**
 * The discrete Fourier transform in place (radix 2, Cooley and Tukey); length a power of two.
 * @param {Float64Array} re @param {Float64Array} im
 */
function transform(re, im) {
  const size = re.length;
  for (let i = 1, j = 0; i < size; i += 1) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  for (let half = 1; half < size; half *= 2) {
    for (let k = 0; k < half; k += 1) {
      const angle = (-Math.PI * k) / half;
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      for (let at = k; at < size; at += 2 * half) {
        const other = at + half;
        const x = re[other] * c - im[other] * s;
        const y = re[other] * s + im[other] * c;
        re[other] = re[at] - x;
        im[other] = im[at] - y;
        re[at] += x;
        im[at] += y;
      }
    }
  }
}

/**
 * Circular cross-correlation of one period with the sequence, by every shift.
 * @param {Float64Array} period @param {Float32Array} reference as long
 */
function correlate(period, reference) {
  const length = reference.length;
  let size = 1;
  while (size < 3 * length) size *= 2;
  const [aRe, aIm, bRe, bIm] = [0, 0, 0, 0].map(() => new Float64Array(size));
  aRe.set(period);
  aRe.set(period, length);
  bRe.set(reference);
  transform(aRe, aIm);
  transform(bRe, bIm);
  for (let n = 0; n < size; n += 1) { // a · conj(b), conjugated once more for the way back
    const re = aRe[n] * bRe[n] + aIm[n] * bIm[n];
    aIm[n] = -(aIm[n] * bRe[n] - aRe[n] * bIm[n]);
    aRe[n] = re;
  }
  transform(aRe, aIm);
  return aRe.subarray(0, length).map((x) => x / size);
}

/**
 * Where the sequence that is played over and over is heard in what was recorded meanwhile.
 * @param {Float32Array} recorded whole periods, from the instant at which one began to be played
 * @param {Float32Array} reference the sequence
 * @param {number} amplitude at which it was played, full scale 1
 * @param {number} rate samples a second
 * @returns {{delay: number, loss: number} | null} ms (less than a period), and the echo return loss
 *   in dB, from what is played to what is picked up; null: it was not heard
 */
export function echo(recorded, reference, amplitude, rate) {
  const length = reference.length;
  const periods = Math.floor(recorded.length / length);
  if (!periods) return null;
  const mean = new Float64Array(length);
  for (let n = 0; n < periods * length; n += 1) mean[n % length] += recorded[n] / periods;
  const response = correlate(mean, reference).map((x) => x / (length * amplitude));
  let peak = 0;
  for (let n = 1; n < length; n += 1) if (Math.abs(response[n]) > Math.abs(response[peak])) peak = n;
  const noise = 1.4826 * quantile([...response].map(Math.abs), 0.5); // a median gives σ of a normal
  if (!(Math.abs(response[peak]) > SURE * noise) || response[peak] === 0) return null;
  let power = 0;
  for (let n = -Math.round(BEFORE * rate); n <= Math.round(AFTER * rate); n += 1) {
    const at = response[(peak + n + length) % length];
    power += Math.max(0, at * at - noise * noise);
  }
  return { delay: (1000 * peak) / rate, loss: -decibels(power) };
}

/**
 * What a tap hears from a frame on.
 * @param {AudioWorkletNode} tap @param {number} from frame of its context @param {number} frames
 * @returns {Promise<Float32Array>}
 */
export function record(tap, from, frames) {
  const found = new Float32Array(frames);
  return new Promise((resolve) => {
    tap.port.onmessage = ({ data: { frame, samples } }) => {
      for (let n = 0; n < samples.length; n += 1) {
        const at = frame - from + n;
        if (at >= 0 && at < frames) found[at] = samples[n];
      }
      if (frame >= from + frames) {
        tap.port.onmessage = null;
        resolve(found);
      }
    };
  });
}
