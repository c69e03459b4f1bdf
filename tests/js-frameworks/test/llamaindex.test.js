import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ollama, OllamaEmbedding } from '@llamaindex/ollama';
import { OpenAI, OpenAIEmbedding, OpenAIResponses } from '@llamaindex/openai';
import { tool } from 'llamaindex';
import { z } from 'zod';
import { before, caller, embedder, ifTools, model, url } from './gateway.js';

const openai = { apiKey: 'any', baseURL: `${url}/v1`, maxRetries: 0 };
const make = {
    'OpenAI': (model, limit) => new OpenAI({ ...openai, model, maxTokens: limit, temperature: 0 }),
    'OpenAIResponses': (model, limit) => new OpenAIResponses({ ...openai, model, maxOutputTokens: limit, additionalChatOptions: { temperature: 0 } }),
    'Ollama': (model, limit) => new Ollama({ model, config: { host: url }, options: { num_predict: limit, temperature: 0 } }),
};
const messages = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Hello!' }];
const city = z.object({ city: z.enum(['Lima']) });
const weather = tool({ name: 'get_weather', description: 'The weather of a city', parameters: city, execute: ({ city }) => `18 degrees in ${city}` });
const question = { role: 'user', content: 'What is the weather in Lima?' };

for (const [name, llm] of Object.entries(make)) {
    test(`LlamaIndex, ${name}: a text, streamed and whole alike`, async () => {
        const whole = await llm(model, 12).chat({ messages });
        let text = '';
        let pieces = 0;
        for await (const { delta } of await llm(model, 12).chat({ messages, stream: true })) {
            text += delta;
            pieces++;
        }

        const said = String(typeof whole.message.content === 'string' ? whole.message.content : whole.message.content.map((part) => part.text).join(''));
        assert.notEqual(said.trim(), '');
        // After a response's last piece it gives that piece again with each event that is left.
        if (name === 'OpenAIResponses') assert.ok(text.startsWith(said), text);
        else assert.equal(text, said);
        assert.ok(pieces > 1);
    });

    test(`LlamaIndex, ${name}: a completion`, async () => {
        const { text } = await llm(model, 12).complete({ prompt: 'Hello!' });

        assert.notEqual(text.trim(), '');
    });

    test(`LlamaIndex, ${name}: a tool is called, its result goes back, and an answer comes`, ifTools, async (context) => {
        if (before === 'embedded') return context.skip('the package forces no tool, and a model as small as the shipped one calls none by itself');
        const asked = await llm(caller, 400).chat({ messages: [question], tools: [weather] });
        const [call] = asked.message.options.toolCall;
        assert.deepEqual([call.name, typeof call.input === 'string' ? JSON.parse(call.input) : call.input], ['get_weather', { city: 'Lima' }]);

        const result = { role: 'user', content: '18 degrees', options: { toolResult: { id: call.id, result: '18 degrees', isError: false } } };
        const then = await llm(caller, 400).chat({ messages: [question, asked.message, result], tools: [weather] });
        assert.notEqual(String(then.message.content).trim(), '');
    });

    test(`LlamaIndex, ${name}: an object of a schema`, async (context) => {
        if (name === 'OpenAIResponses') return context.skip('the package sends no schema with a response');
        const { message } = await llm(model, 200).chat({ messages, responseFormat: city });

        assert.deepEqual(JSON.parse(message.content), { city: 'Lima' });
    });

    test(`LlamaIndex, ${name}: a model that is not there is an error`, async () => {
        await assert.rejects(llm('nope', 12).chat({ messages }), (error) => {
            assert.equal(error.status ?? error.status_code, 404, String(error));
            assert.match(error.message, /nope/);
            return true;
        });
    });

    test(`LlamaIndex, ${name}: a stream can be left`, async () => {
        for await (const { delta } of await llm(model, 2000).chat({ messages, stream: true })) {
            if (delta) break;
        }
        const { text } = await llm(model, 12).complete({ prompt: 'Hello!' });
        assert.notEqual(text.trim(), '');
    });
}

for (const [name, vectors] of Object.entries({
    'OpenAIEmbedding': new OpenAIEmbedding({ ...openai, model: embedder }),
    'OllamaEmbedding': new OllamaEmbedding({ model: embedder, config: { host: url } }),
})) {
    test(`LlamaIndex, ${name}: vectors`, async (context) => {
        if (name === 'OllamaEmbedding' && before === 'openai') return context.skip('it asks for vectors that are not normalized, and those of OpenAI\'s API are');
        const [one, same, other] = await vectors.getTextEmbeddings(['a cat', 'a cat', 'the sea']);

        assert.ok(one.length > 0);
        assert.deepEqual(one, same);
        assert.notDeepEqual(one, other);
        assert.deepEqual((await vectors.getTextEmbedding('a cat')).map(Math.fround), one.map(Math.fround));
    });
}
