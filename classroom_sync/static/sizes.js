// @ts-check
// Tells the server how wide each slot is shown, so that no larger picture is sent than is seen.

const SETTLE = 300; // ms without a change before it is told

/**
 * Watch the elements that `shown` names, and send their widths (in device pixels) when they change.
 * @param {(sizes: Record<string, number>) => void} tell
 * @returns {(mid: string, video: HTMLVideoElement) => void} say that a slot is shown in a video
 */
export function sizes(tell) {
  /** @type {Map<string, HTMLVideoElement>} */ const shown = new Map();
  let told = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */ let timer;
  const look = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      /** @type {Record<string, number>} */ const found = {};
      for (const [mid, video] of shown) {
        if (video.isConnected) found[mid] = Math.round(video.clientWidth * devicePixelRatio);
        else shown.delete(mid);
      }
      const now = JSON.stringify(found);
      if (now === told || !shown.size) return;
      told = now;
      tell(found);
    }, SETTLE);
  };
  const observer = new ResizeObserver(look);
  return (mid, video) => {
    if (shown.get(mid) === video) return;
    shown.set(mid, video);
    observer.observe(video);
    look();
  };
}
