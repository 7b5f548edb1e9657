-- Cgroups for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table cgroup. Those that changed after :after_revision, up to :to_revision.
-- The + keeps SQLite from the index of kinds, which would read all changes of a kind.
SELECT :node AS node, :history_id AS history_id, t.cgroup_id, t.path, t.inode, t.first_seen_at_us, t.last_seen_at_us,
       t.vanished_at_us, t.runtime, t.pod_uid, t.container_id, t.qos_class, t.namespace, t.pod, t.container,
       t.oom_kills_total, t.workload, t.first_seen_by, t.vanished_by, t.kind, v.name, h.revision
  FROM change h
  JOIN cgroup t ON t.cgroup_id = h.row_id
  LEFT JOIN v_cgroup v ON v.cgroup_id = t.cgroup_id
 WHERE +h.kind = 1 AND h.revision > :after_revision AND h.revision <= :to_revision
 ORDER BY h.revision
