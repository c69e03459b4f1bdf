import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const url = process.env.CHASQUI_URL;
if (!url) throw new Error('set CHASQUI_URL to the address of a running gateway, such as http://127.0.0.1:11435');
const model = process.env.CHASQUI_TOOLS_MODEL;
const before = process.env.CHASQUI_BEFORE ?? 'embedded';
const program = createRequire(import.meta.url).resolve('@openai/codex/bin/codex.js');

// Runs the program in a home and a folder of its own, and returns what it said.
async function run(home, ...args) {
    const folder = join(home, 'work');
    await mkdir(folder, { recursive: true });
    const child = spawn(process.execPath, [program, ...args], {
        cwd: folder,
        env: { ...process.env, HOME: home, CODEX_HOME: join(home, '.codex') },
        stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let log = '';
    child.stdout.setEncoding('utf8').on('data', (text) => { out += text; });
    child.stderr.setEncoding('utf8').on('data', (text) => { log += text; });
    const code = await new Promise((resolve) => child.on('error', (error) => { log += error; resolve(-1); }).on('close', resolve));
    return { code, out, log };
}

async function withHome(use) {
    const home = await mkdtemp(join(tmpdir(), 'chasqui-codex-'));
    try {
        await mkdir(join(home, '.codex'));
        await writeFile(join(home, '.codex', 'config.toml'), [
            `model = "${model}"`, 'model_provider = "chasqui"', '[model_providers.chasqui]', 'name = "Chasqui"', `base_url = "${url}/v1"`, 'wire_api = "responses"', '',
        ].join('\n'));
        return await use(home);
    } finally {
        await rm(home, { recursive: true, force: true });
    }
}

// The events of an answer, which ends a turn without an error.
async function ask(home, ...args) {
    const { code, out, log } = await run(home, 'exec', '--skip-git-repo-check', '--json', ...args);
    assert.equal(code, 0, out + log);
    const events = out.trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(events.filter((event) => event.type === 'error' || event.type === 'turn.failed'), [], out + log);
    assert.equal(events.at(-1).type, 'turn.completed', out + log);
    return events;
}

const said = (events) => events.filter((event) => event.type === 'item.completed' && event.item.type === 'agent_message').map((event) => event.item.text);

const runs = await withHome((home) => run(home, '--version'));
const options = { skip: !model ? 'CHASQUI_TOOLS_MODEL names no model' : runs.code === 0 ? false : `the program of @openai/codex does not run here: ${runs.log.trim().split('\n')[0]}` };

test('Codex: a question is answered, and the next one goes on from it', options, () => withHome(async (home) => {
    const first = await ask(home, 'Hello!');
    assert.notEqual(said(first).join(''), '', JSON.stringify(first));
    assert.ok(first.at(-1).usage.output_tokens > 0);

    const second = await ask(home, 'resume', '--last', 'And again.');
    assert.notEqual(said(second).join(''), '', JSON.stringify(second));
    assert.equal(second[0].thread_id, first[0].thread_id);
}));

// The calls that it has made and their results, from the record that it keeps itself.
async function calls(home) {
    const folder = join(home, '.codex', 'sessions');
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.jsonl'));
    const lines = (await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))).join('').trim().split('\n');
    return lines.map((line) => JSON.parse(line)).filter((line) => line.type === 'response_item').map((line) => line.payload);
}

// The doubles call a tool that is spoken of; a model as small as the shipped one calls none.
const ifCalls = { skip: options.skip || (before === 'embedded' ? 'the shipped model calls no tool by itself' : false) };

for (const [question, space, name] of [['What is our goal?', undefined, 'get_goal'], ['Please close it.', 'multi_agent_v1', 'close_agent']]) {
    test(`Codex: its own tool ${name} is called, and the result goes back`, ifCalls, () => withHome(async (home) => {
        const events = await ask(home, question);

        assert.notEqual(said(events).join(''), '', JSON.stringify(events));
        const items = await calls(home);
        const call = items.find((item) => item.type === 'function_call');
        assert.deepEqual([call.namespace, call.name], [space, name]);
        assert.notEqual(items.find((item) => item.type === 'function_call_output').call_id, '');
        assert.equal(items.find((item) => item.type === 'function_call_output').call_id, call.call_id);
    }));
}
