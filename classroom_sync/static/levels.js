// @ts-check
// How loud a stream is right now. Touches no DOM.

/**
 * @param {AudioContext} context @param {MediaStream} stream with an audio track
 * @returns {{power: () => number, stop: () => void}} mean square of the last 40 ms, full scale 1
 */
export function meterOf(context, stream) {
  const analyser = context.createAnalyser();
  const source = context.createMediaStreamSource(stream);
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return {
    power() {
      analyser.getFloatTimeDomainData(samples);
      return samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
    },
    stop: () => source.disconnect(),
  };
}
