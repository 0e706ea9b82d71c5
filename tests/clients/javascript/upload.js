// Uploads a file with tus-js-client: node upload.js OPTIONS, where OPTIONS is JSON {endpoint, file,
// headers, metadata, storage, chunk, stop, terminate}. With `stop` it goes away after its first chunk;
// with `terminate` it takes the upload back then. Prints the requests made and how it ended, as JSON.

import { createReadStream } from "node:fs";
import tus from "tus-js-client";

const { endpoint, file, headers, metadata, storage, chunk, stop, terminate } = JSON.parse(process.argv[2]);
const requests = [];
const end = (outcome, said = "") => {
  process.stdout.write(JSON.stringify({ outcome, said, requests }));
  process.exit(0);
};
const upload = new tus.Upload(createReadStream(file), {
  endpoint,
  headers,
  metadata,
  chunkSize: chunk,
  retryDelays: [0, 100, 300],
  urlStorage: new tus.FileUrlStorage(storage),
  removeFingerprintOnSuccess: true,
  onAfterResponse: (request, response) => requests.push([request.getMethod(), response.getStatus()]),
  onSuccess: () => end("done"),
  onError: (error) => end("refused", error.originalResponse?.getBody() ?? String(error)),
  onChunkComplete: async () => {
    if (stop) end("stopped");
    if (!terminate) return;
    await upload.abort(true);
    end("terminated");
  },
});
const [previous] = await upload.findPreviousUploads();
if (previous) upload.resumeFromPreviousUpload(previous);
upload.start();
