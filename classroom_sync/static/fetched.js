// @ts-check
// Lessons kept on this computer, in Cache Storage: a manifest of each of their files, and its content
// in chunks, so that a broken line costs one chunk. The service worker (room_worker.js) plays them from
// there.

/** @typedef {{id: string, name: string, opened: boolean, watched: boolean, share: number, answered: boolean}} SentClass */
/** @typedef {{address: string, track: string, starts_ms: number, duration_ms: number | null, media_type: string, size: number, tag: string}} SentFile */
/** @typedef {{push: string, kind: string, title: string, subject: string, teacher: string, note: string, sent_on: string, due_on: string, media_type: string, size: number | null, duration_ms: number | null, tag: string | null, files: SentFile[], questions: import("./questions.js").Question[], classes: SentClass[]}} Item */
/** @typedef {{tag: string, size: number, type: string, chunk: number, etag: string, whole: boolean, told?: boolean}} Manifest */

const CACHE = "sent"; // as in room_worker.js
const CHUNK = 1 << 20; // bytes
const PATIENCE = 60000; // ms for a chunk

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
 * Fetch a file chunk by chunk, from the first that is missing. Throws where the line breaks; what has
 * come stays.
 * @param {SentFile} file @param {(bytes: number) => void} progress how much of it is here @param {AbortSignal} signal
 */
async function fetchFile(file, progress, signal) {
  const url = file.address;
  const cache = await caches.open(CACHE);
  const known = await manifest(cache, url);
  if (known && known.tag !== file.tag) await drop(url);
  const { size } = file;
  /** @type {Manifest} */
  const of = known?.tag === file.tag ? known : { tag: file.tag, size, type: file.media_type, chunk: CHUNK, etag: "", whole: false };
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
    progress(last + 1);
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
    await dropWithdrawn(items);
    for (const item of wanted) {
      if (await isHere(item)) {
        await tellWhole(item, tell.whole);
        continue;
      }
      const others = [...(await kept())].filter(([each]) => !item.files.some((file) => file.address === each));
      const size = item.size ?? 0;
      let used = others.reduce((sum, [, of]) => sum + of.size, 0);
      for (const old of items.filter((each) => finished(each)).sort((a, b) => a.due_on.localeCompare(b.due_on))) {
        for (const [url, of] of others.filter(([each]) => old.files.some((file) => file.address === each))) {
          if (used + size <= room) break;
          await drop(url);
          used -= of.size;
        }
      }
      if (used + size > room) {
        tell.noRoom(item);
        continue;
      }
      let before = 0;
      for (const file of item.files) {
        await fetchFile(file, (bytes) => tell.progress(item, (before + bytes) / size), signal);
        before += file.size;
      }
      await tellWhole(item, tell.whole);
    }
  });
}

/**
 * Delete what is in no list any more: it was taken back, or is not kept. @param {Item[]} items
 */
export async function dropWithdrawn(items) {
  const addresses = new Set(items.flatMap((item) => item.files.map((file) => file.address)));
  for (const url of (await kept()).keys()) if (!addresses.has(url)) await drop(url);
}

/** Tell that an item is whole, also where the page went away before it could. @param {Item} item @param {(item: Item) => Promise<void>} tell */
async function tellWhole(item, tell) {
  const cache = await caches.open(CACHE);
  const [{ address }] = item.files;
  const of = await manifest(cache, address);
  if (!of || of.told) return;
  await tell(item);
  await write(cache, address, { ...of, told: true });
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
  if (!("caches" in window) || !item.files.length) return false;
  const cache = await caches.open(CACHE);
  const here = await Promise.all(item.files.map((file) => manifest(cache, file.address)));
  return item.files.every((file, n) => here[n]?.whole && here[n]?.tag === file.tag);
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
