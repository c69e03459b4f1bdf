import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { model, url } from './gateway.js';

const client = new Anthropic({ baseURL: url, apiKey: 'any', maxRetries: 0 });
const hello = { model, max_tokens: 12, temperature: 0, messages: [{ role: 'user', content: 'Hello!' }] };

test('Anthropic: an answer, streamed and whole alike', async () => {
    const whole = await client.messages.create(hello);
    const stream = client.messages.stream(hello);
    let text = '';
    stream.on('text', (piece) => { text += piece; });
    const streamed = await stream.finalMessage();

    assert.equal(whole.role, 'assistant');
    assert.equal(whole.content[0].type, 'text');
    assert.notEqual(whole.content[0].text.trim(), '');
    assert.equal(text, whole.content[0].text);
    assert.deepEqual(streamed.content[0].text, whole.content[0].text);
    assert.equal(streamed.stop_reason, whole.stop_reason);
    assert.deepEqual(streamed.usage.output_tokens, whole.usage.output_tokens);
    assert.ok(whole.usage.input_tokens > 0);
});

test('Anthropic: what is counted is what is used', async () => {
    const counted = await client.messages.countTokens({ model, messages: hello.messages });
    const used = await client.messages.create(hello);

    assert.equal(counted.input_tokens, used.usage.input_tokens);
});

test('Anthropic: errors are those that the package knows', async () => {
    await assert.rejects(client.messages.create({ ...hello, model: 'nope' }), (error) => {
        assert.ok(error instanceof Anthropic.NotFoundError);
        assert.equal(error.error.error.type, 'not_found_error');
        assert.match(error.requestID, /^req_/);
        return true;
    });
    await assert.rejects(client.messages.create({ ...hello, tool_choice: { type: 'any' } }), Anthropic.BadRequestError);
});

test('Anthropic: a stream can be left', async () => {
    const stream = await client.messages.create({ ...hello, max_tokens: 2000, stream: true });
    for await (const event of stream) {
        if (event.type === 'content_block_delta') break;
    }
    assert.ok(stream.controller.signal.aborted);
});
