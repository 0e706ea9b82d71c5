// @roamhq/wrtc: libwebrtc for Node, with a picture and a tone that are made here.

import wrtc from "@roamhq/wrtc";
import * as plain from "./plain.js";

const [WIDTH, HEIGHT, FPS] = [320, 180, 15];
const RATE = 48000;

Object.assign(globalThis, { MediaStream: wrtc.MediaStream, RTCPeerConnection: wrtc.RTCPeerConnection });

function picture() {
  const source = new wrtc.nonstandard.RTCVideoSource();
  let n = 0;
  setInterval(() => {
    const data = new Uint8ClampedArray((WIDTH * HEIGHT * 3) / 2).fill(128);
    data.fill(255, 0, WIDTH * (n++ % HEIGHT)); // a white curtain that falls
    source.onFrame({ width: WIDTH, height: HEIGHT, data });
  }, 1000 / FPS);
  return source.createTrack();
}

function tone() {
  const source = new wrtc.nonstandard.RTCAudioSource();
  let n = 0;
  setInterval(() => {
    const samples = Int16Array.from({ length: RATE / 100 }, () => 8000 * Math.sin((2 * Math.PI * 440 * n++) / RATE));
    source.onData({ samples, sampleRate: RATE, bitsPerSample: 16, channelCount: 1 });
  }, 10);
  return source.createTrack();
}

const mediaDevices = { getUserMedia: async () => new wrtc.MediaStream([tone(), picture()]) };
Object.defineProperty(globalThis, "navigator", { value: { mediaDevices }, configurable: true });

export const { publish, play } = plain;
