-- Totals that only rise, with their labels
-- SPDX-License-Identifier: Apache-2.0
-- No report, but a part of metrics: it is put in the place of metric_total in brackets. What is not there any more counts, too;
-- it has no row_id.
SELECT total, namespace, workload, container, qos, word, other, amount, row_id
  FROM (SELECT * FROM v_counted_kill UNION ALL SELECT * FROM v_counted_reclaim UNION ALL SELECT * FROM v_counted_stuck)
  LEFT JOIN v_metric_label USING (cgroup_id)
 WHERE amount IS NOT NULL
 UNION ALL
SELECT total, nullif(namespace, ''), nullif(workload, ''), nullif(container, ''), nullif(qos, ''), word, other, amount, NULL
  FROM past_total
