# SPDX-License-Identifier: Apache-2.0
"""What the tests of fleet/ share: fleet/schema filled in, the two engines, and a local history loaded into them."""
import glob
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
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
        self.ready = False  # until its tables are made
        self.version = tuple(map(int, self.ask('SELECT version() AS v')[0]['v'].split('.')[:2]))

    def run(self, sql, body=b''):
        settings = urllib.parse.urlencode({
            'database': DATABASE if self.ready else 'default', 'insert_distributed_sync': 1,
            'output_format_json_quote_64bit_integers': 0, 'query': sql})
        try:
            with NO_PROXY.open(f'{self.url}/?{settings}', data=body, timeout=300) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f'{error.read().decode()[:1000]}\n{sql}') from None

    def ask(self, sql):
        return json.loads(self.run(sql + ' FORMAT JSON'))['data']

    def insert(self, table, columns, rows):
        self.run(f'INSERT INTO {DATABASE}.{table} ({", ".join(columns)}) FORMAT TabSeparated', rows)


def modules_of_chdb(directory):
    """The npm packages of tests/fleet/chdb in the directory: downloaded where they are not there. Or ends the test: it is skipped."""
    def skip(why):
        print(f'*** SKIPPED, NOTHING WAS TESTED: {why} ***')
        sys.exit(77)

    if not shutil.which('node') or not shutil.which('npm'):
        skip('node and npm are not installed')
    source, directory = SOURCE / 'tests/fleet/chdb', pathlib.Path(directory).resolve()
    lock, installed = (source / 'package-lock.json').read_text(), directory / 'installed'
    if not installed.exists() or installed.read_text() != lock:
        directory.mkdir(parents=True, exist_ok=True)
        for name in ('package.json', 'package-lock.json'):
            shutil.copy(source / name, directory)
        # Not `npm ci`: it wants chdb's optional packages for other machines in the lock file, too.
        ran = subprocess.run(['npm', 'install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], cwd=directory, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if ran.returncode and re.search('ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT', ran.stdout):
            skip('the npm packages can\'t be downloaded')
        if ran.returncode:
            sys.exit(f'npm install: {ran.stdout}')
        installed.write_text(lock)
    return directory / 'node_modules'


class Chdb:
    """A ClickHouse of today, in a process of node (npm package chdb)."""

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
    use(engine)


def use(engine):
    engine.ready = True
    if isinstance(engine, Chdb):
        engine.run(f'USE {DATABASE}')


def sent(name):
    """A file of fleet/ship, of the whole history."""
    values = {':node': "''", ':history_id': "''", ':after_revision': '-1', ':to_revision': str(1 << 60)}
    text = re.sub(r'--.*', '', (SOURCE / f'fleet/ship/{name}.sql').read_text())
    text = re.sub(r'\((replica)\)', lambda part: f'({(SOURCE / f"reports/part_{part[1]}.sql").read_text()})', text)
    return re.sub(r':[a-z_]+', lambda value: values[value[0]], text)


# What a history gives for each table of the engine: its columns after node and history_id, and how they are read.
NAMED = 'c.path, c.name, c.workload'
ROWS = {
    'scan': ('scan t', 't.*', ''),
    'cgroup': ('cgroup t JOIN v_cgroup c USING (cgroup_id)', 't.*', 'c.name'),
    'sample': ('sample t JOIN scan sc USING (scan_id)', 't.*', 'sc.started_at_us, sc.is_partial IS NOT 1, t.reclaimable_cache_kib, t.held_kib'),
    'sample_hour': ('sample_hour t', 't.*', ''),
    'restart': (f'({sent("restart")}) c', '', 'c.cgroup_id, c.at_us, c.path, c.name, c.workload'),
    'cgroup_limit': ('cgroup_limit t', 't.*', ''),
    'reclaim': (f'''reclaim t JOIN ({(SOURCE / "reports/part_told_reclaim.sql").read_text()}) r USING (reclaim_id)
                    LEFT JOIN reclaim_effect e ON e.reclaim_id = t.reclaim_id LEFT JOIN v_cgroup c ON c.cgroup_id = t.cgroup_id''',
                't.*, e.*', f'r.read_back_bytes, r.regrown_bytes, r.stayed_free_bytes, r.by_regrowth, r.mostly_regrown, {NAMED}'),
    'oom_kill': ('oom_kill t JOIN v_oom_kill c USING (oom_kill_id)', 't.*',
                 'c.path, c.container_id, c.namespace, c.pod, c.container, c.name, c.workload'),
    'oom_process': ('oom_process t', 't.*', ''),
    'oom_node': ('oom_node t', 't.*', ''),
    'stuck': ('stuck t JOIN v_stuck c USING (stuck_id)', 't.*', NAMED),
    'cooldown': ('cooldown t', 't.*', ''),
    'service_event': ('service_event t', 't.*', ''),
}


def tsv(value):
    if value is None:
        return b'\\N'
    text = value if isinstance(value, bytes) else str(value).encode()
    return text.replace(b'\\', b'\\\\').replace(b'\t', b'\\t').replace(b'\n', b'\\n').replace(b'\r', b'\\r').replace(b'\0', b'\\0')


def load(engine, history, node, history_id='1', labels=('', '', ''), revision=1):
    """All rows of a local history into the engine, as `ship` would send them."""
    database = sqlite3.connect(f'file:{history}?mode=ro', uri=True)

    def names_of(table):
        return [row[1] for row in database.execute(f'PRAGMA table_info({table})')]

    def send(table, columns, rows):
        for begin in range(0, len(rows), 50000):
            engine.insert(table, columns, b''.join(b'\t'.join(map(tsv, row)) + b'\n' for row in rows[begin:begin + 50000]))

    for table, (source, local, derived) in ROWS.items():
        columns = [row['name'] for row in engine.ask(
            f"SELECT name FROM system.columns WHERE database = '{DATABASE}' AND table = '{table}'")]
        select = [f't.{name}' for name in names_of(table)]
        if 'e.*' in local:
            select += [f'e.{name}' for name in names_of('reclaim_effect')[1:]]
        select += [derived] if derived else []
        select += [str(revision)] if columns[-1] == 'revision' else []
        rows = database.execute(f'SELECT ?, ?, {", ".join(select)} FROM {source}', (node, history_id)).fetchall()
        send(table, columns, rows)
    known = dict(database.execute('SELECT key, value FROM node'))
    first, last = database.execute('SELECT min(started_at_us), max(started_at_us) FROM scan').fetchone()
    row = {'node': node, 'history_id': history_id, 'cluster': labels[0], 'zone': labels[1], 'pool': labels[2], 'first_at_us': first,
           'last_at_us': last, 'clock_difference_us': 0, 'lost_samples': 0, 'lost_rows': 0, 'shipped_at_us': (last or 0) + revision}
    row.update({key: known.get(key) for key in ('kernel', 'version', 'page_size_bytes', 'hierarchy', 'interval_us', 'memory_bytes', 'kernel_log')})
    send('node', list(row), [list(row.values())])
