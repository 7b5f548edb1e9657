-- Usage at some points in time, for the trend lines of `live`
-- SPDX-License-Identifier: Apache-2.0
-- :points is a JSON array of times. At each the usage of every cgroup in the last full scan before it, at most :reach_us before;
-- or, where :is_hour, the average of the hour that ended then.
SELECT point.value AS at_us, c.path, s.usage_kib
  FROM json_each(:points) point
 CROSS JOIN sample s
  JOIN cgroup c USING (cgroup_id)
 WHERE NOT :is_hour
   AND s.scan_id = (SELECT scan_id FROM scan
                     WHERE started_at_us < point.value AND started_at_us >= point.value - :reach_us AND is_partial IS NOT 1
                     ORDER BY started_at_us DESC LIMIT 1)
 UNION ALL
SELECT point.value, c.path, h.usage_avg_kib
  FROM json_each(:points) point
 CROSS JOIN sample_hour h
  JOIN cgroup c USING (cgroup_id)
 WHERE :is_hour AND h.hour_at_us = point.value - 3600000000;
