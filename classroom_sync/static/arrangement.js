// @ts-check
// What a class looks at: which picture is large, and which stand beside it in what order. Touches no DOM.

/** @typedef {import("./session.js").State} State */
/** @typedef {import("./session.js").Slot} Slot */

/**
 * A shared screen is to be read, so it is the large one although a class has the floor: that class is
 * the first beside it then. Without one, large is what the server calls the main picture.
 * @param {State} state
 * @returns {{chief: Slot | undefined, others: Slot[], slides: boolean}} `slides`: a screen is the large one
 */
export function arrange(state) {
  const shown = state.slots.filter((slot) => slot.kind === "video" && slot.participant);
  const screen = shown.find((slot) => slot.stream === "screen");
  const chief = screen ?? shown[0];
  const others = shown.filter((slot) => slot !== chief);
  return { chief, others, slides: screen !== undefined };
}

/** Whether a slot beside the large one shows who has the floor. @param {Slot} slot @param {State} state */
export const speaks = (slot, state) => slot.participant === state.floor && slot.stream !== "screen";
