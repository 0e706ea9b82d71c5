// @ts-check
// A microphone that is open only while its button is held, or while the class has the floor.

/**
 * @param {HTMLElement} button
 * @param {() => MediaStreamTrack | undefined} track
 */
export function pushToTalk(button, track) {
  let on = false;
  let floor = false;
  let held = false;
  const apply = () => {
    const microphone = track();
    if (microphone) microphone.enabled = !on || floor || held;
    button.hidden = !on || floor;
    button.classList.toggle("held", held);
    button.setAttribute("aria-pressed", String(held));
  };
  const hold = (/** @type {boolean} */ down) => {
    if (held === down) return;
    held = down;
    apply();
  };
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId); // a finger that slides off still holds
    hold(true);
  });
  for (const name of ["pointerup", "pointercancel", "blur"]) button.addEventListener(name, () => hold(false));
  button.addEventListener("keydown", (event) => void ([" ", "Enter"].includes(event.key) && (event.preventDefault(), hold(true))));
  button.addEventListener("keyup", () => hold(false));
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch
  return {
    /** @param {boolean} wanted @param {boolean} hasFloor */
    set(wanted, hasFloor) {
      [on, floor] = [wanted, hasFloor];
      apply();
    },
  };
}
