// @ts-check
// The room's line in figures: bulk data both ways, and media through the node and back. Touches no
// DOM.

import { quantile } from "./acceptance_sound.js";

const SIDE_BY_SIDE = 3; // transfers at once: one alone is slow where the way is long
const FIRST = 256 * 1024; // bytes of the first upload; doubled while they are quick
const LARGEST = 32 * 1024 * 1024;
const QUICK = 700; // ms

/** @param {number} bytes @param {number} ms */
const megabits = (bytes, ms) => (ms > 0 ? (bytes * 8) / 1000 / ms : null);

/**
 * @param {string} test @param {number} seconds
 * @returns {Promise<number | null>} Mbit/s
 */
export async function download(test, seconds) {
  const begun = performance.now();
  let bytes = 0;
  let last = begun;
  const one = async () => {
    const answer = await fetch(`/room/acceptance/${test}/download?seconds=${seconds}`, { cache: "no-store" });
    const reader = answer.ok ? answer.body?.getReader() : undefined;
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      bytes += part.value.length;
      last = performance.now();
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, one));
  return bytes ? megabits(bytes, last - begun) : null;
}

/**
 * @param {string} test @param {number} seconds @param {string} csrf
 * @returns {Promise<number | null>} Mbit/s
 */
export async function upload(test, seconds, csrf) {
  const noise = new Uint8Array(1024 * 1024); // random: it can't be compressed on its way
  for (let at = 0; at < noise.length; at += 65536) crypto.getRandomValues(noise.subarray(at, at + 65536));
  const begun = performance.now();
  let bytes = 0;
  const one = async () => {
    let size = FIRST;
    while (performance.now() - begun < seconds * 1000) {
      const body = new Blob(size < noise.length ? [noise.subarray(0, size)] : Array(size / noise.length).fill(noise));
      const from = performance.now();
      const answer = await fetch(`/room/acceptance/${test}/upload`, { method: "POST", body, headers: { "X-CSRF-Token": csrf } });
      if (!answer.ok) return;
      bytes += size;
      if (performance.now() - from < QUICK && size < LARGEST) size *= 2;
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, one));
  return bytes ? megabits(bytes, performance.now() - begun) : null;
}

/**
 * One look at both connections.
 * @param {RTCPeerConnection} up @param {RTCPeerConnection} down
 */
async function look(up, down) {
  const found = { trips: /** @type {number[]} */ ([]), sent: 0, lostUp: 0, received: 0, lostDown: 0, jitters: /** @type {number[]} */ ([]), buffered: 0, emitted: 0 };
  for (const [, stat] of await up.getStats()) {
    if (stat.type === "candidate-pair" && stat.nominated && stat.currentRoundTripTime !== undefined) found.trips.push(stat.currentRoundTripTime);
    if (stat.type === "outbound-rtp") found.sent += stat.packetsSent;
    if (stat.type === "remote-inbound-rtp") found.lostUp += stat.packetsLost;
  }
  for (const [, stat] of await down.getStats()) {
    if (stat.type === "candidate-pair" && stat.nominated && stat.currentRoundTripTime !== undefined) found.trips.push(stat.currentRoundTripTime);
    if (stat.type !== "inbound-rtp") continue;
    found.received += stat.packetsReceived;
    found.lostDown += stat.packetsLost;
    found.jitters.push(stat.jitter);
    if (stat.kind === "video") [found.buffered, found.emitted] = [stat.jitterBufferDelay ?? 0, stat.jitterBufferEmittedCount ?? 0];
  }
  return found;
}

/**
 * Watch both connections for a while, once a second.
 * @param {RTCPeerConnection} up @param {RTCPeerConnection} down @param {number} seconds
 * @returns {Promise<Record<string, number | null>>} round_trip, delay and jitter in ms, losses in %
 */
export async function watch(up, down, seconds) {
  const first = await look(up, down);
  let last = first;
  /** @type {number[]} */ const trips = [];
  /** @type {number[]} */ const jitters = [];
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    await new Promise((done) => setTimeout(done, 1000));
    last = await look(up, down);
    if (last.trips.length) trips.push(last.trips.reduce((a, b) => a + b) / last.trips.length);
    if (last.jitters.length) jitters.push(Math.max(...last.jitters));
  }
  const share = (/** @type {number} */ lost, /** @type {number} */ of) => (of > 0 ? Math.min(100, Math.max(0, (100 * lost) / of)) : null);
  const trip = trips.length ? 1000 * quantile(trips, 0.5) : null;
  const emitted = last.emitted - first.emitted;
  const buffer = emitted > 0 ? (1000 * (last.buffered - first.buffered)) / emitted : null;
  return {
    round_trip: trip,
    delay: trip === null || buffer === null ? null : trip + buffer, // up and down are each half a trip
    jitter: jitters.length ? 1000 * quantile(jitters, 0.5) : null,
    loss_up: share(last.lostUp - first.lostUp, last.sent - first.sent),
    loss_down: share(last.lostDown - first.lostDown, last.received - first.received + Math.max(0, last.lostDown - first.lostDown)),
  };
}
