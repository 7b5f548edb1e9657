-- SPDX-License-Identifier: Apache-2.0
--
-- Totals that only rise, also when the rows that they count are deleted as too old: for metrics.

-- What metrics call a cgroup: only words of which a node has few. Never a path, an id or a uid. workload: as everywhere, and of a
-- systemd service below system.slice the name of its unit. NULL: it has no such name.
CREATE VIEW v_metric_label AS
SELECT cgroup_id, namespace,
       CASE WHEN kind IN ('container', 'pod') OR container IS NOT NULL OR pod IS NOT NULL
              THEN iif(container IS NULL AND pod IS NULL, NULL, workload)
            WHEN path GLOB '*/system.slice/*.service'
              THEN substr(path, length(rtrim(path, replace(path, '/', ''))) + 1) END AS workload,
       container, qos_class AS qos
  FROM cgroup;

-- What became of a reclaim, as the reports tell it. docs/numbers.md explains the numbers.
--   read_back_bytes    how much of what was freed was read again. NULL: it can't be told, because the observation was too
--                      short, the kernel can't tell, or next to nothing was freed
--   regrown_bytes      how much of what was freed the cache had grown again at the end of the observation
--   stayed_free_bytes  the rest of what was freed. NULL: nothing was observed
--   by_regrowth        the kernel can't tell what was read back, so the verdict rests on regrown_bytes
--   mostly_regrown     that, and it was at least half of what was freed
CREATE VIEW v_told_reclaim AS
SELECT r.*, e.verdict, e.judged_by, e.ended_by, e.observed_for_us, e.held_byte_seconds,
       CASE WHEN e.verdict IN ('effective', 'churn') THEN min(e.refaulted_bytes, r.freed_bytes) END AS read_back_bytes,
       min(e.regrown_bytes, r.freed_bytes) AS regrown_bytes,
       max(r.freed_bytes - e.regrown_bytes, 0) AS stayed_free_bytes,
       e.judged_by IS 'regrowth' AS by_regrowth,
       e.judged_by IS 'regrowth' AND ifnull(2 * e.regrown_bytes >= r.freed_bytes, 0) AS mostly_regrown
  FROM reclaim r
  LEFT JOIN reclaim_effect e USING (reclaim_id);

-- What each row of oom_kill, stuck and reclaim adds to a total, once that does not change any more. row_id: the row's number there.
--   oom_kills                 word: cause, other: scope. Not while it may still be found out whose kill it was. Those of cgroups
--                             that were dropped because there were too many (dropped_from) are in past_total
--   stuck                     word: kind
--   reclaims                  word: outcome. Once the kernel has answered
--   reclaim_freed_bytes, reclaim_us
--   reclaim_verdicts          word: verdict. Once its observation has ended
--   reclaim_read_back_bytes, reclaim_held_byte_seconds
CREATE VIEW v_counted_kill AS
SELECT oom_kill_id AS row_id, cgroup_id, 'oom_kills' AS total,
       coalesce(cause, 'unknown') AS word, coalesce(finer_scope, scope, 'unknown') AS other, kill_count AS amount
  FROM oom_kill
 WHERE cgroup_by IS NOT NULL AND dropped_from IS NULL;
CREATE VIEW v_counted_stuck AS
SELECT stuck_id AS row_id, cgroup_id, 'stuck' AS total, kind AS word, '' AS other, 1 AS amount FROM stuck;
CREATE VIEW v_counted_reclaim AS
SELECT r.reclaim_id AS row_id, r.cgroup_id, t.value AS total,
       CASE t.value WHEN 'reclaims' THEN r.outcome
                    WHEN 'reclaim_verdicts' THEN coalesce(r.verdict, 'unknown')
                    ELSE '' END AS word,
       '' AS other,
       CASE t.value WHEN 'reclaim_freed_bytes' THEN r.freed_bytes
                    WHEN 'reclaim_us' THEN r.duration_us
                    WHEN 'reclaim_read_back_bytes' THEN r.read_back_bytes
                    WHEN 'reclaim_held_byte_seconds' THEN r.held_byte_seconds
                    ELSE 1 END AS amount
  FROM v_told_reclaim r
 CROSS JOIN (SELECT 'reclaims' AS value UNION ALL SELECT 'reclaim_freed_bytes' UNION ALL SELECT 'reclaim_us'
             UNION ALL SELECT 'reclaim_verdicts' UNION ALL SELECT 'reclaim_read_back_bytes'
             UNION ALL SELECT 'reclaim_held_byte_seconds') t
 WHERE r.outcome <> 'started'
   AND (t.value IN ('reclaims', 'reclaim_freed_bytes', 'reclaim_us') OR r.ended_by IS NOT NULL);

-- What the rows added that are deleted.
CREATE TABLE past_total (
  total     TEXT NOT NULL,
  namespace TEXT NOT NULL,                    -- '': none
  workload  TEXT NOT NULL,
  container TEXT NOT NULL,
  qos       TEXT NOT NULL,
  word      TEXT NOT NULL,
  other     TEXT NOT NULL,
  amount    INTEGER NOT NULL,
  PRIMARY KEY (total, namespace, workload, container, qos, word, other)
) WITHOUT ROWID;
INSERT INTO past_total
SELECT 'oom_kills', '', '', '', '', coalesce(cause, 'unknown'), coalesce(finer_scope, scope, 'unknown'), sum(kill_count)
  FROM oom_kill
 WHERE dropped_from IS NOT NULL
 GROUP BY 6, 7
HAVING sum(kill_count) > 0;
