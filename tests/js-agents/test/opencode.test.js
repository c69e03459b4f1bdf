import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before as first, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { before, caller, ifTools, model, url } from './gateway.js';

// The package opencode-ai is a script that copies this program to its place after it was installed.
const program = fileURLToPath(new URL(`../node_modules/opencode-${process.platform}-${process.arch}/bin/opencode`, import.meta.url));
const skip = ifTools.skip || (existsSync(program) ? false : 'opencode has no program for this machine');

// Each provider that the program carries asks in a language of its own: chats, responses, messages.
const languages = { 'compatible': '@ai-sdk/openai-compatible', 'openai': '@ai-sdk/openai', 'anthropic': '@ai-sdk/anthropic' };
const models = { [caller]: {}, [model]: {}, nope: {} };
const provider = Object.fromEntries(Object.entries(languages).map(([name, npm]) => [name, { npm, options: { baseURL: `${url}/v1`, apiKey: 'any' }, models }]));

describe('opencode', { skip }, () => {
    let home;
    let agent;
    let address;

    // One program for all, in a folder of its own, where it finds nothing of the user and asks nothing outside.
    first(async () => {
        home = await mkdtemp(join(tmpdir(), 'chasqui-opencode-'));
        await writeFile(join(home, 'opencode.json'), JSON.stringify({ provider, small_model: `compatible/${model}`, autoupdate: false, share: 'disabled' }));
        await writeFile(join(home, 'karana'), Array.from({ length: 30 }, (_, i) => `line ${i} of karana\n`).join(''));
        const folders = Object.fromEntries(['CONFIG', 'DATA', 'CACHE', 'STATE'].map((kind) => [`XDG_${kind}_HOME`, join(home, kind.toLowerCase())]));
        agent = spawn(program, ['serve', '--hostname', '127.0.0.1', '--port', '0'], {
            cwd: home, stdio: ['ignore', 'pipe', 'inherit'],
            env: { PATH: process.env.PATH, HOME: home, ...folders, OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_LSP_DOWNLOAD: '1' },
        });
        let said = '';
        address = await new Promise((resolve, reject) => {
            agent.on('error', reject).on('close', () => reject(new Error(`it ended: ${said}`)));
            agent.stdout.on('data', (piece) => {
                said += piece;
                const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
                if (found) resolve(found);
            });
        });
    });

    after(async () => {
        if (agent && agent.exitCode === null) {
            const gone = new Promise((resolve) => agent.on('close', resolve));
            agent.kill('SIGKILL');
            await gone;
        }
        if (home) await rm(home, { recursive: true, force: true, maxRetries: 5 });
    });

    const call = async (path, body) => {
        const answer = await fetch(address + path, body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
        assert.ok(answer.ok, `${path}: ${answer.status}`);
        return answer.json();
    };

    // What it says and does until the model has ended its last turn.
    const ask = async (providerID, modelID, text) => {
        const { id } = await call('/session', {});
        await call(`/session/${id}/message`, { model: { providerID, modelID }, parts: [{ type: 'text', text }] });
        return (await call(`/session/${id}/message`)).filter((message) => message.info.role === 'assistant');
    };

    for (const name of Object.keys(languages)) {
        test(`by ${name}: it answers, and reads a file where the model asks for it`, async () => {
            const turns = await ask(name, caller, 'Please read the file.');

            const parts = turns.flatMap((turn) => turn.parts);
            const { info } = turns.at(-1);
            assert.equal(info.error, undefined);
            assert.equal(info.finish, 'stop');
            assert.ok(info.tokens.input > 0);
            assert.notEqual(parts.filter((part) => part.type === 'text').map((part) => part.text).join('').trim(), '');
            // A model as small as the shipped one calls no tool by itself.
            if (before === 'embedded') return;
            const tools = parts.filter((part) => part.type === 'tool').map((part) => [part.tool, part.state.status, part.state.input.filePath]);
            assert.deepEqual(tools, [['read', 'completed', 'karana']]);
        });
    }

    test('a model that is not there is an error that names it', async () => {
        const [turn] = await ask('compatible', 'nope', 'Hello!');

        assert.equal(turn.info.error.data.statusCode, 404);
        assert.match(turn.info.error.data.message, /model 'nope' not found/);
    });
});
