import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, defaultSettingsMiddleware, embedMany, generateObject, generateText, isStepCount, Output, streamText, tool, ToolLoopAgent, wrapLanguageModel } from 'ai';
import { createOllama } from 'ollama-ai-provider-v2';
import { z } from 'zod';
import { before, caller, embedder, ifThinks, ifTools, model, thinker, url } from './gateway.js';

// Each with what it does by default: `openai('…')` asks for a response, not for a chat.
const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: 'any' });
const compatible = createOpenAICompatible({ name: 'chasqui', baseURL: `${url}/v1`, apiKey: 'any', includeUsage: true, supportsStructuredOutputs: true });
const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey: 'any' });
const ollama = createOllama({ baseURL: `${url}/api` });
const providers = {
    'openai': openai,
    'openai.chat': openai.chat,
    'openai-compatible': compatible,
    'anthropic': anthropic,
    // It writes a temperature where Ollama does not look for one.
    'ollama': (id) => wrapLanguageModel({ model: ollama(id), middleware: defaultSettingsMiddleware({ settings: { providerOptions: { ollama: { options: { temperature: 0 } } } } }) }),
};
const embedders = {
    'openai': openai.textEmbeddingModel,
    'openai-compatible': compatible.textEmbeddingModel,
    'ollama': ollama.textEmbeddingModel,
};
const few = { maxOutputTokens: 12, temperature: 0, maxRetries: 0 };
const city = z.object({ city: z.enum(['Lima']) });
const weather = tool({ description: 'The weather of a city', inputSchema: city, execute: async ({ city }) => `18 degrees in ${city}` });

