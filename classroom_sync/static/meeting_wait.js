// @ts-check
// A meeting that has not begun: its page goes on by itself when the doors open, or it is cancelled.
import { SessionLink } from "./session.js";

const waiting = document.getElementById("waiting");
const link = new SessionLink(waiting?.dataset.session ?? "", "");
link.addEventListener("state", (event) => {
  if (/** @type {CustomEvent} */ (event).detail.state !== "scheduled") location.reload();
});
