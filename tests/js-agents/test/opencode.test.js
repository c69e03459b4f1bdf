import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { before, caller, ifTools, model, url } from './gateway.js';

// The package opencode-ai is a script that copies this program to its place after it was installed.
const program = fileURLToPath(new URL(`../node_modules/opencode-${process.platform}-${process.arch}/bin/opencode`, import.meta.url));
const runs = { ...ifTools, skip: ifTools.skip || (existsSync(program) ? false : 'opencode has no program for this machine'), timeout: 240_000 };

// Each provider that the program carries asks in a language of its own: chats, responses, messages.
const languages = { 'compatible': '@ai-sdk/openai-compatible', 'openai': '@ai-sdk/openai', 'anthropic': '@ai-sdk/anthropic' };
const models = { [caller]: {}, [model]: {} };
const provider = Object.fromEntries(Object.entries(languages).map(([name, npm]) => [name, { npm, options: { baseURL: `${url}/v1`, apiKey: 'any' }, models }]));

// Runs it in a folder of its own, where it finds nothing of the user and asks nothing outside, and reads its events.
async function opencode(args) {
    const home = await mkdtemp(join(tmpdir(), 'chasqui-opencode-'));
    try {
        await writeFile(join(home, 'opencode.json'), JSON.stringify({ provider, small_model: `compatible/${model}`, autoupdate: false, share: 'disabled' }));
        await writeFile(join(home, 'karana'), Array.from({ length: 30 }, (_, i) => `line ${i} of karana\n`).join(''));
        const folders = Object.fromEntries(['CONFIG', 'DATA', 'CACHE', 'STATE'].map((kind) => [`XDG_${kind}_HOME`, join(home, kind.toLowerCase())]));
        const child = spawn(program, ['run', '--format', 'json', ...args], {
            cwd: home, stdio: ['ignore', 'pipe', 'pipe'], timeout: 200_000,
            env: { PATH: process.env.PATH, HOME: home, ...folders, OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_LSP_DOWNLOAD: '1' },
        });
        let out = '';
        let errors = '';
        child.stdout.on('data', (piece) => { out += piece; });
        child.stderr.on('data', (piece) => { errors += piece; });
        const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
        const events = out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
        return { code, events, said: `${out}\n${errors}` };
    } finally {
        await rm(home, { recursive: true, force: true });
    }
}

for (const name of Object.keys(languages)) {
    test(`opencode, ${name}: it answers, and reads a file where the model asks for it`, runs, async () => {
        const { code, events, said } = await opencode(['-m', `${name}/${caller}`, 'Please read the file.']);

        const text = events.filter((event) => event.type === 'text').map((event) => event.part.text).join('');
        assert.equal(code, 0, said);
        assert.notEqual(text.trim(), '', said);
        assert.ok(!events.some((event) => event.type === 'error'), said);
        assert.equal(events.at(-1).part.reason, 'stop', said);
        assert.ok(events.at(-1).part.tokens.input > 0, said);
        // A model as small as the shipped one calls no tool by itself.
        if (before === 'embedded') return;
        const tools = events.filter((event) => event.type === 'tool_use').map(({ part }) => [part.tool, part.state.status, part.state.input.filePath]);
        assert.deepEqual(tools, [['read', 'completed', 'karana']], said);
    });
}

test('opencode: a model that is not there is an error that names it', { ...runs, skip: runs.skip || (before === 'embedded' ? false : 'the same before a node') }, async () => {
    provider.compatible.models.nope = {};
    const { events, said } = await opencode(['-m', 'compatible/nope', 'Hello!']);

    assert.match(JSON.stringify(events.find((event) => event.type === 'error') ?? said), /model 'nope' not found/, said);
});
