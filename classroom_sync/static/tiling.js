// @ts-check
// How many columns show a number of 16:9 tiles as large as can be.

const SHAPE = 16 / 9;

/**
 * @param {number} count tiles @param {number} width @param {number} height of the space, in pixels
 * @param {number} gap between tiles @param {number} below what each tile needs under its picture
 * @returns {{columns: number, width: number}} and how wide a tile is then
 */
export function tiling(count, width, height, gap, below) {
  let best = { columns: 1, width: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(count / columns);
    const wide = (width - gap * (columns - 1)) / columns;
    const high = (height - gap * (rows - 1)) / rows - below;
    const tile = Math.floor(Math.min(wide, high * SHAPE));
    if (tile > best.width) best = { columns, width: tile };
  }
  return best;
}

/** Keep the children of a box as large as its space allows. @param {HTMLElement} box @param {number} below */
export function tile(box, below) {
  const lay = () => {
    const gap = parseFloat(getComputedStyle(box).columnGap) || 0;
    const found = tiling(box.childElementCount, box.clientWidth, box.clientHeight, gap, below);
    box.style.setProperty("--columns", String(found.columns));
    box.style.setProperty("--tile", `${found.width}px`);
  };
  new ResizeObserver(lay).observe(box);
  new MutationObserver(lay).observe(box, { childList: true });
  lay();
}
