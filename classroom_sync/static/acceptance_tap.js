// @ts-nocheck - AudioWorkletProcessor and currentFrame exist in an audio worklet only
// Passes on what a microphone gives, with the frame at which it came.

class Tap extends AudioWorkletProcessor {
  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const samples = inputs[0][0];
    if (samples) this.port.postMessage({ frame: currentFrame, samples: samples.slice() });
    return true;
  }
}
registerProcessor("tap", Tap);
