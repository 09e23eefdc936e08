// Graphile Worker: how fast it drains jobs that do nothing, and how soon an idle worker starts one.
import readline from 'node:readline';
import { Logger, makeWorkerUtils, run } from 'graphile-worker';

const connectionString = process.env.DATABASE_URL;
const concurrency = 24;
const logger = new Logger(() => (level, message) => { if (level === 'error') console.error(message); });
const preset = (more) => ({ worker: { connectionString, concurrentJobs: concurrency, maxPoolSize: concurrency + 4, pollInterval: 1000, logger, ...more } });
const utils = await makeWorkerUtils({ connectionString, logger });
await utils.migrate();

const ms = (from) => Number(process.hrtime.bigint() - from) / 1e6;
function percentile(values, part) {
  values.sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor(values.length * part))];
}

async function drain(jobs) {
  await utils.addJobs(Array.from({ length: jobs }, (_, n) => ({ identifier: 'noop', payload: { n } })));
  let done = 0;
  let finish;
  const all = new Promise((resolve) => { finish = resolve; });
  let began;
  const runner = await run({
    preset: preset({ localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }),
    taskList: { noop: () => { began ??= process.hrtime.bigint(); if (++done === jobs) finish(); } },
  });
  await all;
  await runner.stop();  // what is completed is written by then
  return { per_second: (jobs * 1000) / ms(began) };
}

async function idle(jobs) {
  const waits = [];
  let started;
  const runner = await run({ preset: preset({}), taskList: { noop: () => started() } });
  for (let n = -20; n < jobs; ++n) {
    const asked = process.hrtime.bigint();
    const claimed = new Promise((resolve) => { started = () => resolve(ms(asked)); });
    await utils.addJob('noop', { n });
    const waited = await claimed;
    if (n >= 0) waits.push(waited);
    await new Promise((resolve) => setTimeout(resolve, 10));  // idle again
  }
  await runner.stop();
  return { p50_ms: percentile(waits, 0.5), p99_ms: percentile(waits, 0.99) };
}

console.log('{}');
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [name, number] = line.split(' ');
  console.log(JSON.stringify(await { drain, idle }[name](Number(number))));
}
await utils.release();
process.exit(0);
