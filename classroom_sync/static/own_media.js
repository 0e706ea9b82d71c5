// @ts-check
// One's own camera and microphone, as lesson and meeting pages show and switch them.

import { element } from "./page.js";

/** Move the level meter with the microphone, as long as the device check is shown. @param {MediaStream} stream */
export function meter(stream) {
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

/**
 * A button that switches one's own sound or picture off and on.
 * @param {string} id @param {"audio" | "video"} kind @param {() => MediaStream | null} devices
 * @param {(on: boolean) => void} [tell]
 */
export function toggle(id, kind, devices, tell) {
  element(id).addEventListener("click", () => {
    for (const track of devices()?.getTracks() ?? []) {
      if (track.kind === kind) {
        track.enabled = !track.enabled;
        element(id).setAttribute("aria-pressed", String(track.enabled));
        tell?.(track.enabled);
      }
    }
  });
}
