// @ts-check
/// <reference lib="webworker" />
// The room's service worker: its pages open and its lessons play with the line down. Pages and what
// they are made of come from the network while there is one, and from the last copy otherwise; the
// content of what was sent comes from what fetched.js has kept, once that is whole.

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const PAGES = "pages";
const CACHE = "sent"; // as in fetched.js
const LIST = "/room/sent";
const MODULES = ["page", "api", "receipts", "fetched", "lesson_player", "questions"].map((name) => `/static/${name}.js`);
const PATIENCE = 5000; // ms until a line that says nothing counts as down

worker.addEventListener("install", (event) => event.waitUntil(renew().then(() => worker.skipWaiting())));
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("message", (event) => event.data === "renew" && event.waitUntil(renew().catch(() => {})));

/** Keep the list's page and all that it is made of. */
async function renew() {
  const cache = await caches.open(PAGES);
  const page = await fetch(LIST, { headers: { Accept: "text/html" } });
  if (!page.ok || page.redirected) return;
  const text = await page.clone().text();
  await cache.put(LIST, page);
  const parts = [...text.matchAll(/"(\/static\/[^"]+)"/g)].map((found) => found[1]);
  for (const part of [...parts, ...MODULES]) await keep(cache, part, await fetch(part));
}

/** @param {Cache} cache @param {string} url @param {Response} response */
async function keep(cache, url, response) {
  if (!response.ok || response.redirected) return;
  for (const old of await cache.keys(url, { ignoreSearch: true })) await cache.delete(old);
  await cache.put(url, response);
}

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (/^\/room\/sent\/[^/]+\/content(\/[a-z]+\/\d+)?$/.test(url.pathname)) event.respondWith(content(request, url.pathname));
  else if (request.mode === "navigate") event.respondWith(networkFirst(request, LIST, url.pathname === LIST));
  else if (url.pathname.startsWith("/static/") || url.pathname === "/api/v1/room/sent") event.respondWith(networkFirst(request, url.pathname, true));
});

/**
 * The network's answer, or else the last copy of `stored`.
 * @param {Request} request @param {string} stored @param {boolean} copy whether to keep the answer
 */
async function networkFirst(request, stored, copy) {
  const cache = await caches.open(PAGES);
  const last = await cache.match(stored, { ignoreSearch: true });
  try {
    const answer = await Promise.race([fetch(request), ...(last ? [silence()] : [])]);
    if (answer.status === 401) await forget();
    if (copy) await keep(cache, stored, answer.clone());
    return answer;
  } catch (error) {
    if (last) return last;
    throw error;
  }
}

/** A computer that is not paired any more keeps nothing: children are in these pictures. */
const forget = () => Promise.all([caches.delete(PAGES), caches.delete(CACHE)]);

/** @returns {Promise<never>} */
const silence = () => new Promise((_, failed) => setTimeout(() => failed(new Error("the line says nothing")), PATIENCE));

/** Kept content, or the part of it that is asked for (RFC 9110, 14.2). @param {Request} request @param {string} path */
async function content(request, path) {
  const cache = await caches.open(CACHE);
  const of = await (await cache.match(`${path}?manifest`))?.json();
  if (!of?.whole) return fetch(request);
  const asked = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get("Range") ?? "");
  let [start, end] = [0, of.size - 1];
  if (asked?.[1]) [start, end] = [Number(asked[1]), asked[2] ? Math.min(Number(asked[2]), end) : end];
  else if (asked?.[2]) start = Math.max(0, of.size - Number(asked[2]));
  if (start > end) return new Response(null, { status: 416, headers: { "Content-Range": `bytes */${of.size}` } });
  const headers = new Headers({ "Content-Type": of.type, "Content-Length": String(end - start + 1), "Accept-Ranges": "bytes" });
  if (asked) headers.set("Content-Range", `bytes ${start}-${end}/${of.size}`);
  let at = start;
  const body = new ReadableStream({
    async pull(controller) {
      const number = Math.floor(at / of.chunk);
      const chunk = await cache.match(`${path}?chunk=${number}`);
      if (!chunk) return controller.error(new Error("a chunk is missing"));
      const bytes = new Uint8Array(await chunk.arrayBuffer());
      const from = at - number * of.chunk;
      const piece = bytes.subarray(from, Math.min(bytes.length, from + end - at + 1));
      controller.enqueue(piece);
      at += piece.length;
      if (at > end) controller.close();
    },
  });
  return new Response(body, { status: asked ? 206 : 200, headers });
}
