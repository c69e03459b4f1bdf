import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { model, url } from './gateway.js';

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
const hello = { model, max_tokens: 12, temperature: 0, messages: [{ role: 'user', content: 'Hello!' }] };

test('OpenAI: a chat, streamed and whole alike', async () => {
    const whole = await client.chat.completions.create(hello);
    let text = '';
    let usage;
    for await (const chunk of await client.chat.completions.create({ ...hello, stream: true, stream_options: { include_usage: true } })) {
        text += chunk.choices[0]?.delta?.content ?? '';
        usage = chunk.usage ?? usage;
    }

    assert.notEqual(whole.choices[0].message.content.trim(), '');
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
});

test('OpenAI: a completion, vectors, and the models there are', async () => {
    const completion = await client.completions.create({ model, prompt: 'Hello!', max_tokens: 12 });
    assert.equal(completion.object, 'text_completion');

    // The package asks for base64 and turns it into numbers.
    const vectors = await client.embeddings.create({ model, input: ['a cat', 'the sea'] });
    assert.equal(vectors.data.length, 2);
    assert.ok(vectors.data[0].embedding.every((one) => Number.isFinite(one)));

    const models = await client.models.list();
    assert.ok(models.data.some((one) => one.id.startsWith(model)));
});

test('OpenAI: a response', async () => {
    const response = await client.responses.create({ model, input: 'Hello!', max_output_tokens: 12 });

    assert.notEqual(response.output_text.trim(), '');
});

test('OpenAI: errors are those that the package knows', async () => {
    await assert.rejects(client.chat.completions.create({ ...hello, model: 'nope' }), OpenAI.NotFoundError);
    await assert.rejects(client.chat.completions.create({ ...hello, messages: [] }), OpenAI.BadRequestError);
});
