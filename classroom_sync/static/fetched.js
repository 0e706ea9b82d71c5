// @ts-check
// Lessons kept on this computer, in Cache Storage: a manifest of each, and its content in chunks, so
// that a broken line costs one chunk. The service worker (room_worker.js) plays them from there.

/** @typedef {{id: string, name: string, opened: boolean, watched: boolean, share: number}} SentClass */
/** @typedef {{push: string, kind: string, title: string, subject: string, teacher: string, note: string, sent_on: string, due_on: string, media_type: string, size: number | null, duration_ms: number | null, tag: string | null, classes: SentClass[]}} Item */
/** @typedef {{tag: string, size: number, type: string, chunk: number, etag: string, whole: boolean, told?: boolean}} Manifest */

const CACHE = "sent"; // as in room_worker.js
const CHUNK = 1 << 20; // bytes
const PATIENCE = 60000; // ms for a chunk

/** @param {Item} item */
export const addressOf = (item) => `/room/sent/${item.push}/content`;

/** @param {string} url */
const manifestOf = (url) => `${url}?manifest`;

/** @param {Cache} cache @param {string} url @returns {Promise<Manifest | null>} */
async function manifest(cache, url) {
  const found = await cache.match(manifestOf(url));
  return found ? found.json() : null;
}

/** @param {Cache} cache @param {string} url @param {Manifest} of */
const write = (cache, url, of) => cache.put(manifestOf(url), new Response(JSON.stringify(of)));

/** Everything that is kept: address → manifest. @returns {Promise<Map<string, Manifest>>} */
export async function kept() {
  const found = new Map();
  if (!("caches" in window)) return found;
  const cache = await caches.open(CACHE);
  for (const request of await cache.keys()) {
    const { pathname, search } = new URL(request.url);
    if (search === "?manifest") found.set(pathname, await manifest(cache, pathname));
  }
  return found;
}

/** @param {string} url */
async function drop(url) {
  const cache = await caches.open(CACHE);
  for (const request of await cache.keys(url, { ignoreSearch: true })) await cache.delete(request);
}

/** Whether nothing is to be done with it any more. @param {Item} item */
export const finished = (item) => item.classes.every((c) => c.watched) || item.due_on < new Date().toLocaleDateString("sv");

/**
 * Fetch an item chunk by chunk, from the first that is missing. Throws where the line breaks; what has
 * come stays.
 * @param {Item} item @param {(share: number) => void} progress @param {AbortSignal} signal
 */
async function fetchItem(item, progress, signal) {
  const url = addressOf(item);
  const cache = await caches.open(CACHE);
  const known = await manifest(cache, url);
  if (known && known.tag !== item.tag) await drop(url);
  const size = item.size ?? 0;
  /** @type {Manifest} */
  const of = known?.tag === item.tag ? known : { tag: item.tag ?? "", size, type: item.media_type, chunk: CHUNK, etag: "", whole: false };
  await write(cache, url, of);
  for (let start = 0; start < size; start += of.chunk) {
    const place = `${url}?chunk=${start / of.chunk}`;
    if (await cache.match(place)) continue;
    const last = Math.min(start + of.chunk, size) - 1;
    const headers = { Range: `bytes=${start}-${last}`, ...(of.etag ? { "If-Match": of.etag } : {}) };
    const answer = await fetch(url, { headers, signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]) });
    const part = answer.status === 206 ? await answer.arrayBuffer() : null;
    if (!part || part.byteLength !== last - start + 1 || !answer.headers.get("Content-Range")?.endsWith(`/${size}`)) {
      if (answer.status < 500) await drop(url); // it is another file by now, or gone
      throw new Error(`${answer.status}`);
    }
    if (!of.etag) await write(cache, url, Object.assign(of, { etag: answer.headers.get("ETag") ?? "" }));
    await cache.put(place, new Response(part));
    progress((last + 1) / size);
  }
  await write(cache, url, { ...of, whole: true });
}

/**
 * Fetch what is still to be watched, the most pressing first, within a bounded space: what is finished
 * makes room. One tab at a time does it.
 * @param {Item[]} items @param {number} most bytes
 * @param {{progress: (item: Item, share: number) => void, whole: (item: Item) => Promise<void>, noRoom: (item: Item) => void}} tell
 * @param {AbortSignal} signal
 */
export function fetchAll(items, most, tell, signal) {
  return navigator.locks.request("fetching", async () => {
    await navigator.storage.persist?.();
    const { quota = most } = await navigator.storage.estimate();
    const room = Math.min(most, quota * 0.8);
    const wanted = items.filter((item) => item.tag && !finished(item)).sort((a, b) => a.due_on.localeCompare(b.due_on));
    for (const url of (await kept()).keys()) if (!items.some((item) => item.tag && addressOf(item) === url)) await drop(url);
    for (const item of wanted) {
      const url = addressOf(item);
      if (await isHere(item)) {
        await tellWhole(item, tell.whole);
        continue;
      }
      const others = [...(await kept())].filter(([each]) => each !== url);
      let used = others.reduce((sum, [, of]) => sum + of.size, 0);
      for (const old of items.filter((each) => finished(each)).sort((a, b) => a.due_on.localeCompare(b.due_on))) {
        const size = others.find(([each]) => each === addressOf(old))?.[1].size;
        if (size === undefined || used + (item.size ?? 0) <= room) continue;
        await drop(addressOf(old));
        used -= size;
      }
      if (used + (item.size ?? 0) > room) {
        tell.noRoom(item);
        continue;
      }
      await fetchItem(item, (share) => tell.progress(item, share), signal);
      await tellWhole(item, tell.whole);
    }
  });
}

/** Tell that an item is whole, also where the page went away before it could. @param {Item} item @param {(item: Item) => Promise<void>} tell */
async function tellWhole(item, tell) {
  const cache = await caches.open(CACHE);
  const of = await manifest(cache, addressOf(item));
  if (!of || of.told) return;
  await tell(item);
  await write(cache, addressOf(item), { ...of, told: true });
}

/** What was sent to this room. A screen that is not paired any more goes to be paired. @returns {Promise<Item[]>} */
export async function sentNow() {
  const answer = await fetch("/api/v1/room/sent", { headers: { Accept: "application/json" } });
  if (answer.status === 401) location.assign("/pair");
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).items;
}

/** Whether an item is whole on this computer. @param {Item} item */
export async function isHere(item) {
  if (!("caches" in window)) return false;
  const of = await manifest(await caches.open(CACHE), addressOf(item));
  return Boolean(of?.whole && of.tag === item.tag);
}

/** Whether the clock is within hours such as "19:00-06:30"; those that end as they begin never end. @param {string} hours @param {Date} now */
export function within(hours, now) {
  const [from, until] = hours.split("-");
  const time = `${String(now.getHours()).padStart(2, "0")}:${String(now.getMinutes()).padStart(2, "0")}`;
  return from < until ? from <= time && time < until : from <= time || time < until;
}

/** Have the service worker look after the room's pages. */
export async function register() {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/room/worker.js", { scope: "/room" });
  const { active } = await navigator.serviceWorker.ready;
  active?.postMessage("renew");
}
