-- Restarts for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table restart: those of the changed cgroups that are restarts. The rules are those of
-- reports/part_restart.sql, asked of one cgroup at a time: `earlier` began before it and has its workload (or its path where none is
-- known), `ended` had ended by then.
-- The + keeps SQLite from the index of kinds, which would read all changes of a kind.
SELECT :node AS node, :history_id AS history_id, t.cgroup_id, t.first_seen_at_us AS at_us, t.path, v.name, t.workload, h.revision
  FROM change h
  JOIN (replica) kind ON kind.cgroup_id = h.row_id
  JOIN cgroup t ON t.cgroup_id = h.row_id
  JOIN v_cgroup v ON v.cgroup_id = t.cgroup_id
 WHERE +h.kind = 1 AND h.revision > :after_revision AND h.revision <= :to_revision
   AND kind.can_restart
   AND coalesce(t.first_seen_by, 'made') IN ('made', 'told', 'found')
   AND (EXISTS (SELECT 1 FROM cgroup earlier
                 WHERE earlier.workload = coalesce(t.workload, t.path) AND earlier.first_seen_at_us < t.first_seen_at_us)
        OR EXISTS (SELECT 1 FROM cgroup earlier
                    WHERE earlier.path = coalesce(t.workload, t.path) AND earlier.workload IS NULL
                      AND earlier.first_seen_at_us < t.first_seen_at_us))
   AND (t.first_seen_by IS NOT 'found'
        OR EXISTS (SELECT 1 FROM cgroup ended
                    WHERE ended.workload = coalesce(t.workload, t.path) AND ended.vanished_at_us < t.first_seen_at_us
                      AND ended.vanished_by IS NOT 'hidden')
        OR EXISTS (SELECT 1 FROM cgroup ended
                    WHERE ended.path = coalesce(t.workload, t.path) AND ended.workload IS NULL
                      AND ended.vanished_at_us < t.first_seen_at_us AND ended.vanished_by IS NOT 'hidden'))
 ORDER BY h.revision
