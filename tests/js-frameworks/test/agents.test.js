import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Agent, OpenAIProvider, Runner, tool } from '@openai/agents';
import OpenAI from 'openai';
import { z } from 'zod';
import { before, caller, ifTools, model, url } from './gateway.js';

// By default it asks for responses; its traces would go out to OpenAI.
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
const runners = {
    'responses': new Runner({ modelProvider: new OpenAIProvider({ openAIClient: client }), tracingDisabled: true }),
    'chats': new Runner({ modelProvider: new OpenAIProvider({ openAIClient: client, useResponses: false }), tracingDisabled: true }),
};
// What ends at its limit is an error to this package.
const few = { temperature: 0, maxTokens: 200 };
const city = z.object({ city: z.enum(['Lima']) });
const weather = tool({ name: 'get_weather', description: 'The weather of a city', parameters: city, execute: async ({ city }) => `18 degrees in ${city}` });
const question = 'What is the weather in Lima?';
// A model as small as the shipped one calls a tool only when it must.
const must = before === 'embedded' ? { toolChoice: 'get_weather' } : {};

for (const [name, runner] of Object.entries(runners)) {
    test(`OpenAI Agents by ${name}: a text, streamed and whole alike, with its usage`, async () => {
        const agent = new Agent({ name: 'Brief', instructions: 'Be brief.', model, modelSettings: few });
        const whole = await runner.run(agent, 'Hello!');
        const stream = await runner.run(agent, 'Hello!', { stream: true });
        let text = '';
        for await (const piece of stream.toTextStream()) text += piece;
        await stream.completed;

        assert.notEqual(whole.finalOutput.trim(), '');
        assert.equal(text, whole.finalOutput);
        assert.equal(stream.finalOutput, whole.finalOutput);
        const usage = (result) => [result.state.usage.requests, result.state.usage.inputTokens, result.state.usage.outputTokens];
        assert.ok(usage(whole).every((count) => count > 0), String(usage(whole)));
        assert.deepEqual(usage(stream), usage(whole));
    });

    test(`OpenAI Agents by ${name}: tools are called, at once where there are several, and an answer comes`, ifTools, async () => {
        const agent = new Agent({ name: 'Weather', instructions: 'Be brief.', model: caller, tools: [weather], modelSettings: { ...few, maxTokens: 400, parallelToolCalls: true, ...must } });
        const whole = await runner.run(agent, question);
        const stream = await runner.run(agent, question, { stream: true });
        await stream.completed;

        for (const result of [whole, stream]) {
            const kinds = result.newItems.map((item) => item.type);
            assert.deepEqual(kinds.filter((kind) => kind !== 'reasoning_item'), ['tool_call_item', 'tool_call_output_item', 'message_output_item']);
            assert.equal(result.newItems.find((item) => item.type === 'tool_call_output_item').output, '18 degrees in Lima');
            assert.notEqual(result.finalOutput.trim(), '');
        }
        // The whole history of a run is the beginning of the next.
        const then = await runner.run(agent, [...whole.history, { role: 'user', content: 'Thank you.' }]);
        assert.notEqual(then.finalOutput.trim(), '');
    });

    test(`OpenAI Agents by ${name}: an object of a schema`, async () => {
        const agent = new Agent({ name: 'Where', instructions: 'Name a city.', model, outputType: city, modelSettings: { ...few, maxTokens: 200 } });
        const { finalOutput } = await runner.run(agent, 'Where?');

        assert.deepEqual(finalOutput, { city: 'Lima' });
    });

    test(`OpenAI Agents by ${name}: one agent hands over to another`, ifTools, async () => {
        const other = new Agent({ name: 'Weather', handoffDescription: 'Knows the weather', instructions: 'Be brief.', model, modelSettings: few });
        const agent = new Agent({
            name: 'Door', instructions: 'Hand over.', model: caller, handoffs: [other],
            modelSettings: { ...few, maxTokens: 400, ...(before === 'embedded' ? { toolChoice: 'transfer_to_Weather' } : {}) },
        });
        const result = await runner.run(agent, 'Please transfer me to the weather.');

        assert.equal(result.lastAgent.name, 'Weather');
        assert.notEqual(result.finalOutput.trim(), '');
    });

    test(`OpenAI Agents by ${name}: a model that is not there is an error with its status`, async () => {
        const agent = new Agent({ name: 'Missing', model: 'nope', modelSettings: few });
        const missing = (error) => {
            assert.ok(error instanceof OpenAI.NotFoundError, String(error));
            assert.match(error.message, /nope/);
            return true;
        };
        await assert.rejects(runner.run(agent, 'x'), missing);
        const stream = await runner.run(agent, 'x', { stream: true });
        await assert.rejects(async () => { for await (const event of stream) void event; await stream.completed; }, missing);
    });

    test(`OpenAI Agents by ${name}: a stream can be left`, async () => {
        const leaving = new AbortController();
        const agent = new Agent({ name: 'Long', instructions: 'Be long.', model, modelSettings: { ...few, maxTokens: 2000 } });
        const stream = await runner.run(agent, 'Hello!', { stream: true, signal: leaving.signal });
        for await (const event of stream) {
            if (event.type === 'raw_model_stream_event') leaving.abort();
        }
        await stream.completed.catch(() => {});

        const { finalOutput } = await runner.run(new Agent({ name: 'Brief', model, modelSettings: few }), 'Hello!');
        assert.notEqual(finalOutput.trim(), '');
    });
}

test('OpenAI Agents: a conversation goes on by the id of its last response', async () => {
    const agent = new Agent({ name: 'Brief', instructions: 'Be brief.', model, modelSettings: few });
    const first = await runners.responses.run(agent, 'Hello!');
    const second = await runners.responses.run(agent, 'And?', { previousResponseId: first.lastResponseId });

    assert.match(first.lastResponseId, /^resp_/);
    assert.notEqual(second.finalOutput.trim(), '');
});

test('OpenAI Agents: hosted tools do not break a request', ifTools, async () => {
    const { webSearchTool } = await import('@openai/agents');
    const agent = new Agent({ name: 'Search', instructions: 'Be brief.', model: caller, tools: [webSearchTool()], modelSettings: few });

    assert.notEqual((await runners.responses.run(agent, 'Hello!')).finalOutput.trim(), '');
});
