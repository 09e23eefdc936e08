// Reads a whole category by get_category_messages, 1,000 at a time, into one table: a statement and a commit a batch.
import readline from 'node:readline';
import pg from 'pg';

const BATCH = 1000;
const client = new pg.Client({ connectionString: process.env.DATABASE_URL, options: '-c search_path=message_store,public -c synchronous_commit=off' });
await client.connect();

async function rebuild(events) {
  await client.query('DROP TABLE IF EXISTS public.rebuilt; CREATE TABLE public.rebuilt (global_position bigint PRIMARY KEY, stream text, version bigint, body text)');
  const began = process.hrtime.bigint();
  let position = 1n;
  let rows = 0;
  for (;;) {
    const batch = await client.query({ name: 'read', text: 'SELECT * FROM get_category_messages($1, $2, $3)', values: ['comment', position, BATCH] });
    if (batch.rows.length === 0) break;
    const columns = [[], [], [], []];
    for (const row of batch.rows) {
      const data = JSON.parse(row.data);
      columns[0].push(row.global_position);
      columns[1].push(row.stream_name);
      columns[2].push(row.position);
      columns[3].push(data.body);
    }
    await client.query({
      name: 'write', values: columns,
      text: 'INSERT INTO public.rebuilt SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[])',
    });
    rows += batch.rows.length;
    position = BigInt(batch.rows[batch.rows.length - 1].global_position) + 1n;
  }
  if (rows < events) throw new Error(`only ${rows} of ${events} events came back`);
  return { per_second: rows / (Number(process.hrtime.bigint() - began) / 1e9) };
}

console.log('{}');
for await (const line of readline.createInterface({ input: process.stdin })) {
  const words = line.split(' ');
  console.log(JSON.stringify(await rebuild(Number(words[1]))));
}
await client.end();
