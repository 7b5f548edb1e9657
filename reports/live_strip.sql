-- What the strip of `live` marks
-- SPDX-License-Identifier: Apache-2.0
-- The window in 480 slots of the same length: in each the OOM kills, the reclaims, and whether it is a gap: it has no scan and
-- no hour, or the service says that it missed some then. Slots with nothing of it are left out.
WITH RECURSIVE
slot (number, from_us, to_us) AS (
  SELECT 0, :since_us, :since_us + (:until_us - :since_us) / 480 + 1
   UNION ALL
  SELECT number + 1, to_us, to_us + (:until_us - :since_us) / 480 + 1 FROM slot WHERE number < 479
),
kills AS MATERIALIZED (
  SELECT (killed_at_us - :since_us) / ((:until_us - :since_us) / 480 + 1) AS number, sum(kill_count) AS kills
    FROM oom_kill WHERE killed_at_us >= :since_us AND killed_at_us < :until_us
   GROUP BY 1
),
reclaims AS MATERIALIZED (
  SELECT (started_at_us - :since_us) / ((:until_us - :since_us) / 480 + 1) AS number, count(*) AS reclaims
    FROM reclaim WHERE started_at_us >= :since_us AND started_at_us < :until_us AND outcome <> 'dry_run'
   GROUP BY 1
),
told AS (
  SELECT number, ifnull(kills, 0) AS kills, ifnull(reclaims, 0) AS reclaims,
         (NOT EXISTS (SELECT 1 FROM scan WHERE started_at_us >= from_us AND started_at_us < to_us)
          AND ifnull((SELECT started_at_us + 2 * interval_us FROM scan  -- a slot may be shorter than the time between two scans
                       WHERE started_at_us < from_us ORDER BY started_at_us DESC LIMIT 1) <= from_us, 1)
          AND NOT EXISTS (SELECT 1 FROM sample_hour WHERE hour_at_us > from_us - 3600000000 AND hour_at_us < to_us)
          AND from_us < :until_us)
         OR EXISTS (SELECT 1 FROM service_event WHERE at_us >= from_us AND at_us < to_us AND kind IN ('gap', 'crash_found'))
           AS is_gap
    FROM slot
    LEFT JOIN kills USING (number)
    LEFT JOIN reclaims USING (number)
)
SELECT number, kills, reclaims, is_gap FROM told WHERE kills > 0 OR reclaims > 0 OR is_gap ORDER BY number;
