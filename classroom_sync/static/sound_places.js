// @ts-check
// How loud each sound is played: classes that don't have the floor step back while another has it.

const BACK = 0.2; // volume of those that step back

/** @typedef {import("./session.js").State} State */

/**
 * @param {State} state @param {string | null} participant whose sound it is
 * @returns {number} 0 … 1
 */
export function volumeOf(state, participant) {
  const person = state.participants.find((p) => p.id === participant);
  if (!person || person.role === "lead" || state.floor === participant) return 1;
  return state.floor !== null || person.findings.includes("echo") ? BACK : 1;
}

/** Play every sound of the page as loud as it should be. @param {State} state */
export function placeSounds(state) {
  for (const audio of document.querySelectorAll("audio")) {
    const slot = state.slots.find((s) => s.kind === "audio" && s.mid === audio.dataset.mid);
    audio.volume = volumeOf(state, slot?.participant ?? null);
  }
}
