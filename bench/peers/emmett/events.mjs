// Emmett's event store: conditional appends, a read of a long stream, and the rebuild of one projection.
import readline from 'node:readline';
import { SQL } from '@event-driven-io/dumbo';
import { getPostgreSQLEventStore, postgreSQLRawBatchSQLProjection, rebuildPostgreSQLProjections } from '@event-driven-io/emmett-postgresql';
import pg from 'pg';

const url = process.env.DATABASE_URL;
const writer = new pg.Pool({ connectionString: url, max: 32 });
const store = getPostgreSQLEventStore(url, { connectionOptions: { pool: writer } });
await store.schema.migrate();
const body = 'c'.repeat(200);
const event = () => ({ type: 'CommentAdded', data: { issue: 'iss_00000000000000000000000000000001', author: 'usr_00000000000000000000000000000001', body } });
let streams = 0;

const ms = (from) => Number(process.hrtime.bigint() - from) / 1e6;
function figures(perSecond, latencies) {
  latencies.sort((a, b) => a - b);
  const at = (part) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))];
  return { per_second: perSecond, p50_ms: at(0.5), p99_ms: at(0.99) };
}

// Each writer appends to a stream of its own and expects the version that it left.
async function append(writers, events) {
  const latencies = [];
  let started = 0;
  const began = process.hrtime.bigint();
  const write = async () => {
    const stream = `comment-${++streams}`;
    let version = 'STREAM_DOES_NOT_EXIST';
    while (started++ < events) {
      const asked = process.hrtime.bigint();
      const result = await store.appendToStream(stream, [event()], { expectedStreamVersion: version });
      version = result.nextExpectedStreamVersion;
      latencies.push(ms(asked));
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  return figures((latencies.length * 1000) / ms(began), latencies);
}

async function read(times) {
  const stream = 'issue-long';
  if ((await store.readStream(stream)).events.length === 0) {
    for (let n = 0; n < 10; ++n) await store.appendToStream(stream, Array.from({ length: 100 }, event));
  }
  const latencies = [];
  const began = process.hrtime.bigint();
  for (let n = 0; n < times; ++n) {
    const asked = process.hrtime.bigint();
    const { events } = await store.readStream(stream);
    if (events.length !== 1000) throw new Error(`the long stream has ${events.length} events`);
    latencies.push(ms(asked));
  }
  return figures((times * 1000) / ms(began), latencies);
}

// A million events written behind the store's back, as appending them would take minutes; the rebuild reads them by its own ways.
async function fill(events) {
  await writer.query('TRUNCATE emt_messages, emt_streams');
  await writer.query(
    `INSERT INTO emt_messages (stream_id, stream_position, partition, message_kind, message_data, message_metadata, message_schema_version,
                               message_type, message_id, global_position, transaction_id)
     SELECT 'comment-' || n / 10, 1 + n % 10, 'emt:default', 'E',
            jsonb_build_object('issue', 'iss_00000000000000000000000000000001', 'author', 'usr_00000000000000000000000000000001', 'body', $2::text),
            jsonb_build_object('streamName', 'comment-' || n / 10, 'messageId', gen_random_uuid(), 'streamPosition', (1 + n % 10)::text), '1', 'CommentAdded',
            gen_random_uuid(), nextval('emt_global_message_position'), pg_current_xact_id()
     FROM generate_series(0, $1::int - 1) AS n`, [events, body]);
  await writer.query('ANALYZE emt_messages');
  return { events };
}

let rebuilds = 0;
async function rebuild(events) {
  await writer.query('DROP TABLE IF EXISTS rebuilt; CREATE TABLE rebuilt (global_position bigint PRIMARY KEY, stream text, version bigint, body text)');
  const projection = postgreSQLRawBatchSQLProjection({
    name: `rebuilt_${++rebuilds}`,
    canHandle: ['CommentAdded'],
    evolve: (batch) => {
      const rows = JSON.stringify(batch.map((one) => ({
        global_position: String(one.metadata.globalPosition), stream: one.metadata.streamName, version: String(one.metadata.streamPosition), body: one.data.body,
      })));
      return [SQL`INSERT INTO rebuilt SELECT * FROM jsonb_to_recordset(${rows}::jsonb) AS r(global_position bigint, stream text, version bigint, body text)`];
    },
  });
  const began = process.hrtime.bigint();
  const consumer = rebuildPostgreSQLProjections({ connectionString: url, pulling: { batchSize: 1000 }, projections: [projection] });
  await consumer.start();
  const seconds = ms(began) / 1000;
  const rows = Number((await writer.query('SELECT count(*) AS rows FROM rebuilt')).rows[0].rows);
  await consumer.close();
  if (rows < events) throw new Error(`only ${rows} of ${events} events came back`);
  return { per_second: rows / seconds };
}

const commands = { append, read, fill, rebuild };
console.log('{}');
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [name, ...numbers] = line.split(' ');
  console.log(JSON.stringify(await commands[name](...numbers.map(Number))));
}
await store.close();
await writer.end();
