#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""made_nodes.py DIR: the histories of three nodes that do not exist, for a look at the fleet without one.

DIR/node-1.db to node-3.db: a week until now, a scan a minute, samples of the last two days and hours before, as the service
keeps them. A leak that is killed on two nodes, a database whose cache is read back after each reclaim, a batch job whose cache is
not, a node that was down for some time, and one with an older version.
"""
import glob
import math
import pathlib
import random
import sqlite3
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
APPLICATION_ID = 0x63676d6d  # src/store/file/open.cpp
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
KIB, MIB = 1024, 1024 * 1024
WEEK = 7 * DAY_US
COUNTERS = ('pgfault', 'pgmajfault', 'refault_file', 'refault_anon', 'pgscan', 'pgsteal', 'limit_hits', 'oom_kills', 'psi_some_us',
            'psi_full_us', 'low_events', 'high_events', 'oom_events', 'oom_group_kills')
GAUGES = ('usage', 'anon', 'file', 'shmem', 'inactive_file', 'active_file', 'dirty', 'kernel', 'swap', 'slab_reclaimable',
          'slab_unreclaimable')


class Workload:
    """anon_mib: at its begin. leak_hours: until heap has filled the limit and it is killed. cache_mib: what its files grow to
    between two reclaims."""

    def __init__(self, name, limit_mib, anon_mib, cache_mib=8, leak_hours=None, reclaimed=None, comm='app', waves_mib=0, grows_mib=0):
        self.name, self.limit_mib, self.anon_mib, self.cache_mib, self.leak_hours = name, limit_mib, anon_mib, cache_mib, leak_hours
        self.reclaimed, self.comm, self.waves_mib, self.grows_mib = reclaimed, comm, waves_mib, grows_mib


WEB = dict(limit_mib=512, anon_mib=120, cache_mib=20, comm='java')
AGENT = Workload('logs/agent/agent', 64, 58, 2, comm='agent', waves_mib=1)
DNS = Workload('kube-system/dns/dns', 170, 25, 4, comm='coredns', waves_mib=3)
NODES = (
    ('a', '0.1.0', (Workload('shop/web/app', leak_hours=31, **WEB), AGENT, DNS,
                    Workload('shop/cart/app', 256, 90, 12, comm='node', waves_mib=20))),
    ('b', '0.1.0', (Workload('shop/web/app', leak_hours=47, **WEB), AGENT, DNS,
                    Workload('shop/db/postgres', 4096, 700, 2800, reclaimed='churn', comm='postgres', waves_mib=60))),
    ('b', '0.0.9', (Workload('batch/report/job', 2048, 200, 1500, reclaimed='effective', comm='report', waves_mib=40), AGENT, DNS,
                    Workload('shop/search/index', 1024, 250, 100, comm='index', grows_mib=420))),
)


def insert(database, table, **row):
    database.execute(f'INSERT INTO {table} ({", ".join(row)}) VALUES ({", ".join("?" * len(row))})', list(row.values()))


class Node:
    def __init__(self, path, number, version, workloads, end_us):
        self.number, self.end_us, self.begin_us = number, end_us, end_us - WEEK
        self.random = random.Random(number)
        self.gap = (end_us - 30 * HOUR_US, end_us - 29 * HOUR_US) if number == 3 else (0, 0)
        self.database = sqlite3.connect(path)
        files = sorted(glob.glob(str(SOURCE / 'schema/*.sql')))
        before = [file for file in files if pathlib.Path(file).name < '0010']  # the next ones tell `ship` of all that is there
        for file in before:
            self.database.executescript(open(file).read())
        for key, value in {'version': version, 'kernel': '6.1.0-28-amd64', 'hierarchy': 'v2', 'page_size_bytes': 4096, 'parent': '/',
                           'memory_bytes': 16384 * MIB, 'interval_us': MINUTE_US, 'boot_id': f'boot-{number}'}.items():
            insert(self.database, 'node', key=key, value=value)
        self.lives = []  # (cgroup_id, workload, from_us, to_us)
        self.kills = self.reclaims = 0
        for workload in workloads:
            self.live(workload)
        self.scan()
        self.roll_up()
        self.tell_of_service()
        self.database.commit()
        for file in files[len(before):]:
            self.database.executescript(open(file).read())
        self.database.executescript(
            f'PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {int(pathlib.Path(files[-1]).name[:4])}')
        self.database.close()

    def live(self, workload):
        """One container after the other, each until it is killed."""
        namespace, pod, container = workload.name.split('/')
        uid = f'{self.number:08x}-0000-4000-8000-{self.random.getrandbits(48):012x}'
        from_us = self.begin_us - self.random.randrange(DAY_US) if workload.leak_hours else self.begin_us
        while from_us < self.end_us:
            to_us = from_us + workload.leak_hours * HOUR_US if workload.leak_hours else self.end_us + 1
            cgroup_id = len(self.lives) + 1
            container_id = f'{self.random.getrandbits(256):064x}'
            is_gone = to_us < self.end_us
            insert(self.database, 'cgroup', cgroup_id=cgroup_id, path=f'/kubepods.slice/pod{uid}/{container_id}', inode=1000 + cgroup_id,
                   first_seen_at_us=max(from_us, self.begin_us), last_seen_at_us=to_us if is_gone else self.begin_us,
                   vanished_at_us=to_us if is_gone else None, first_seen_by='found' if from_us <= self.begin_us else 'made',
                   vanished_by='removed' if is_gone else None, kind='container', runtime='containerd', pod_uid=uid,
                   container_id=container_id, qos_class='burstable', namespace=namespace, pod=f'{pod}-{uid[-5:]}', container=container,
                   workload=workload.name)
            insert(self.database, 'cgroup_limit', cgroup_id=cgroup_id, changed_at_us=max(from_us, self.begin_us),
                   limit_bytes=workload.limit_mib * MIB, effective_limit_bytes=workload.limit_mib * MIB)
            self.lives.append((cgroup_id, workload, from_us, to_us))
            if is_gone and to_us > self.begin_us:
                self.kill(cgroup_id, workload, from_us, to_us - SECOND_US)
            from_us = to_us + 20 * SECOND_US

    def anon_kib(self, workload, from_us, at_us):
        anon = workload.anon_mib + workload.waves_mib * math.sin(2 * math.pi * at_us / DAY_US)
        anon += workload.grows_mib * (at_us - self.begin_us) / WEEK
        if workload.leak_hours:
            anon += (workload.limit_mib - 6 - workload.anon_mib) * (at_us - from_us) / (workload.leak_hours * HOUR_US)
        return int(anon * KIB)

    def kill(self, cgroup_id, workload, from_us, at_us):
        self.kills += 1
        anon = self.anon_kib(workload, from_us, at_us) * KIB
        begun_us = max(at_us - 30 * MINUTE_US, from_us)
        insert(self.database, 'oom_kill', oom_kill_id=self.kills, cgroup_id=cgroup_id, killed_at_us=at_us, source='kernel_log',
               scope='cgroup', victim_pid=4000 + self.kills, victim_comm=workload.comm, anon_rss_bytes=anon, file_rss_bytes=2 * MIB,
               shmem_rss_bytes=0, cause='anon_growth', victim_uid=1000, process_count=1, keeps_samples=1, measured_by='kernel_log',
               measured_at_us=at_us, limit_bytes=workload.limit_mib * MIB, usage_bytes=workload.limit_mib * MIB, anon_bytes=anon,
               shmem_bytes=0, kernel_bytes=3 * MIB, cache_bytes=MIB, dirty_bytes=0, swap_bytes=0, grew_from_at_us=begun_us,
               grew_from_bytes=self.anon_kib(workload, from_us, begun_us) * KIB, grew_to_bytes=anon, cgroup_by='kernel_log',
               listed_count=1, listed_rss_bytes=anon + 2 * MIB, listed_swap_bytes=0)
        insert(self.database, 'oom_process', oom_kill_id=self.kills, place=1, pid=4000 + self.kills, comm=workload.comm, uid=1000,
               rss_bytes=anon + 2 * MIB, anon_bytes=anon, file_bytes=2 * MIB, shmem_bytes=0, swap_bytes=0, oom_score_adj=900)

    def scan(self):
        names = [row[1] for row in self.database.execute('PRAGMA table_info(sample)')][2:]
        cache_mib = {cgroup_id: workload.cache_mib * 0.4 for cgroup_id, workload, _, _ in self.lives}
        scan_id, at_us = 0, self.begin_us
        while at_us < self.end_us:
            if not self.gap[0] <= at_us < self.gap[1]:
                scan_id += 1
                self.scan_once(scan_id, at_us, names, cache_mib)
            at_us += MINUTE_US

    def scan_once(self, scan_id, at_us, names, cache_mib):
        rows = []
        for cgroup_id, workload, from_us, to_us in self.lives:
            if not from_us <= at_us < to_us:
                continue
            cache_mib[cgroup_id] += workload.cache_mib * 0.6 / 180 * (1 if workload.reclaimed else 0)
            anon = self.anon_kib(workload, from_us, at_us)
            file = min(int((cache_mib[cgroup_id] + self.random.random()) * KIB), workload.limit_mib * KIB - anon - 3 * KIB)
            if workload.reclaimed and cache_mib[cgroup_id] >= workload.cache_mib:  # every third hour
                file = self.reclaim(cgroup_id, workload, at_us, anon, file)
                cache_mib[cgroup_id] = file / KIB
            sample = dict.fromkeys(COUNTERS, 0)
            sample.update({gauge + '_kib': 0 for gauge in GAUGES})
            sample.update(usage_kib=anon + file + 3 * KIB, anon_kib=anon, file_kib=file, inactive_file_kib=file * 2 // 3,
                          active_file_kib=file // 3, kernel_kib=3 * KIB, slab_reclaimable_kib=KIB, slab_unreclaimable_kib=KIB,
                          pgfault=self.random.randrange(400), limit_hits=int(anon > 0.95 * workload.limit_mib * KIB),
                          refault_file=self.random.randrange(4000) if workload.reclaimed == 'churn' else 0)
            rows.append((scan_id, cgroup_id, *(sample.get(name) for name in names)))
        insert(self.database, 'scan', scan_id=scan_id, started_at_us=at_us, duration_us=self.random.randrange(900, 3000),
               cgroup_count=len(rows), error_count=0, late_us=self.random.randrange(100), interval_us=MINUTE_US, cpu_us=700)
        self.database.executemany(f'INSERT INTO sample VALUES ({", ".join("?" * (2 + len(names)))})', rows)

    def reclaim(self, cgroup_id, workload, at_us, anon_kib, file_kib):
        """Returns what is left of the cache."""
        self.reclaims += 1
        left_kib = int(file_kib * 0.4)
        freed, read_back = (file_kib - left_kib) * KIB, 0.9 if workload.reclaimed == 'churn' else 0.03
        usage = (anon_kib + file_kib + 3 * KIB) * KIB
        insert(self.database, 'reclaim', reclaim_id=self.reclaims, cgroup_id=cgroup_id, started_at_us=at_us + SECOND_US,
               duration_us=freed // 9000, method='memory.reclaim', threshold_bytes=workload.limit_mib * MIB // 4, requested_bytes=freed,
               usage_before_bytes=usage, usage_after_bytes=usage - freed, file_before_bytes=file_kib * KIB,
               file_after_bytes=left_kib * KIB, shmem_before_bytes=0, shmem_after_bytes=0, anon_before_bytes=anon_kib * KIB,
               anon_after_bytes=anon_kib * KIB, swap_before_bytes=0, swap_after_bytes=0, freed_bytes=freed, outcome='done',
               step_count=4, stopped_by='target', psi_some_us=0)
        insert(self.database, 'reclaim_effect', reclaim_id=self.reclaims, observed_for_us=30 * MINUTE_US,
               refaulted_bytes=int(freed * read_back), regrown_bytes=int(freed * max(read_back, 0.17)),
               held_byte_seconds=int(freed * (1 - read_back) * 1800), verdict=workload.reclaimed, judged_by='refaults',
               ended_by='observe_for')
        return left_kib

    def roll_up(self):
        """Whole hours, as the service does it. It keeps the samples of two days, and those before a kill."""
        gauges = ', '.join(f'{gauge}_avg_kib, {gauge}_max_kib' for gauge in GAUGES)
        values = ', '.join(f'CAST(avg({gauge}_kib) AS INTEGER), max({gauge}_kib)' for gauge in GAUGES)
        last_us = self.end_us // HOUR_US * HOUR_US
        self.database.execute(
            f'INSERT INTO sample_hour (hour_at_us, cgroup_id, sample_count, {gauges}, {", ".join(COUNTERS)})'
            f' SELECT started_at_us / {HOUR_US} * {HOUR_US}, cgroup_id, count(*), {values}, {", ".join(f"sum({c})" for c in COUNTERS)}'
            f' FROM sample JOIN scan USING (scan_id) WHERE started_at_us < {last_us} GROUP BY 1, 2')
        self.database.execute(f'INSERT INTO rolled_up SELECT max(scan_id) FROM scan WHERE started_at_us < {last_us}')
        self.database.execute(
            f'DELETE FROM sample WHERE scan_id IN (SELECT scan_id FROM scan WHERE started_at_us < {self.end_us - 2 * DAY_US}'
            f' AND NOT EXISTS (SELECT 1 FROM oom_kill k WHERE k.killed_at_us BETWEEN started_at_us AND started_at_us + {30 * MINUTE_US}))')

    def tell_of_service(self):
        events = [(self.begin_us, 'start', None, None)]
        if self.number == 3:
            events += [(self.gap[1], 'crash_found', 'the service or the machine had stopped without a word', None),
                       (self.gap[1], 'start', None, None),
                       (self.end_us - 20 * HOUR_US, 'fault_begin', 'the history can\'t be written: no space left on device', 'disk_full'),
                       (self.end_us - 19 * HOUR_US, 'fault_end', None, 'disk_full')]
        for at_us, kind, detail, fault in events:
            insert(self.database, 'service_event', at_us=at_us, kind=kind, detail=detail, fault=fault)


def make(directory, end_us):
    """Returns the file and the zone of each node."""
    made = []
    for number, (zone, version, workloads) in enumerate(NODES, 1):
        file = pathlib.Path(directory) / f'node-{number}.db'
        Node(file, number, version, workloads, end_us)
        made.append((file, f'zone-{zone}'))
    return made


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for made_file, made_zone in make(sys.argv[1], int(time.time()) * SECOND_US):
        print(made_file, made_zone)
