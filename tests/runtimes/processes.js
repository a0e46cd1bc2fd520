// Programs that are started, watched, and ended whatever happens.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { here } from './places.js';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** Where each runtime's package keeps the program for this machine: a scope with one package in it, and a path there. */
const PROGRAMS = { bun: ['@oven', 'bin/bun'], deno: ['@deno', 'deno'], workerd: ['@cloudflare', 'bin/workerd'] };

/** The runtime's own program: the packages' wrappers need their install scripts, and would outlive being killed. */
export function program(name) {
  const [scope, path] = PROGRAMS[name];
  const folder = join(here, 'node_modules', scope);
  const found = readdirSync(folder)
    .map((one) => join(folder, one, path))
    .filter(existsSync);
  if (found.length === 0) throw new Error(`${folder} has no ${path}: npm knows no ${name} for this machine`);
  return found[0];
}

/** Starts a program; `child.said` is what it has printed so far, `child.ended` resolves to its exit code. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], ...options });
  running.add(child);
  child.said = '';
  for (const stream of child.stdio.slice(1, 3)) stream.on('data', (chunk) => (child.said += chunk));
  child.ended = new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`cannot run ${command}: ${error.message}`)));
    child.on('exit', (code, signal) => {
      running.delete(child);
      resolve(code ?? signal);
    });
  });
  // Whoever waits for it hears of it; nobody need wait.
  child.ended.catch(() => {});
  return child;
}

export async function stop(child) {
  child.kill('SIGKILL');
  await child.ended;
}

/** The first match of a pattern in what comes out of a stream of the child, by its number. */
export function printed(child, stream, pattern) {
  let text = '';
  const found = new Promise((resolve) => {
    child.stdio[stream].on('data', (chunk) => {
      text += chunk;
      const match = text.match(pattern);
      if (match) resolve(match);
    });
  });
  const ended = child.ended.then((code) => {
    throw new Error(`${child.spawnfile} ended with ${code} before it was ready:\n${child.said}`);
  });
  return within(60, Promise.race([found, ended]), () => `${child.spawnfile} is not ready after 60 s:\n${child.said}`);
}

/** The promise, or an error once the seconds are over. */
export async function within(seconds, promise, message) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(message())), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
