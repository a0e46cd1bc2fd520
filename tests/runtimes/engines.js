// The engines, and how each is made to do the work.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installed } from './places.js';
import { program, start, stop, within } from './processes.js';
import { workerd } from './workerd.js';

/** Long enough for every question on a slow and busy machine, in seconds. */
const LIMIT = 300;

/** `work(files, answering)` resolves to times, answers and versions of a fresh process. */
export const engines = [
  { engine: 'V8', runtime: 'Node', work: (...task) => onCommandLine(process.execPath, [], ...task) },
  { engine: 'V8', runtime: 'workerd', work: inWorker },
  {
    engine: 'V8',
    runtime: 'Deno',
    work: (...task) => onCommandLine(program('deno'), ['run', '--allow-net', '--allow-read', '--allow-env'], ...task),
  },
  { engine: 'V8', runtime: 'Chromium', work: (...task) => inBrowser('chromium', chromium, ...task) },
  { engine: 'JavaScriptCore', runtime: 'Bun', work: (...task) => onCommandLine(program('bun'), [], ...task) },
  { engine: 'SpiderMonkey', runtime: 'Firefox', work: (...task) => inBrowser('firefox-esr', firefox, ...task) },
];

async function onCommandLine(command, args, files, answering) {
  const { path, sent } = files.result();
  const child = start(command, [...args, 'engine/program.js', `http://${files.host}`, path, String(answering)], {
    cwd: installed,
  });
  return received(child, sent);
}

async function inWorker(files, answering) {
  const bindings = '(name = "FILES", service = "files"), (name = "EVALUATION", unsafeEval = void)';
  const worker = await workerd(join(installed, 'engine/worker.js'), {
    bindings,
    externals: { files: files.host },
    flags: ['--experimental'],
  });
  const sent = fetch(`${worker.url}/${answering}`).then(async (response) => {
    const text = await response.text();
    if (!response.ok) throw new Error(`workerd answered ${response.status}: ${text}\n${worker.child.said}`);
    return JSON.parse(text);
  });
  const result = await received(worker.child, sent).finally(() => rmSync(worker.folder, { recursive: true }));
  return {
    ...result,
    versions: {
      runtime: execFileSync(program('workerd'), ['--version'], { encoding: 'utf8' }).replace('workerd', '').trim(),
    },
  };
}

async function inBrowser(command, args, files, answering) {
  const profile = mkdtempSync(join(tmpdir(), 'lookback-browser-'));
  const { path, sent } = files.result();
  const address = `http://${files.host}/page?result=${path}&answering=${answering}`;
  // In a group of its own, since browsers are many processes.
  const child = start(command, args(profile, address), { detached: true, env: { ...process.env, HOME: profile } });
  child.kill = () => process.kill(-child.pid, 'SIGKILL');
  const result = await received(child, sent);
  rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  const version = execFileSync(command, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return { ...result, versions: { runtime: version.match(/\d+(\.\d+)+/)[0] } };
}

/** What was sent; an error when the process ends before, or the work failed, or it takes too long. */
async function received(child, sent) {
  const ended = child.ended.then((code) => {
    throw new Error(`${child.spawnfile} ended with ${code} and sent no result:\n${child.said}`);
  });
  // A process that sends its result and ends at once has not failed.
  const first = Promise.race([sent, ended.catch((error) => within(1, sent, () => error.message))]);
  const result = await within(
    LIMIT,
    first,
    () => `${child.spawnfile} sent no result within ${LIMIT} s:\n${child.said}`,
  ).finally(() => stop(child));
  if (result.error) throw new Error(result.error);
  return result;
}

function chromium(profile, address) {
  const quiet = [
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  // Chromium's sandbox refuses root.
  const sandbox = process.getuid() === 0 ? ['--no-sandbox'] : [];
  return ['--headless', ...sandbox, ...quiet, `--user-data-dir=${profile}`, address];
}

function firefox(profile, address) {
  const settings = {
    'app.normandy.enabled': false,
    'app.update.enabled': false,
    'browser.aboutwelcome.enabled': false,
    'browser.safebrowsing.malware.enabled': false,
    'browser.safebrowsing.phishing.enabled': false,
    'browser.shell.checkDefaultBrowser': false,
    'datareporting.policy.dataSubmissionEnabled': false,
    'network.captive-portal-service.enabled': false,
    'network.connectivity-service.enabled': false,
    'services.settings.server': 'data:,none',
    'toolkit.telemetry.enabled': false,
  };
  const lines = Object.entries(settings).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  );
  writeFileSync(join(profile, 'user.js'), lines.join('\n'));
  return ['--headless', '--no-remote', '--profile', profile, address];
}
