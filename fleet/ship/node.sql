-- The node for the fleet
-- SPDX-License-Identifier: Apache-2.0
-- The columns of the fleet's table node.
SELECT :node AS node, (SELECT value FROM node WHERE key = 'history_id') AS history_id, :machine_id AS machine_id,
       :cluster AS cluster, :zone AS zone, :pool AS pool, (SELECT value FROM node WHERE key = 'kernel') AS kernel,
       (SELECT value FROM node WHERE key = 'version') AS version,
       (SELECT value FROM node WHERE key = 'page_size_bytes') AS page_size_bytes,
       (SELECT value FROM node WHERE key = 'hierarchy') AS hierarchy,
       (SELECT min(started_at_us) FROM scan) AS first_at_us, (SELECT max(started_at_us) FROM scan) AS last_at_us,
       :clock_difference_us AS clock_difference_us, :lost_samples AS lost_samples, :lost_rows AS lost_rows,
       :refused_rows AS refused_rows, (SELECT value FROM node WHERE key = 'interval_us') AS interval_us,
       (SELECT value FROM node WHERE key = 'memory_bytes') AS memory_bytes,
       (SELECT value FROM node WHERE key = 'kernel_log') AS kernel_log, :now_us AS shipped_at_us
