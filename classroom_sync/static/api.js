// @ts-check
// A request to /api/v1; what the server says is wrong becomes an Error with its sentence.

/** @param {string} method @param {string} path @param {string} csrf @param {unknown} [body] @returns {Promise<any>} */
export async function call(method, path, csrf, body) {
  const answer = await fetch(path, {
    method,
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf, Accept: "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.status === 204) return null;
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}
