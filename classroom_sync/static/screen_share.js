// @ts-check
// Share a screen, a window or a tab (with its sound, where the browser gives it) as a publisher of its own:
// it becomes everybody's main picture. Elements: #screen; #ownscreen, if one's own is shown.

import { element, show, texts } from "./page.js";
import { publisher } from "./whip.js";

/** @param {import("./session.js").SessionLink} link */
export function screenShare(link) {
  /** @type {import("./media_resource.js").MediaResource | null} */ let resource = null;
  /** @type {MediaStream | null} */ let stream = null;
  const own = /** @type {HTMLVideoElement | null} */ (document.getElementById("ownscreen"));
  const draw = () => {
    element("screen").setAttribute("aria-pressed", String(Boolean(resource)));
    element("screen").textContent = resource ? texts.stopShare : texts.share;
    if (own) own.hidden = !resource;
    if (own) show(own, stream);
  };
  /** @param {boolean} tell the server, where it doesn't know */
  const stop = (tell = true) => {
    if (!resource) return;
    resource.stop(tell);
    for (const track of stream?.getTracks() ?? []) track.stop();
    [resource, stream] = [null, null];
    draw();
  };
  const start = async () => {
    stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: true }).catch(() => null);
    if (!stream) return; // the teacher thought better of it
    resource = publisher(link.grant("publish", "screen"), stream, "screen");
    resource.start();
    stream.getVideoTracks()[0].addEventListener("ended", () => stop()); // by the browser's own button
    draw();
  };
  const button = element("screen");
  if (!navigator.mediaDevices?.getDisplayMedia) button.remove();
  button.addEventListener("click", () => void (resource ? stop() : start()));
  return { stop, resource: () => resource };
}
