import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ollama } from 'ollama';
import { model, url } from './gateway.js';

const client = new Ollama({ host: url });
const options = { temperature: 0, num_predict: 12 };
const messages = [{ role: 'user', content: 'Hello!' }];

test('Ollama: a chat, streamed and whole alike', async () => {
    const whole = await client.chat({ model, messages, options });
    let text = '';
    let last;
    for await (const part of await client.chat({ model, messages, options, stream: true })) {
        text += part.message.content;
        last = part;
    }

    assert.notEqual(whole.message.content.trim(), '');
    assert.equal(text, whole.message.content);
    assert.ok(last.done);
    assert.equal(last.eval_count, whole.eval_count);
});

test('Ollama: a completion, vectors, and the models there are', async () => {
    const completion = await client.generate({ model, prompt: 'Hello!', options });
    assert.notEqual(completion.response.trim(), '');

    const { embeddings } = await client.embed({ model, input: ['a cat', 'the sea'] });
    assert.equal(embeddings.length, 2);

    const { models } = await client.list();
    assert.ok(models.some((one) => one.name.startsWith(model)));
    const shown = await client.show({ model });
    assert.ok(shown.capabilities.includes('completion'));
    const running = await client.ps();
    assert.ok(running.models.length > 0);
});

test('Ollama: a missing model is an error that names it', async () => {
    await assert.rejects(client.chat({ model: 'nope', messages }), /model 'nope' not found/);
});

test('Ollama: a stream can be left', async () => {
    const stream = await client.generate({ model, prompt: 'Hello!', options: { num_predict: 2000 }, stream: true });
    for await (const part of stream) {
        assert.ok(!part.done);
        break;
    }
    stream.abort();
});
