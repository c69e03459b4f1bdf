// Where the gateway is. Without it there is nothing to test.
export const url = process.env.CHASQUI_URL;
if (!url) throw new Error('set CHASQUI_URL to the address of a running gateway, such as http://127.0.0.1:11435');

// The model that ships with Chasqui, unless another is named.
export const model = process.env.CHASQUI_MODEL ?? 'mini';

// One for vectors: where the engine is embedded, any model gives them.
export const embedder = process.env.CHASQUI_EMBED_MODEL ?? model;

// One that knows tools. Without it tests of tools are skipped.
export const caller = process.env.CHASQUI_TOOLS_MODEL;

// One that thinks. Without it tests of what is thought are skipped.
export const thinker = process.env.CHASQUI_THINK_MODEL;

// What the gateway stands before: nothing (its embedded engine), 'ollama', or 'openai' (a node that is asked in OpenAI's language alone).
export const before = process.env.CHASQUI_BEFORE ?? 'embedded';
if (!['embedded', 'ollama', 'openai'].includes(before)) throw new Error(`CHASQUI_BEFORE is "${before}"; it must be embedded, ollama or openai`);

// Options of a test that cannot hold before some kinds: the reason for each of them.
export const unless = (reasons) => ({ skip: reasons[before] ?? false });

export const ifTools = { skip: caller ? false : 'CHASQUI_TOOLS_MODEL names no model' };
export const ifThinks = { skip: thinker ? false : 'CHASQUI_THINK_MODEL names no model' };

// A schema, and a call of the tool below in the form that the shipped model writes it: one this small calls a tool only when its answer can be nothing else.
export const shape = { type: 'object', properties: { city: { enum: ['Lima'] } }, required: ['city'], additionalProperties: false };
export const callShape = {
    type: 'object', properties: { name: { const: 'get_weather' }, arguments: shape }, required: ['name', 'arguments'], additionalProperties: false,
};
export const question = 'What is the weather in Lima?';
