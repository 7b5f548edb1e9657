# SPDX-License-Identifier: Apache-2.0
"""A history that is made up: everything that a question of fleet/ may meet, by chance, and the same for the same seed.

made_history.py FILE SEED [HOURS] makes one, which begins so many hours later.
"""
import glob
import pathlib
import random
import sqlite3
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
APPLICATION_ID = 0x63676d6d  # src/store/file/open.cpp
SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
KIB = 1024
MIB = 1024 * 1024
WORKLOADS = ('shop/web/app', 'shop/web/proxy', 'shop/db/postgres', 'kube-system/dns/dns', "odd/na'me\\/t\ta\nb", 'mon/ag\u00e9nt/a')
CAUSES = ('anon_growth', 'shmem', 'ancestor_limit', 'unknown', None)


def insert(database, table, **row):
    names = ', '.join(row)
    database.execute(f'INSERT INTO {table} ({names}) VALUES ({", ".join("?" * len(row))})', list(row.values()))


def columns_of(database, table):
    return [row[1] for row in database.execute(f'PRAGMA table_info({table})')]


class MadeHistory:
    def __init__(self, path, seed, begin_us, hours=30, interval_us=60 * SECOND_US):
        self.random = random.Random(seed)
        self.begin_us, self.end_us, self.interval_us = begin_us, begin_us + hours * HOUR_US, interval_us
        self.database = sqlite3.connect(path)
        files = sorted(glob.glob(str(SOURCE / 'schema/*.sql')))
        # As an update does it: what changes table `change` has of rows that are there, this migration tells.
        before = [file for file in files if pathlib.Path(file).name < '0010']
        for file in before:
            self.database.executescript(open(file).read())
        for key, value in {'version': '0.1.0', 'kernel': f'6.1.{seed}', 'hierarchy': 'v2', 'page_size_bytes': 4096, 'parent': '/',
                           'memory_bytes': 16 * 1024 * MIB, 'interval_us': interval_us, 'boot_id': 'b'}.items():
            self.database.execute('INSERT OR REPLACE INTO node VALUES (?, ?)', (key, value))
        self.lives = []
        self.make_cgroups()
        self.make_scans()
        self.roll_up()
        self.make_reclaims()
        self.make_kills()
        self.make_rest()
        self.database.commit()
        for file in files[len(before):]:
            self.database.executescript(open(file).read())
        version = int(pathlib.Path(files[-1]).name[:4])
        self.database.executescript(f'PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}')
        self.database.commit()
        self.database.close()

    def chance(self, of_one, value=True):
        return value if self.random.random() < of_one else None

    def time(self, from_us=None, to_us=None):
        return self.random.randrange(from_us or self.begin_us, to_us or self.end_us)

    def make_cgroups(self):
        number = 0
        for workload in WORKLOADS:
            namespace, pod, container = workload.split('/', 2)
            for replica in range(2):
                at_us = self.begin_us
                while at_us < self.end_us:  # one after the other
                    number += 1
                    life_us = self.random.randrange(HOUR_US, 20 * HOUR_US)
                    named = self.random.random() < 0.9
                    uid = f'{number:08x}-0000-0000-0000-000000000000'
                    self.add(number, f'/kubepods/pod{uid}/{number:064x}', at_us, at_us + life_us, kind='container',
                             runtime='containerd', pod_uid=uid, container_id=f'{number:064x}', qos_class='burstable',
                             namespace=namespace if named else self.chance(0.5, namespace),
                             pod=f'{pod}-{number}' if named else self.chance(0.5, pod),
                             container=container if named else None,
                             workload=workload if named else self.chance(0.5, f'{namespace}/{pod}'))
                    at_us += life_us + self.random.randrange(SECOND_US, HOUR_US)
        for name in ('/system.slice/cron.service', '/system.slice/ssh.service', '/user.slice/[1]*?.scope'):
            number += 1
            self.add(number, name, self.begin_us, self.end_us + 1, kind='leaf', workload=self.chance(0.5, name))
        for name in ('/kubepods/pod1', '/system.slice'):
            number += 1
            self.add(number, name, self.begin_us, self.end_us + 1, kind='pod' if 'pod1' in name else 'inner')

    def add(self, number, path, from_us, to_us, **more):
        gone = to_us < self.end_us
        first_seen_by = 'found' if from_us == self.begin_us else self.random.choice(('made', 'made', 'told', 'renamed', None))
        if number % 6 == 1:
            first_seen_by = 'found'
        insert(self.database, 'cgroup', cgroup_id=number, path=path, inode=1000 + number, first_seen_at_us=from_us,
               last_seen_at_us=to_us if gone else from_us, vanished_at_us=to_us if gone else None,
               first_seen_by=first_seen_by,
               vanished_by='removed' if gone else None, **more)
        limit = self.random.choice((None, 64, 128, 256, 1024))
        for at_us in [from_us] + [self.time(from_us, to_us) for _ in range(self.random.randrange(2))]:
            insert(self.database, 'cgroup_limit', cgroup_id=number, changed_at_us=at_us, limit_bytes=limit and limit * MIB,
                   effective_limit_bytes=(limit or 16384) * MIB, high_bytes=self.chance(0.2, 60 * MIB))
            limit = limit and limit * 2
        self.lives.append((number, from_us, to_us, (limit or 512) * KIB // 2, self.random.random() < 0.2))

    def make_scans(self):
        names = [name for name in columns_of(self.database, 'sample') if name not in ('scan_id', 'cgroup_id')]
        scan_id, at_us = 0, self.begin_us
        gap = self.time()
        while at_us < self.end_us:
            scan_id += 1
            partial = self.random.random() < 0.05
            rows = []
            for number, from_us, to_us, most_kib, leaks in self.lives:
                if not from_us <= at_us < to_us or (partial and self.random.random() < 0.8):
                    continue
                part = (at_us - from_us) / (to_us - from_us) if leaks else self.random.random() * 0.5
                anon, file, shmem = int(most_kib * part), self.random.randrange(most_kib // 2), self.random.randrange(200)
                row = dict.fromkeys(names)
                row.update(usage_kib=anon + file + 100, anon_kib=anon, file_kib=file, shmem_kib=self.chance(0.9, min(shmem, file)),
                           inactive_file_kib=file // 3, active_file_kib=file // 4, dirty_kib=3, kernel_kib=50,
                           swap_kib=self.chance(0.5, 0), slab_reclaimable_kib=self.chance(0.8, 30), slab_unreclaimable_kib=20,
                           peak_kib=self.chance(0.1, anon + file + 500), shmem_unknown=self.chance(0.02, 1))
                for name in names:
                    if not name.endswith('_kib') and name != 'shmem_unknown':
                        row[name] = self.chance(0.9, self.random.randrange(50))
                if self.random.random() < 0.02:
                    row['usage_kib'] = row['anon_kib'] = None
                rows.append((scan_id, number, *(row[name] for name in names)))
            insert(self.database, 'scan', scan_id=scan_id, started_at_us=at_us, duration_us=self.random.randrange(900, 9000),
                   cgroup_count=len(rows), error_count=int(self.random.random() < 0.05), late_us=self.random.randrange(100),
                   interval_us=self.interval_us, is_partial=1 if partial else None, cpu_us=self.chance(0.9, 700))
            self.database.executemany(f'INSERT INTO sample VALUES ({", ".join("?" * (2 + len(names)))})', rows)
            at_us += self.interval_us // (3 if partial else 1)
            if at_us > gap:
                at_us, gap = at_us + 12 * self.interval_us, self.end_us
        self.scans = scan_id

    def roll_up(self):
        """Whole hours, as the service does it; the samples of the older half are deleted."""
        names = columns_of(self.database, 'sample_hour')[3:]
        def value(name):
            if name.endswith('_avg_kib'):
                gauge = name[:-8] + '_kib'
                return f'sum({gauge}) / nullif(count({gauge}), 0)'
            return f'max({name[:-8]}_kib)' if name.endswith('_max_kib') else f'sum({name})'
        last_us = self.end_us // HOUR_US * HOUR_US
        self.database.execute(f'''INSERT INTO sample_hour (hour_at_us, cgroup_id, sample_count, {", ".join(names)})
            SELECT started_at_us / {HOUR_US} * {HOUR_US}, cgroup_id, count(*), {", ".join(map(value, names))}
              FROM sample JOIN scan USING (scan_id) WHERE started_at_us < {last_us} AND is_partial IS NOT 1 GROUP BY 1, 2''')
        self.database.execute(f'INSERT INTO rolled_up SELECT max(scan_id) FROM scan WHERE started_at_us < {last_us}')
        half_us = (self.begin_us + self.end_us) // 2
        self.database.execute(f'DELETE FROM sample WHERE scan_id IN (SELECT scan_id FROM scan WHERE started_at_us < {half_us})')

    def make_reclaims(self):
        for number in range(1, 400):
            cgroup_id, from_us, to_us, most_kib, _ = self.random.choice(self.lives)
            outcome = self.random.choice(('done', 'done', 'done', 'partial', 'failed', 'vanished', 'interrupted', 'dry_run', 'started'))
            freed = self.random.choice((None, 0, self.random.randrange(most_kib) * KIB)) if outcome != 'done' else \
                self.random.randrange(most_kib) * KIB
            before = self.chance(0.9, self.random.randrange(9 * MIB))
            insert(self.database, 'reclaim', reclaim_id=number, cgroup_id=cgroup_id, started_at_us=self.time(from_us, to_us),
                   duration_us=self.chance(0.9, self.random.randrange(9000)), method='memory.reclaim', threshold_bytes=MIB,
                   requested_bytes=self.chance(0.5, 5 * MIB), freed_bytes=freed, outcome=outcome, usage_before_bytes=before,
                   usage_after_bytes=before, swap_before_bytes=before, swap_after_bytes=before and before + self.random.randrange(-9, 9),
                   error='no such "file"\t\\' if outcome == 'failed' else None, step_count=3, stopped_by=self.chance(0.3, 'pressure'))
            if outcome in ('done', 'partial') and self.random.random() < 0.9:
                verdict = self.random.choice(('effective', 'churn', 'futile', 'failed', 'unknown'))
                insert(self.database, 'reclaim_effect', reclaim_id=number, observed_for_us=self.random.randrange(300 * SECOND_US),
                       refaulted_bytes=self.chance(0.9, self.random.randrange(most_kib) * KIB),
                       regrown_bytes=self.chance(0.8, self.random.randrange(most_kib) * KIB), verdict=verdict,
                       held_byte_seconds=self.chance(0.8, self.random.randrange(1 << 40)),
                       judged_by=self.random.choice(('refaults', 'regrowth', None)), ended_by=self.chance(0.9, 'observe_for'))

    def make_kills(self):
        for number in range(1, 160):
            cgroup_id, from_us, to_us, _, _ = self.random.choice(self.lives)
            where = self.random.choice(('cgroup', 'cgroup', 'cgroup', 'path', 'dropped', 'candidates', 'nowhere'))
            at_us = self.time(from_us, to_us)
            many = self.random.random() < 0.2
            insert(self.database, 'oom_kill', oom_kill_id=number, cgroup_id=cgroup_id if where == 'cgroup' else None,
                   killed_at_us=at_us, source=self.random.choice(('kernel_log', 'counter')),
                   scope=self.random.choice(('cgroup', 'node')), victim_pid=self.chance(0.9, 1000 + number),
                   victim_comm=self.chance(0.9, self.random.choice(('python3', 'java', 'node', 'a,b', 'postgres'))),
                   anon_rss_bytes=self.chance(0.8, self.random.randrange(MIB)), cause=self.random.choice(CAUSES),
                   victim_path='/init.scope' if where == 'path' else None, kill_count=self.random.randrange(2, 30) if many else 1,
                   last_killed_at_us=at_us + 5 * SECOND_US if many else None,
                   dropped_from='/kubepods/gone' if where == 'dropped' else None,
                   candidate_count=3 if where == 'candidates' else None, cgroup_by=self.chance(0.9, 'kernel_log'),
                   limit_path=self.chance(0.3, '/kubepods'), limit_bytes=self.chance(0.7, 128 * MIB),
                   usage_bytes=self.chance(0.7, 127 * MIB), anon_bytes=self.chance(0.7, 100 * MIB),
                   cache_bytes=self.chance(0.7, 20 * MIB), finer_scope=self.chance(0.1, 'cpuset'), end_told=self.chance(0.1, 0),
                   grew_from_at_us=self.chance(0.5, at_us - 60 * SECOND_US), grew_from_bytes=MIB, grew_to_bytes=90 * MIB)
            for place in range(1, self.random.randrange(1, 4)):
                insert(self.database, 'oom_process', oom_kill_id=number, place=place, pid=place, comm='java', rss_bytes=MIB * place)
            if self.random.random() < 0.2:
                insert(self.database, 'oom_node', oom_kill_id=number, total_bytes=16384 * MIB, free_bytes=MIB)

    def make_rest(self):
        for number in range(1, 12):
            cgroup_id, from_us, to_us, _, _ = self.random.choice(self.lives)
            at_us = self.time(from_us, to_us)
            ended = self.chance(0.7, at_us + 90 * SECOND_US)
            insert(self.database, 'stuck', stuck_id=number, cgroup_id=cgroup_id, kind=self.random.choice(('memory_high', 'under_oom')),
                   began_at_us=at_us, last_seen_at_us=at_us + 80 * SECOND_US, ended_at_us=ended, ended_by=ended and 'over',
                   usage_bytes=self.chance(0.9, MIB * number), limit_bytes=MIB * number)
        for cgroup_id, from_us, to_us, _, _ in self.lives[::3]:
            insert(self.database, 'cooldown', cgroup_id=cgroup_id, last_reclaim_at_us=from_us, until_us=to_us, strikes=1,
                   dose_pct=self.chance(0.5, 50))
        for number in range(1, 20):
            insert(self.database, 'service_event', service_event_id=number, at_us=self.time(), detail=self.chance(0.5, 'some\ttext'),
                   kind=self.random.choice(('start', 'stop', 'crash_found', 'gap', 'fault_begin', 'fault_end')), fault='disk')


if __name__ == '__main__':
    later_us = int(sys.argv[3]) * HOUR_US if len(sys.argv) > 3 else 0
    MadeHistory(sys.argv[1], int(sys.argv[2]), 1795000000 * SECOND_US + later_us)
