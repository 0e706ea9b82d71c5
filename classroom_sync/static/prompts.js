// @ts-check
// What the assistant teacher can do for the lesson right now, in one sentence. Touches no DOM.

const AFTER_FLOOR = 60_000; // ms for which feedback is what matters
const SETTLED = 60_000; // ms after the bell from which on heads are counted

/**
 * The name of the prompt (see the texts of room.html) for a moment.
 * @param {import("./session.js").State} state
 * @param {number} now ms @param {number | null} hadFloor ms: when the class last had the floor
 * @returns {"doors" | "poll" | "floor" | "feedback" | "hand" | "heads" | "watch"}
 */
export function promptFor(state, now, hadFloor) {
  const me = state.participants.find((p) => p.id === state.you);
  if (state.floor === state.you && state.you !== null) return "floor";
  if (state.poll?.state === "open" && !(me?.id && state.poll.answers[me.id])) return "poll";
  if (me?.hand) return "hand";
  if (state.state === "open") return "doors";
  if (hadFloor !== null && now - hadFloor < AFTER_FLOOR) return "feedback";
  if (!me?.heads && now - Date.parse(state.starts_at) > SETTLED) return "heads";
  return "watch";
}
