-- How often each workload was restarted in the window
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of reports: it is put in the place of window_restart in brackets. A restart is a cgroup of the workload
-- that began in the window in the place of one that ended in it: so many as began, at most as many as ended. Those of
-- the first scan on record are no restarts: they were there before.
SELECT workload, min(began, ended) AS restarts
  FROM (SELECT coalesce(c.workload, c.name) AS workload,
               count(*) FILTER (WHERE raw.first_seen_at_us >= :since_us AND raw.first_seen_at_us < :until_us
                                  AND raw.first_seen_at_us > (SELECT min(first_seen_at_us) FROM cgroup)) AS began,
               count(*) FILTER (WHERE raw.vanished_at_us >= :since_us AND raw.vanished_at_us < :until_us) AS ended
          FROM v_cgroup c
          JOIN cgroup raw USING (cgroup_id)
         WHERE c.path GLOB :cgroup_glob OR c.name GLOB :cgroup_glob OR c.workload GLOB :cgroup_glob
         GROUP BY 1)
