import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ollama } from 'ollama';
import { before, callShape, caller, embedder, ifTools, model, question, shape, unless, url } from './gateway.js';

const client = new Ollama({ host: url });
const options = { temperature: 0, num_predict: 12 };
const messages = [{ role: 'user', content: 'Hello!' }];
const manages = unless({ openai: 'OpenAI\'s API has no management of models' });
const tools = [{ type: 'function', function: { name: 'get_weather', description: 'The weather of a city', parameters: shape } }];

const all = async (parts) => {
    const read = [];
    for await (const part of parts) read.push(part);
    return read;
};

test('Ollama: a chat, streamed and whole alike', async () => {
    const whole = await client.chat({ model, messages, options });
    const parts = await all(await client.chat({ model, messages, options, stream: true }));
    const last = parts.at(-1);

    assert.notEqual(whole.message.content.trim(), '');
    assert.equal(parts.map((part) => part.message.content).join(''), whole.message.content);
    assert.ok(parts.length > 2);
    assert.ok(last.done);
    assert.equal(last.done_reason, whole.done_reason);
    assert.equal(last.eval_count, whole.eval_count);
    assert.equal(last.prompt_eval_count, whole.prompt_eval_count);
});

test('Ollama: a limit of tokens is held and told', async () => {
    const answer = await client.chat({ model, messages, options: { temperature: 0, num_predict: 3 } });

    assert.equal(answer.done_reason, 'length');
    assert.equal(answer.eval_count, 3);
});

test('Ollama: a completion, streamed and whole alike', async () => {
    const whole = await client.generate({ model, prompt: 'Hello!', options });
    const parts = await all(await client.generate({ model, prompt: 'Hello!', options, stream: true }));

    assert.notEqual(whole.response.trim(), '');
    assert.equal(parts.map((part) => part.response).join(''), whole.response);
    assert.equal(parts.at(-1).eval_count, whole.eval_count);
    assert.equal(parts.at(-1).done_reason, whole.done_reason);
});

test('Ollama: a tool is called and its result goes back', ifTools, async () => {
    const ask = { model: caller, messages: [{ role: 'user', content: question }], tools, format: callShape, options: { temperature: 0, num_predict: 400 } };

    const whole = await client.chat(ask);
    const parts = await all(await client.chat({ ...ask, stream: true }));

    const calls = parts.flatMap((part) => part.message.tool_calls ?? []);
    assert.deepEqual(calls.map((call) => [call.function.name, call.function.arguments]), [['get_weather', { city: 'Lima' }]]);
    assert.deepEqual(whole.message.tool_calls.map((call) => call.function.arguments), [{ city: 'Lima' }]);
    const then = await client.chat({ model: caller, tools, options, messages: [...ask.messages, whole.message, { role: 'tool', tool_name: 'get_weather', content: '18 degrees' }] });
    assert.notEqual(then.message.content.trim(), '');
});

test('Ollama: an answer has the shape of a schema', async () => {
    const answer = await client.chat({ model, messages, format: shape, options: { temperature: 0, num_predict: 200 } });

    assert.deepEqual(JSON.parse(answer.message.content), { city: 'Lima' });
});

test('Ollama: vectors', async () => {
    const { embeddings, prompt_eval_count: tokens } = await client.embed({ model: embedder, input: ['a cat', 'a cat', 'the sea'] });

    assert.deepEqual(embeddings[0], embeddings[1]);
    assert.notDeepEqual(embeddings[0], embeddings[2]);
    for (const vector of embeddings) assert.ok(Math.abs(vector.reduce((sum, one) => sum + one * one, 0) - 1) < 1e-3);
    assert.ok(tokens > 0);
});

test('Ollama: a vector of the older kind', unless({ openai: 'such vectors are not normalized, and those of OpenAI\'s API are' }), async () => {
    const { embedding } = await client.embeddings({ model: embedder, prompt: 'a cat' });

    assert.equal(embedding.length, 128);
    assert.ok(embedding.every(Number.isFinite));
});

test('Ollama: the models there are, and those in memory', async () => {
    await client.generate({ model, prompt: 'Hello!', options });
    const { models } = await client.list();
    const shown = await client.show({ model });
    const running = await client.ps();
    const { version } = await client.version();

    assert.ok(models.some((one) => one.name === `${model}:latest`));
    // OpenAI's list does not tell what a model can do.
    if (before !== 'openai') assert.ok(shown.capabilities.includes('completion'));
    assert.ok(running.models.some((one) => one.name === `${model}:latest`));
    assert.match(version, /^\d+\.\d+/);
});

test('Ollama: a model is made, copied and deleted', manages, async () => {
    const steps = await all(await client.create({ model: 'js-brief', from: model, system: 'Be brief.', stream: true }));
    assert.equal(steps.at(-1).status, 'success');
    assert.equal((await client.show({ model: 'js-brief' })).system, 'Be brief.');

    await client.copy({ source: 'js-brief', destination: 'js-briefer' });
    const answer = await client.chat({ model: 'js-briefer', messages, options });
    assert.notEqual(answer.message.content.trim(), '');

    for (const gone of ['js-brief', 'js-briefer']) await client.delete({ model: gone });
    const { models } = await client.list();
    assert.ok(!models.some((one) => one.name.startsWith('js-brief')));
    await assert.rejects(client.delete({ model: 'js-brief' }), /not found/);
});

test('Ollama: a pull tells its progress', unless({ embedded: 'it would go out to a registry', openai: manages.skip }), async () => {
    const steps = await all(await client.pull({ model: 'js-fresh', stream: true }));
    const done = steps.filter((step) => step.total).map((step) => step.completed);

    assert.equal(steps.at(-1).status, 'success');
    assert.ok(done.length > 1);
    assert.deepEqual(done, done.toSorted((a, b) => a - b));
    assert.equal((await client.pull({ model: 'js-fresh', stream: false })).status, 'success');
});

test('Ollama: what a node cannot do is an error that says so', { skip: before === 'openai' ? false : 'this node manages models' }, async () => {
    await assert.rejects(client.copy({ source: model, destination: 'x' }), /pull, push, create, copy, delete and blobs are not there/);
});

test('Ollama: a missing model is an error that names it', async () => {
    await assert.rejects(client.chat({ model: 'nope', messages }), /model 'nope' not found/);
    await assert.rejects(client.generate({ model: 'nope', prompt: 'x', stream: true }), /model 'nope' not found/);
    await assert.rejects(client.embed({ model: 'nope', input: 'x' }), /model "nope" not found/);
});

test('Ollama: a stream can be left', async () => {
    const stream = await client.generate({ model, prompt: 'Hello!', options: { num_predict: 2000 }, stream: true });
    for await (const part of stream) {
        assert.ok(!part.done);
        break;
    }
    stream.abort();
});