for (const [name, provider] of Object.entries(providers)) {
    test(`AI SDK, ${name}: a text, streamed and whole alike, with its usage`, async () => {
        const whole = await generateText({ ...few, model: provider(model), prompt: 'Hello!' });
        const stream = streamText({ ...few, model: provider(model), prompt: 'Hello!', onError: ({ error }) => { throw error; } });
        let text = '';
        let pieces = 0;
        for await (const piece of stream.textStream) {
            text += piece;
            pieces++;
        }

        assert.notEqual(whole.text.trim(), '');
        assert.equal(text, whole.text);
        assert.ok(pieces > 1);
        assert.equal(await stream.finishReason, whole.finishReason);
        const usage = await stream.usage;
        assert.ok(whole.usage.inputTokens > 0);
        assert.ok(whole.usage.outputTokens > 0);
        assert.equal(usage.inputTokens, whole.usage.inputTokens);
        assert.equal(usage.outputTokens, whole.usage.outputTokens);
    });

    test(`AI SDK, ${name}: system and earlier turns`, async () => {
        const { text } = await generateText({
            ...few, model: provider(model), system: 'Be brief.',
            messages: [{ role: 'user', content: 'Hello!' }, { role: 'assistant', content: 'Hi.' }, { role: 'user', content: [{ type: 'text', text: 'How are you?' }] }],
        });

        assert.notEqual(text.trim(), '');
    });

    test(`AI SDK, ${name}: a tool is called, its result goes back, and an answer comes`, ifTools, async (context) => {
        if (name === 'ollama' && before === 'embedded') return context.skip('the Ollama API has no choice of a tool');
        const ask = { ...few, maxOutputTokens: 400, model: provider(caller), tools: { get_weather: weather }, stopWhen: isStepCount(3), prompt: 'What is the weather in Lima?' };
        if (before === 'embedded') ask.prepareStep = ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? { type: 'tool', toolName: 'get_weather' } : 'none' });

        const whole = await generateText(ask);
        const stream = streamText({ ...ask, onError: ({ error }) => { throw error; } });
        await stream.consumeStream();

        for (const steps of [whole.steps, await stream.steps]) {
            assert.equal(steps.length, 2);
            assert.equal(steps[0].finishReason, 'tool-calls');
            assert.deepEqual(steps[0].toolCalls.map((call) => [call.toolName, call.input]), [['get_weather', { city: 'Lima' }]]);
            assert.deepEqual(steps[0].toolResults.map((result) => result.output), ['18 degrees in Lima']);
            assert.notEqual(steps[1].text.trim(), '');
        }
    });

    test(`AI SDK, ${name}: an agent goes round by itself`, ifTools, async () => {
        const agent = new ToolLoopAgent({ ...few, model: provider(caller), instructions: 'Be brief.', tools: { get_weather: weather } });

        const { text, steps } = await agent.generate({ prompt: 'What is the weather in Lima?' });

        assert.notEqual(text.trim(), '');
        if (before !== 'embedded') assert.equal(steps.length, 2);
    });

    test(`AI SDK, ${name}: an object of a schema`, async () => {
        // Where the API has no schemas the package forces a tool.
        const ask = { ...few, maxOutputTokens: 200, model: provider(caller ?? model), prompt: 'Where?' };
        const { output } = await generateText({ ...ask, output: Output.object({ schema: city }) });
        const { object } = await generateObject({ ...ask, schema: city });
        const stream = streamText({ ...ask, output: Output.object({ schema: city }), onError: ({ error }) => { throw error; } });
        await stream.consumeStream();

        assert.deepEqual(output, { city: 'Lima' });
        assert.deepEqual(object, { city: 'Lima' });
        assert.deepEqual(await stream.output, { city: 'Lima' });
    });

    test(`AI SDK, ${name}: what a model thinks stands apart from what it says`, ifThinks, async (context) => {
        if (name === 'anthropic' && before === 'ollama') return context.skip('an Ollama signs no thoughts, its answer passes as it is, and the package takes none without');
        const options = {
            'anthropic': { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } },
            'ollama': { ollama: { think: true } },
            'openai': { openai: { reasoningEffort: 'medium', reasoningSummary: 'auto', forceReasoning: true } },
            'openai.chat': { openai: { reasoningEffort: 'medium', forceReasoning: true } },
            'openai-compatible': { chasqui: { reasoningEffort: 'medium' } },
        }[name];
        // A model that thinks takes no temperature.
        const ask = { maxOutputTokens: 400, maxRetries: 0, model: provider(thinker), prompt: 'Hello!', providerOptions: options };
        const whole = await generateText(ask);
        const stream = streamText({ ...ask, onError: ({ error }) => { throw error; } });
        await stream.consumeStream();

        assert.notEqual(whole.text.trim(), '');
        assert.equal(await stream.text, whole.text);
        // OpenAI's chats do not tell what was thought, and its provider does not look for it.
        if (name === 'openai.chat') return;
        assert.notEqual((whole.reasoningText ?? '').trim(), '');
        assert.equal(await stream.reasoningText, whole.reasoningText);

        const again = await generateText({ ...ask, prompt: undefined, messages: [{ role: 'user', content: 'Hello!' }, ...whole.response.messages, { role: 'user', content: 'And?' }] });
        assert.notEqual(again.text.trim(), '');
    });

    test(`AI SDK, ${name}: a model that is not there is an error with its status`, async () => {
        const missing = (error) => {
            assert.ok(APICallError.isInstance(error), String(error));
            assert.equal(error.statusCode, 404);
            assert.match(error.responseBody, /nope/);
            return true;
        };
        await assert.rejects(generateText({ ...few, model: provider('nope'), prompt: 'x' }), missing);
        let seen;
        await streamText({ ...few, model: provider('nope'), prompt: 'x', onError: ({ error }) => { seen = error; } }).consumeStream();
        missing(seen);
    });

    test(`AI SDK, ${name}: a stream can be left`, async () => {
        const leaving = new AbortController();
        let aborted = false;
        const stream = streamText({ ...few, maxOutputTokens: 2000, model: provider(model), prompt: 'Hello!', abortSignal: leaving.signal, onAbort: () => { aborted = true; }, onError: () => {} });
        for await (const part of stream.fullStream) {
            if (part.type === 'text-delta') leaving.abort();
        }

        assert.ok(aborted);
        const { text } = await generateText({ ...few, model: provider(model), prompt: 'Hello!' });
        assert.notEqual(text.trim(), '');
    });
}

for (const [name, vectors] of Object.entries(embedders)) {
    test(`AI SDK, ${name}: vectors`, async () => {
        const { embeddings, usage } = await embedMany({ model: vectors(embedder), values: ['a cat', 'a cat', 'the sea'], maxRetries: 0 });

        assert.equal(embeddings.length, 3);
        assert.deepEqual(embeddings[0], embeddings[1]);
        assert.notDeepEqual(embeddings[0], embeddings[2]);
        assert.ok(usage.tokens > 0);
        await assert.rejects(embedMany({ model: vectors('nope'), values: ['x'], maxRetries: 0 }), (error) => error.statusCode === 404);
    });
}
