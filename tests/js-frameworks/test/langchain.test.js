import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatAnthropic } from '@langchain/anthropic';
import { HumanMessage, SystemMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOllama, OllamaEmbeddings } from '@langchain/ollama';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';
import { before, caller, embedder, ifThinks, ifTools, model, thinker, url } from './gateway.js';

const retries = { maxRetries: 0 };
const openai = { ...retries, apiKey: 'any', configuration: { baseURL: `${url}/v1` } };
const make = {
    'ChatOpenAI': ({ model, limit, ...more }) => new ChatOpenAI({ ...openai, model, maxTokens: limit, temperature: 0, ...more }),
    'ChatOpenAI by responses': ({ model, limit, ...more }) => new ChatOpenAI({ ...openai, model, maxTokens: limit, temperature: 0, useResponsesApi: true, ...more }),
    'ChatAnthropic': ({ model, limit, ...more }) => new ChatAnthropic({ ...retries, apiKey: 'any', anthropicApiUrl: url, model, maxTokens: limit, temperature: 0, ...more }),
    'ChatOllama': ({ model, limit, ...more }) => new ChatOllama({ ...retries, baseUrl: url, model, numPredict: limit, temperature: 0, ...more }),
};
const city = z.object({ city: z.enum(['Lima']) });
const weather = tool(async ({ city }) => `18 degrees in ${city}`, { name: 'get_weather', description: 'The weather of a city', schema: city });
const question = 'What is the weather in Lima?';

