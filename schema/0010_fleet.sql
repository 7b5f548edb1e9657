-- SPDX-License-Identifier: Apache-2.0
--
-- For `ship`, which sends the history to a server: who this history is, and what has changed since it looked last.

-- New key in node: history_id, 32 hexadecimal digits. A history that is begun anew gets another one; one that is salvaged keeps it.
INSERT OR IGNORE INTO node (key, value) VALUES ('history_id', lower(hex(randomblob(16))));

-- The newest change of each row that may change after it was written. A row that changes again gets a greater revision, and loses
-- the earlier one. No revision is used twice. The rows that retention deletes lose theirs.
--   kind 1  cgroup; also where one of its limits (cgroup_limit) is new
--   kind 2  reclaim, with its row in reclaim_effect
--   kind 3  oom_kill, with its rows in oom_process and oom_node
--   kind 4  stuck
--   kind 5  cooldown; row_id is its cgroup_id
--   kind 6  service_event
--   kind 7  an OOM kill that has no row any more, because another row counts it. The last 10000 of them stay
-- Kinds 2, 3 and 4 also where the name of their cgroup is told later.
-- Scans, samples and hours are only ever added, and are not here.
CREATE TABLE change (
  revision INTEGER PRIMARY KEY AUTOINCREMENT,
  kind     INTEGER NOT NULL,
  row_id   INTEGER NOT NULL                   -- the row's integer key
);
CREATE UNIQUE INDEX change_row ON change (kind, row_id);

INSERT INTO change (kind, row_id) SELECT 1, cgroup_id FROM cgroup ORDER BY cgroup_id;
INSERT INTO change (kind, row_id) SELECT 6, service_event_id FROM service_event ORDER BY service_event_id;
INSERT INTO change (kind, row_id) SELECT 5, cgroup_id FROM cooldown ORDER BY cgroup_id;
INSERT INTO change (kind, row_id) SELECT 2, reclaim_id FROM reclaim ORDER BY reclaim_id;
INSERT INTO change (kind, row_id) SELECT 4, stuck_id FROM stuck ORDER BY stuck_id;
INSERT INTO change (kind, row_id) SELECT 3, oom_kill_id FROM oom_kill ORDER BY oom_kill_id;
