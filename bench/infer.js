// Inference speed of onnxruntime: node infer.js MODEL.onnx THREADS BATCH IMAGES C H W; prints images a second.
'use strict';
const ort = require('onnxruntime-node');

async function main() {
    const [model, ...numbers] = process.argv.slice(2);
    const [threads, batch, images, channels, height, width] = numbers.map(Number);
    const session = await ort.InferenceSession.create(model, {intraOpNumThreads: threads, interOpNumThreads: 1});
    const pixels = Float32Array.from({length: batch * channels * height * width}, () => Math.random());
    const feeds = {[session.inputNames[0]]: new ort.Tensor('float32', pixels, [batch, channels, height, width])};
    await session.run(feeds);
    const start = process.hrtime.bigint();
    for (let done = 0; done < images; done += batch)
        await session.run(feeds);
    console.log(Math.ceil(images / batch) * batch / (Number(process.hrtime.bigint() - start) / 1e9));
}

main().catch(error => {
    console.error(String(error));
    process.exit(1);
});
