// @ts-check
// A classroom screen that nobody touches goes back to waiting for lessons.

const AFTER = 120_000; // ms
/** @type {ReturnType<typeof setTimeout> | undefined} */ let timer;

function wait() {
  clearTimeout(timer);
  timer = setTimeout(() => location.assign("/room"), AFTER);
}

for (const sign of ["pointermove", "keydown", "scroll"]) addEventListener(sign, wait, { passive: true });
wait();
