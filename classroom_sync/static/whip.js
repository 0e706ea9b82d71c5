// @ts-check
// Publish a stream by WHIP (RFC 9725). Touches no DOM.

import { MediaResource } from "./media_resource.js";

const VIDEO_BITRATE = 1_500_000; // bits per second: 720p at 25 pictures
const SCREEN_BITRATE = 2_000_000;

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
        sendEncodings: video ? [{ maxBitrate: kind === "screen" ? SCREEN_BITRATE : VIDEO_BITRATE }] : undefined,
      });
    }
  });
}
