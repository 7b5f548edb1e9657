-- The node's memory at an OOM kill for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table oom_node. Those that changed after :after_revision, up to :to_revision.
-- They have the revision of their kill. A kill may have fewer later: the rows that count are those with its newest revision.
-- The + keeps SQLite from the index of kinds, which would read all changes of a kind.
SELECT :node AS node, :history_id AS history_id, t.oom_kill_id, t.total_bytes, t.free_bytes, t.active_anon_bytes,
       t.inactive_anon_bytes, t.active_file_bytes, t.inactive_file_bytes, t.shmem_bytes, t.slab_reclaimable_bytes,
       t.slab_unreclaimable_bytes, t.dirty_bytes, t.writeback_bytes, h.revision
  FROM change h
  JOIN oom_node t ON t.oom_kill_id = h.row_id
 WHERE +h.kind = 3 AND h.revision > :after_revision AND h.revision <= :to_revision
 ORDER BY h.revision
