// Run ONNX models in onnxruntime: node onnxruntime_many.js CASES.json
// CASES.json: [{model, images, dims, output}, ...]; images is a file of float32 of shape dims, to output the
// first result is written likewise. Prints a JSON list with an error message, or "", for each.
'use strict';
const ort = require('onnxruntime-node');
const fs = require('fs');

async function one(job) {
    const bytes = fs.readFileSync(job.images);
    const pixels = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const session = await ort.InferenceSession.create(job.model, {intraOpNumThreads: 1, logSeverityLevel: 4});
    const results = await session.run({[session.inputNames[0]]: new ort.Tensor('float32', pixels, job.dims)});
    const data = results[session.outputNames[0]].data;
    fs.writeFileSync(job.output, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}

async function main() {
    const messages = [];
    for (const job of JSON.parse(fs.readFileSync(process.argv[2])))
        messages.push(await one(job).then(() => '', error => String(error)));
    process.stdout.write(JSON.stringify(messages));
}

main();
