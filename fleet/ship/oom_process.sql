-- Processes at an OOM kill for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table oom_process. Those that changed after :after_revision, up to :to_revision.
-- They have the revision of their kill. A kill may have fewer later: the rows that count are those with its newest revision.
-- The + keeps SQLite from the index of kinds, which would read all changes of a kind.
SELECT :node AS node, :history_id AS history_id, t.oom_kill_id, t.place, t.pid, t.comm, t.uid, t.rss_bytes, t.anon_bytes,
       t.file_bytes, t.shmem_bytes, t.swap_bytes, t.oom_score_adj, h.revision
  FROM change h
  JOIN oom_process t ON t.oom_kill_id = h.row_id
 WHERE +h.kind = 3 AND h.revision > :after_revision AND h.revision <= :to_revision
 ORDER BY h.revision, t.place
