-- What a simulation needs to know of the node
-- SPDX-License-Identifier: Apache-2.0
SELECT (SELECT value FROM node WHERE key = 'page_size_bytes') AS page_size_bytes,
       (SELECT value FROM node WHERE key = 'hierarchy') AS hierarchy,
       EXISTS (SELECT 1 FROM node WHERE key = 'containers_seen_below')
         OR EXISTS (SELECT 1 FROM cgroup WHERE container_id IS NOT NULL) AS has_containers,
       EXISTS (SELECT 1 FROM reclaim WHERE started_at_us >= :since_us AND started_at_us < :until_us AND outcome <> 'dry_run') AS has_reclaims,
       (SELECT ifnull(sum(cgroup_count), 0) FROM scan
         WHERE started_at_us >= :since_us AND started_at_us < :until_us
           AND scan_id > ifnull((SELECT max(scan_id) FROM archived), 0)) AS unarchived_samples,
       (SELECT min(started_at_us) FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us) AS first_at_us,
       (SELECT max(started_at_us) FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us) AS last_at_us;
