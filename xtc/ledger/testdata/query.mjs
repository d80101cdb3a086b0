// Runs the SQL of its arguments with DuckDB and prints the rows of each as a line
// of JSON; numbers beyond 2^53 are strings.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.DUCKDB_NODE_MODULES, 'from-here.js'));
const { DuckDBInstance } = require('@duckdb/node-api');
const connection = await (await DuckDBInstance.create(':memory:')).connect();
for (const query of process.argv.slice(2)) {
  const reader = await connection.runAndReadAll(query);
  console.log(JSON.stringify(reader.getRowsJson()));
}
