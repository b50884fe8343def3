// Opus packets, one after the other, each after its length (uint16, little-endian), to 32-bit floats at 48 kHz.
//   node nolace.mjs FOLDER PACKETS SAMPLES      FOLDER: where node_modules lies
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, packets, samples] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const { OpusMLDecoder } = await import(pathToFileURL(require.resolve("@wasm-audio-decoders/opus-ml")));

const data = readFileSync(packets);
const frames = [];
for (let at = 0; at < data.length; ) {
  const size = data.readUInt16LE(at);
  frames.push(new Uint8Array(data.subarray(at + 2, at + 2 + size)));
  at += 2 + size;
}
const decoder = new OpusMLDecoder({
  channels: 1, streamCount: 1, coupledStreamCount: 0, channelMappingTable: [0], preSkip: 0, sampleRate: 48000,
  speechQualityEnhancement: "nolace",
});
await decoder.ready;
const { channelData, errors } = decoder.decodeFrames(frames);
if (errors.length) throw new Error(errors[0].message);
writeFileSync(samples, Buffer.from(channelData[0].buffer, channelData[0].byteOffset, channelData[0].byteLength));
decoder.free();
