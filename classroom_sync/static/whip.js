// @ts-check
// Publish a stream by WHIP (RFC 9725), in simulcast layers (RFC 8853). Touches no DOM.

import { MediaResource } from "./media_resource.js";

/** @type {Record<"camera" | "screen", RTCRtpEncodingParameters[]>} bits per second; smallest first */
const LAYERS = {
  camera: [
    { rid: "l", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
    { rid: "m", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
    { rid: "h", maxBitrate: 1_500_000 },
  ],
  screen: [
    { rid: "l", scaleResolutionDownBy: 2, maxBitrate: 200_000, maxFramerate: 5 },
    { rid: "h", maxBitrate: 2_000_000 },
  ],
};

/**
 * @param {() => Promise<{url: string, token: string}>} grant
 * @param {MediaStream} stream at most one audio and one video track
 * @param {"camera" | "screen"} kind
 */
export function publisher(grant, stream, kind = "camera") {
  return new MediaResource(grant, (pc) => {
    for (const track of stream.getTracks()) {
      const video = track.kind === "video";
      if (video) track.contentHint = kind === "screen" ? "detail" : "motion";
      pc.addTransceiver(track, {
        direction: "sendonly",
        streams: [stream],
        sendEncodings: video ? LAYERS[kind].map((layer) => ({ ...layer })) : undefined,
      });
    }
  });
}

/**
 * Encode only the layers that somebody watches; undefined: all.
 * @param {MediaResource | null} resource
 * @param {string[] | undefined} rids
 */
export async function sendLayers(resource, rids) {
  for (const sender of resource?.pc?.getSenders() ?? []) {
    const parameters = sender.getParameters();
    const layers = parameters.encodings.filter((encoding) => encoding.rid);
    const wanted = (/** @type {RTCRtpEncodingParameters} */ layer) => !rids || rids.includes(layer.rid ?? "");
    if (layers.every((layer) => layer.active === wanted(layer))) continue;
    for (const layer of layers) layer.active = wanted(layer);
    await sender.setParameters(parameters).catch(() => {}); // the connection was replaced meanwhile
  }
}
