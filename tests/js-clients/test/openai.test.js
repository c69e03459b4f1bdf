import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { callShape, caller, embedder, ifTools, model, question, shape, url } from './gateway.js';

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
const hello = { model, max_tokens: 12, temperature: 0, messages: [{ role: 'user', content: 'Hello!' }] };
const format = (schema) => ({ type: 'json_schema', json_schema: { name: 'x', schema } });

test('OpenAI: a chat, streamed and whole alike', async () => {
    const whole = await client.chat.completions.create(hello);
    let text = '';
    let reason;
    let usage;
    for await (const chunk of await client.chat.completions.create({ ...hello, stream: true, stream_options: { include_usage: true } })) {
        text += chunk.choices[0]?.delta?.content ?? '';
        reason = chunk.choices[0]?.finish_reason ?? reason;
        usage = chunk.usage ?? usage;
    }

    assert.notEqual(whole.choices[0].message.content.trim(), '');
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(reason, whole.choices[0].finish_reason);
    assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
    assert.equal(usage.prompt_tokens, whole.usage.prompt_tokens);
});

test('OpenAI: a limit of tokens is held and told', async () => {
    const answer = await client.chat.completions.create({ ...hello, max_tokens: 3 });

    assert.equal(answer.choices[0].finish_reason, 'length');
    assert.equal(answer.usage.completion_tokens, 3);
});

test('OpenAI: a tool is called and its result goes back', ifTools, async () => {
    const tools = [{ type: 'function', function: { name: 'get_weather', description: 'The weather of a city', parameters: shape } }];
    const ask = { model: caller, temperature: 0, max_tokens: 400, tools, response_format: format(callShape), messages: [{ role: 'user', content: question }] };

    const whole = await client.chat.completions.create(ask);
    const streamed = await client.chat.completions.stream(ask).finalChatCompletion();

    for (const { choices: [choice] } of [whole, streamed]) {
        assert.equal(choice.finish_reason, 'tool_calls');
        assert.deepEqual(choice.message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]), [['get_weather', { city: 'Lima' }]]);
    }
    const { message } = whole.choices[0];
    const then = await client.chat.completions.create({
        ...hello, model: caller, tools, messages: [...ask.messages, message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: '18 degrees' }],
    });
    assert.notEqual(then.choices[0].message.content.trim(), '');
});

test('OpenAI: an answer has the shape of a schema', async () => {
    const answer = await client.chat.completions.create({ ...hello, max_tokens: 200, response_format: format(shape) });

    assert.deepEqual(JSON.parse(answer.choices[0].message.content), { city: 'Lima' });
});

test('OpenAI: a completion, streamed and whole alike', async () => {
    const ask = { model, prompt: 'Hello!', temperature: 0, max_tokens: 12 };
    const whole = await client.completions.create(ask);
    let text = '';
    let reason;
    for await (const chunk of await client.completions.create({ ...ask, stream: true })) {
        text += chunk.choices[0]?.text ?? '';
        reason = chunk.choices[0]?.finish_reason ?? reason;
    }

    assert.equal(whole.object, 'text_completion');
    assert.notEqual(text.trim(), '');
    assert.equal(text, whole.choices[0].text);
    assert.equal(reason, whole.choices[0].finish_reason);
});

test('OpenAI: vectors are the same in both encodings', async () => {
    // The package asks for base64 and turns it into numbers, unless it is told otherwise.
    const packed = await client.embeddings.create({ model: embedder, input: ['a cat', 'the sea'] });
    const plain = await client.embeddings.create({ model: embedder, input: ['a cat', 'the sea'], encoding_format: 'float' });

    assert.equal(packed.data.length, 2);
    assert.notDeepEqual(packed.data[0].embedding, packed.data[1].embedding);
    for (const [i, { embedding }] of plain.data.entries()) assert.deepEqual(packed.data[i].embedding.map(Math.fround), embedding.map(Math.fround));
    assert.equal(packed.usage.prompt_tokens, plain.usage.prompt_tokens);
});

test('OpenAI: the models there are', async () => {
    const models = await client.models.list();
    const shown = await client.models.retrieve(model);

    assert.ok(models.data.some((one) => one.id === `${model}:latest`));
    assert.equal(shown.id, model);
    await assert.rejects(client.models.retrieve('nope'), OpenAI.NotFoundError);
});

test('OpenAI: a response, streamed and whole alike', async () => {
    const ask = { model, input: 'Hello!', temperature: 0, max_output_tokens: 12 };
    const whole = await client.responses.create(ask);
    let text = '';
    let streamed;
    // The package's own gathering of a stream knows no response.incomplete, which is how one ends that met its limit.
    for await (const event of await client.responses.create({ ...ask, stream: true })) {
        if (event.type === 'response.output_text.delta') text += event.delta;
        if (['response.completed', 'response.incomplete'].includes(event.type)) streamed = event.response;
    }

    assert.notEqual(whole.output_text.trim(), '');
    assert.equal(text, whole.output_text);
    assert.equal(streamed.output.at(-1).content[0].text, whole.output_text);
    assert.equal(streamed.status, whole.status);
    assert.equal(streamed.usage.output_tokens, whole.usage.output_tokens);
});

test('OpenAI: a response calls a tool', ifTools, async () => {
    const tools = [{ type: 'function', name: 'get_weather', description: 'The weather of a city', parameters: shape, strict: false }];
    const ask = { model: caller, temperature: 0, max_output_tokens: 400, tools, input: question, text: { format: { type: 'json_schema', name: 'x', schema: callShape } } };

    const whole = await client.responses.create(ask);
    const calls = [];
    for await (const event of await client.responses.create({ ...ask, stream: true })) {
        if (event.type === 'response.function_call_arguments.done') calls.push(JSON.parse(event.arguments));
    }

    assert.deepEqual(whole.output.filter((item) => item.type === 'function_call').map((call) => [call.name, JSON.parse(call.arguments)]), [['get_weather', { city: 'Lima' }]]);
    assert.deepEqual(calls, [{ city: 'Lima' }]);
});

test('OpenAI: errors are those that the package knows', async () => {
    await assert.rejects(client.chat.completions.create({ ...hello, model: 'nope' }), OpenAI.NotFoundError);
    await assert.rejects(client.chat.completions.create({ ...hello, model: 'nope', stream: true }), OpenAI.NotFoundError);
    await assert.rejects(client.responses.create({ model: 'nope', input: 'x' }), OpenAI.NotFoundError);
    await assert.rejects(client.embeddings.create({ model: 'nope', input: 'x' }), OpenAI.NotFoundError);
    await assert.rejects(client.chat.completions.create({ ...hello, messages: [] }), OpenAI.BadRequestError);
});

test('OpenAI: a stream can be left', async () => {
    const stream = await client.chat.completions.create({ ...hello, max_tokens: 2000, stream: true });
    for await (const chunk of stream) {
        assert.ok(chunk.choices.length > 0);
        break;
    }
    assert.ok(stream.controller.signal.aborted);
});
