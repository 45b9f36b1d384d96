// Run an ONNX model in onnxruntime: node onnxruntime.js MODEL.onnx IMAGES.raw N C H W
// IMAGES.raw holds float32 [N,C,H,W]. Prints the first output as a JSON list of numbers.
'use strict';
const ort = require('onnxruntime-node');
const fs = require('fs');

async function main() {
    const [model, images, ...dims] = process.argv.slice(2);
    const bytes = fs.readFileSync(images);
    const pixels = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const session = await ort.InferenceSession.create(model, {intraOpNumThreads: 2});
    const feeds = {[session.inputNames[0]]: new ort.Tensor('float32', pixels, dims.map(Number))};
    const results = await session.run(feeds);
    process.stdout.write(JSON.stringify(Array.from(results[session.outputNames[0]].data)));
}

main().catch(error => {
    console.error(String(error));
    process.exit(1);
});
