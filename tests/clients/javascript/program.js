// A client outside of a browser: node program.js MODULE. A line of JSON in, [name, ...arguments] of
// a harness's method; a line of JSON out, {result} or {error}. It ends with its standard input.

import { createInterface } from "node:readline";
import { Harness } from "./harness.js";

const harness = new Harness(await import(process.argv[2]));
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line);
  const said = await harness[name](...given).then((result) => ({ result }), (error) => ({ error: String(error.stack ?? error) }));
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
process.exit(0);
