-- Largest processes at an OOM kill
-- SPDX-License-Identifier: Apache-2.0
-- The ten that held most, by the table that the kernel prints: of the cgroup that hit its limit with all
-- below it, else of the node. v_oom_kill has how many there were (listed_count), and the sums of all. What
-- processes share counts for each of them.
SELECT p.place,
       p.pid,
       p.comm AS process,
       p.uid,
       p.rss_bytes,
       p.swap_bytes,
       p.anon_bytes,
       p.file_bytes,
       p.shmem_bytes,
       p.oom_score_adj
  FROM oom_process p
 WHERE p.oom_kill_id = :oom_kill_id
 ORDER BY p.place;
