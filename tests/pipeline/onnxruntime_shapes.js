// Shapes that onnxruntime gives: node onnxruntime_shapes.js LIST.json, a list of {model, dims}: a file with one float
// input, and that input's dimensions. Prints a JSON list of {OUTPUT: dimensions}, or null where a model is refused.
'use strict';
const ort = require('onnxruntime-node');
const fs = require('fs');

async function shapes({model, dims}) {
    try {
        const session = await ort.InferenceSession.create(model, {intraOpNumThreads: 1, logSeverityLevel: 4});
        const pixels = new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(0.5);
        const results = await session.run({[session.inputNames[0]]: new ort.Tensor('float32', pixels, dims)});
        return Object.fromEntries(session.outputNames.map(name => [name, results[name].dims]));
    } catch (error) {
        return null;
    }
}

async function main() {
    const all = [];
    for (const one of JSON.parse(fs.readFileSync(process.argv[2], 'utf8')))
        all.push(await shapes(one));
    process.stdout.write(JSON.stringify(all));
}

main().catch(error => {
    console.error(String(error));
    process.exit(1);
});