for (const [name, chat] of Object.entries(make)) {
    test(`LangChain, ${name}: a text, streamed and whole alike, with its usage`, async () => {
        const llm = chat({ model, limit: 12 });
        const whole = await llm.invoke([new SystemMessage('Be brief.'), new HumanMessage('Hello!')]);
        let streamed;
        let pieces = 0;
        for await (const piece of await llm.stream([new SystemMessage('Be brief.'), new HumanMessage('Hello!')])) {
            streamed = streamed ? streamed.concat(piece) : piece;
            pieces++;
        }

        assert.notEqual(whole.text.trim(), '');
        assert.equal(streamed.text, whole.text);
        assert.ok(pieces > 1);
        assert.ok(whole.usage_metadata.input_tokens > 0);
        assert.ok(whole.usage_metadata.output_tokens > 0);
        assert.equal(streamed.usage_metadata.output_tokens, whole.usage_metadata.output_tokens);
        // Of a prompt it reads what stands in the first event, before a node has counted it.
        if (name === 'ChatAnthropic' && before !== 'embedded') return;
        assert.equal(streamed.usage_metadata.input_tokens, whole.usage_metadata.input_tokens);
        assert.equal(streamed.usage_metadata.total_tokens, whole.usage_metadata.total_tokens);
    });

    test(`LangChain, ${name}: a tool is called, its result goes back, and an answer comes`, ifTools, async (context) => {
        if (name === 'ChatOllama' && before === 'embedded') return context.skip('the Ollama API has no choice of a tool');
        const plain = chat({ model: caller, limit: 400 });
        // A model as small as the shipped one calls a tool only when it must.
        const forced = before !== 'embedded' ? {} : { tool_choice: name === 'ChatAnthropic' ? { type: 'tool', name: 'get_weather' } : 'get_weather' };
        const llm = plain.bindTools([weather], forced);

        const whole = await llm.invoke(question);
        let streamed;
        for await (const piece of await llm.stream(question)) streamed = streamed ? streamed.concat(piece) : piece;

        for (const message of [whole, streamed]) assert.deepEqual(message.tool_calls.map((call) => [call.name, call.args]), [['get_weather', { city: 'Lima' }]]);
        const result = await weather.invoke(whole.tool_calls[0]);
        const then = await plain.bindTools([weather]).invoke([new HumanMessage(question), whole, result]);
        assert.equal(result.content, '18 degrees in Lima');
        assert.notEqual(then.text.trim(), '');
    });

    test(`LangChain, ${name}: an object of a schema`, async () => {
        const answer = await chat({ model: caller ?? model, limit: 200 }).withStructuredOutput(city).invoke('Where?');

        assert.deepEqual(answer, { city: 'Lima' });
    });

    test(`LangChain, ${name}: an object of a schema by a tool`, ifTools, async (context) => {
        if (name === 'ChatOllama') return context.skip('the Ollama API has no choice of a tool');
        const answer = await chat({ model: caller, limit: 200 }).withStructuredOutput(city, { method: 'functionCalling', name: 'get_weather' }).invoke(question);

        assert.deepEqual(answer, { city: 'Lima' });
    });

    test(`LangChain, ${name}: an object as JSON`, async (context) => {
        if (name === 'ChatAnthropic') return context.skip('Anthropic\'s API has no such kind');
        const answer = await chat({ model, limit: 200 }).withStructuredOutput(z.record(z.string(), z.any()), { method: 'jsonMode' }).invoke('An object as JSON, please.');

        assert.equal(typeof answer, 'object');
    });

    test(`LangChain, ${name}: what a model thinks stands apart from what it says`, ifThinks, async () => {
        const options = {
            'ChatOpenAI': { temperature: undefined, reasoning: { effort: 'medium' } },
            'ChatOpenAI by responses': { temperature: undefined, reasoning: { effort: 'medium', summary: 'auto' } },
            'ChatAnthropic': { temperature: undefined, thinking: { type: 'enabled', budget_tokens: 1024 } },
            'ChatOllama': { think: true },
        }[name];
        const llm = chat({ model: thinker, limit: 400, ...options });
        const whole = await llm.invoke('Hello!');
        let streamed;
        for await (const piece of await llm.stream('Hello!')) streamed = streamed ? streamed.concat(piece) : piece;

        const thoughts = (message) => message.contentBlocks.filter((block) => block.type === 'reasoning').map((block) => block.reasoning).join('');
        assert.notEqual(whole.text.trim(), '');
        assert.equal(streamed.text, whole.text);
        // OpenAI's chats do not tell what was thought, and the package does not look for it.
        if (name !== 'ChatOpenAI') {
            assert.notEqual(thoughts(whole).trim(), '');
            assert.equal(thoughts(streamed), thoughts(whole));
        }
        const again = await llm.invoke([new HumanMessage('Hello!'), whole, new HumanMessage('And?')]);
        assert.notEqual(again.text.trim(), '');
    });

    test(`LangChain, ${name}: a model that is not there is an error with its status`, async () => {
        const missing = (error) => {
            assert.equal(error.status ?? error.status_code, 404, String(error));
            assert.match(error.message, /nope/);
            return true;
        };
        const llm = chat({ model: 'nope', limit: 12 });
        await assert.rejects(llm.invoke('x'), missing);
        await assert.rejects(async () => { for await (const piece of await llm.stream('x')) assert.fail(piece); }, missing);
    });

    test(`LangChain, ${name}: a stream can be left`, async () => {
        const leaving = new AbortController();
        await assert.rejects(async () => {
            for await (const piece of await chat({ model, limit: 2000 }).stream('Hello!', { signal: leaving.signal })) {
                assert.ok(piece);
                leaving.abort();
            }
        });
        const { text } = await chat({ model, limit: 12 }).invoke('Hello!');
        assert.notEqual(text.trim(), '');
    });
}

for (const [name, vectors] of Object.entries({
    'OpenAIEmbeddings': (model) => new OpenAIEmbeddings({ ...openai, model }),
    'OllamaEmbeddings': (model) => new OllamaEmbeddings({ ...retries, baseUrl: url, model }),
})) {
    test(`LangChain, ${name}: vectors`, async () => {
        const [one, same, other] = await vectors(embedder).embedDocuments(['a cat', 'a cat', 'the sea']);
        const query = await vectors(embedder).embedQuery('a cat');

        assert.deepEqual(one, same);
        assert.notDeepEqual(one, other);
        assert.equal(query.length, one.length);
        await assert.rejects(vectors('nope').embedQuery('x'), (error) => (error.status ?? error.status_code) === 404);
    });
}
