// @ts-check
// Play by WHEP (draft-ietf-wish-whep): each recvonly m-line is a slot that the server fills. Touches
// no DOM.

import { MediaResource } from "./media_resource.js";

/**
 * @param {() => Promise<{url: string, token: string}>} grant
 * @param {number} videos how many video slots
 * @param {number} audios how many audio slots
 */
export function player(grant, videos, audios) {
  return new MediaResource(grant, (pc) => {
    for (let n = 0; n < audios; n += 1) pc.addTransceiver("audio", { direction: "recvonly" });
    for (let n = 0; n < videos; n += 1) pc.addTransceiver("video", { direction: "recvonly" });
  });
}

/**
 * The streams of a player by m-line id, kept for the life of its connection.
 * @param {MediaResource} resource
 * @returns {Map<string, MediaStream>}
 */
export function streams(resource) {
  const found = new Map();
  resource.addEventListener("track", (event) => {
    const { transceiver, track } = /** @type {CustomEvent<RTCTrackEvent>} */ (event).detail;
    if (transceiver.mid !== null) found.set(transceiver.mid, new MediaStream([track]));
  });
  return found;
}
