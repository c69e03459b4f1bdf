import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { before, callShape, caller, ifTools, model, question, shape, unless, url } from './gateway.js';

const client = new Anthropic({ baseURL: url, apiKey: 'any', maxRetries: 0 });
const hello = { model, max_tokens: 12, temperature: 0, messages: [{ role: 'user', content: 'Hello!' }] };
const format = (schema) => ({ format: { type: 'json_schema', schema } });

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

test('Anthropic: a tool is called and its result goes back', ifTools, async () => {
    const tools = [{ name: 'get_weather', description: 'The weather of a city', input_schema: shape }];
    const ask = { ...hello, model: caller, max_tokens: 400, tools, output_config: format(callShape), messages: [{ role: 'user', content: question }] };

    const whole = await client.messages.create(ask);
    const streamed = await client.messages.stream(ask).finalMessage();

    for (const { content, stop_reason: reason } of [whole, streamed]) {
        assert.equal(reason, 'tool_use');
        assert.deepEqual(content.filter((block) => block.type === 'tool_use').map((call) => [call.name, call.input]), [['get_weather', { city: 'Lima' }]]);
    }
    const result = { type: 'tool_result', tool_use_id: whole.content.at(-1).id, content: '18 degrees' };
    const then = await client.messages.create({
        ...hello, model: caller, tools, messages: [...ask.messages, { role: 'assistant', content: whole.content }, { role: 'user', content: [result] }],
    });
    assert.notEqual(then.content[0].text.trim(), '');
});

test('Anthropic: an answer has the shape of a schema', unless({ ollama: 'an Ollama knows no schemas in Anthropic\'s language' }), async () => {
    const answer = await client.messages.create({ ...hello, max_tokens: 200, output_config: format(shape) });

    assert.deepEqual(JSON.parse(answer.content[0].text), { city: 'Lima' });
});

const uncounted = 'the node does not tell the tokens of a text';
test('Anthropic: what is counted is what is used', unless({ ollama: uncounted, openai: uncounted }), async () => {
    const counted = await client.messages.countTokens({ model, messages: hello.messages });
    const used = await client.messages.create(hello);

    assert.equal(counted.input_tokens, used.usage.input_tokens);
});

test('Anthropic: what cannot be counted is estimated', unless({ embedded: 'the embedded engine counts' }), async () => {
    const counted = await client.messages.countTokens({ model, messages: hello.messages });
    assert.ok(counted.input_tokens > 0);
});

test('Anthropic: errors are those that the package knows', async () => {
    for (const stream of [false, true]) {
        await assert.rejects(client.messages.create({ ...hello, model: 'nope', stream }), (error) => {
            assert.ok(error instanceof Anthropic.NotFoundError);
            assert.equal(error.error.error.type, 'not_found_error');
            assert.match(error.requestID, /^req_/);
            return true;
        });
    }
    await assert.rejects(client.messages.create({ ...hello, max_tokens: 0 }), Anthropic.BadRequestError);
    // An Ollama passes over the choice of a tool.
    if (before !== 'ollama') await assert.rejects(client.messages.create({ ...hello, tool_choice: { type: 'any' } }), Anthropic.BadRequestError);
});

test('Anthropic: a stream can be left', async () => {
    const stream = await client.messages.create({ ...hello, max_tokens: 2000, stream: true });
    for await (const event of stream) {
        if (event.type === 'content_block_delta') break;
    }
    assert.ok(stream.controller.signal.aborted);
});
