# SPDX-License-Identifier: Apache-2.0
"""What the tests of fleet/ share: fleet/schema filled in, the two engines, and a local history loaded into them."""
import glob
import json
import os
import pathlib
import re
import subprocess
import urllib.error
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
DATABASE = 'cgmm'


def statements(text, version=(18, 16), cluster='', keep_days=None):
    """The statements of a file of fleet/schema, its braces filled in as `fleet init` does it."""
    def engine(table, row_version=''):
        if not cluster:
            return f'ReplacingMergeTree({row_version})'
        more = f', {row_version}' if row_version else ''
        return f"ReplicatedReplacingMergeTree('/clickhouse/tables/{{shard}}/{DATABASE}/{table}', '{{replica}}'{more})"

    def distributed(table, key):
        if not cluster:
            return ''
        return (f'CREATE TABLE IF NOT EXISTS {DATABASE}.{table} ON CLUSTER {cluster} AS {DATABASE}.{table}_local\n'
                f'ENGINE = Distributed({cluster}, {DATABASE}, {table}_local, cityHash64({key}))')

    def ttl(column, kind):
        days = (keep_days or {}).get(kind)
        if not days or version < (19, 6):
            return ''
        return f'TTL toDateTime(intDiv({column}, 1000000)) + INTERVAL {days} DAY'

    def fill(match):
        what, _, arguments = match.group(1).partition(':')
        arguments = arguments.split(',') if arguments else []
        return {'database': lambda: DATABASE,
                'local': lambda: '_local' if cluster else '',
                'cluster': lambda: f' ON CLUSTER {cluster}' if cluster else '',
                'engine': engine, 'distributed': distributed, 'ttl': ttl,
                'compression': lambda: "SETTINGS default_compression_codec = 'ZSTD(1)'" if version >= (25, 1) else '',
                }[what](*arguments)

    without_comments = re.sub(r'(?m)^--.*\n', '', text)
    for each in re.sub(r'\{([a-z]+(?::[a-z_0-9,]*)?)\}', fill, without_comments).split(';'):
        each = '\n'.join(line for line in each.split('\n') if line.strip())
        if each:
            yield each


class Server:
    """An engine behind HTTP."""

    def __init__(self, url):
        self.url = url
        self.version = tuple(map(int, self.ask('SELECT version() AS v')[0]['v'].split('.')[:2]))

    def run(self, sql, body=b''):
        settings = 'insert_distributed_sync=1&output_format_json_quote_64bit_integers=0&query=' + urllib.request.quote(sql)
        try:
            with urllib.request.urlopen(f'{self.url}/?{settings}', data=body, timeout=300) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f'{error.read().decode()[:1000]}\n{sql}') from None

    def ask(self, sql):
        return json.loads(self.run(sql + ' FORMAT JSON'))['data']

    def insert(self, table, columns, rows):
        self.run(f'INSERT INTO {DATABASE}.{table} ({", ".join(columns)}) FORMAT TabSeparated', rows)


class Chdb:
    """A ClickHouse of today, in a process of node (npm i chdb)."""

    PROGRAM = '''const { Session } = require("chdb");
const session = new Session(process.argv[1]);
require("readline").createInterface({ input: process.stdin }).on("line", line => {
  const { sql, format } = JSON.parse(line);
  let answer;
  try { answer = { text: session.query(sql, format) }; } catch (error) { answer = { error: String(error.message) }; }
  process.stdout.write(JSON.stringify(answer) + "\\n");
});'''

    def __init__(self, modules, data):
        self.data = pathlib.Path(data)
        self.data.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(['node', '-e', self.PROGRAM, '--', str(self.data)], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env=dict(os.environ, NODE_PATH=str(modules)))
        self.version = tuple(map(int, self.ask('SELECT version() AS v')[0]['v'].split('.')[:2]))

    def run(self, sql, format='TabSeparated'):
        self.process.stdin.write(json.dumps({'sql': sql, 'format': format}) + '\n')
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if 'error' in answer:
            raise RuntimeError(f'{answer["error"][:1000]}\n{sql}')
        return answer['text']

    def ask(self, sql):
        return [json.loads(line) for line in self.run(
            sql + ' SETTINGS output_format_json_quote_64bit_integers = 0', 'JSONEachRow').splitlines()]

    def insert(self, table, columns, rows):
        path = self.data / 'rows.tsv'
        path.write_bytes(rows)
        self.run(f"INSERT INTO {DATABASE}.{table} ({', '.join(columns)}) FROM INFILE '{path}' FORMAT TabSeparated")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def make_tables(engine, cluster='', keep_days=None):
    for file in sorted(glob.glob(str(SOURCE / 'fleet/schema/*.sql'))):
        for statement in statements(open(file).read(), engine.version, cluster, keep_days):
            engine.run(statement)
