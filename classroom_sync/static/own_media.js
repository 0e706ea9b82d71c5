// @ts-check
// One's own camera, microphone and screen, as lesson and meeting pages show and send them.

import { element, texts } from "./page.js";
import { publisher } from "./whip.js";

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

/** The button #screen and what it shares, sent as a stream of its own. */
export class ScreenShare {
  /** @param {import("./session.js").SessionLink} link */
  constructor(link) {
    this.link = link;
    /** @type {import("./media_resource.js").MediaResource | null} */ this.resource = null;
    /** @type {MediaStream | null} */ this.stream = null;
    element("screen").addEventListener("click", () => this.#turn());
  }

  async #turn() {
    if (this.resource) return this.stop();
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: true }).catch(() => null);
    if (!stream) return;
    this.stream = stream;
    this.resource = publisher(this.link.grant("publish", "screen"), stream, "screen");
    this.resource.start();
    this.#say(true);
    stream.getVideoTracks()[0].addEventListener("ended", () => this.resource && this.stop());
  }

  /** Share no longer. @param {boolean} tell false where the server has ended it already */
  stop(tell = true) {
    this.resource?.stop(tell);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.resource = this.stream = null;
    this.#say(false);
  }

  /** @param {boolean} shared */
  #say(shared) {
    element("screen").setAttribute("aria-pressed", String(shared));
    element("screen").textContent = shared ? texts.stopShare : texts.share;
  }
}
