// @ts-check
// A request to /api/v1; what the server says is wrong becomes an Error with its sentence.

/** `cause` of the Error is the whole answer. @param {string} method @param {string} path @param {string} csrf
 * @param {unknown} [body] @param {Record<string, string>} [more] headers @returns {Promise<any>} */
export async function call(method, path, csrf, body, more = {}) {
  const answer = await fetch(path, {
    method,
    keepalive: method === "DELETE", // what is sent as the page is left arrives
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf, Accept: "application/json", ...more },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.status === 204) return null;
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail, { cause: said });
  return said;
}
