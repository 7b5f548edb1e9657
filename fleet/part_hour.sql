-- Whole hours of the window, of each cgroup
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of hour in brackets. Those of sample_hour that the window has as a
-- whole, each once.
SELECT node, history_id, cgroup_id, hour_at_us, max(sample_count) AS samples, max(usage_avg_kib) AS usage_kib, max(anon_avg_kib) AS anon_kib,
       max(shmem_avg_kib) AS shmem_kib,
       max(if(shmem_avg_kib IS NOT NULL, if(file_avg_kib > shmem_avg_kib, file_avg_kib - shmem_avg_kib, if(file_avg_kib IS NULL, NULL, 0)),
              if(inactive_file_avg_kib + active_file_avg_kib < file_avg_kib, inactive_file_avg_kib + active_file_avg_kib, file_avg_kib)))
         AS cache_kib,
       max(if(shmem_avg_kib IS NULL,
              if(inactive_file_max_kib + active_file_max_kib < file_max_kib, inactive_file_max_kib + active_file_max_kib, file_max_kib),
              file_max_kib - if(shmem_avg_kib = shmem_max_kib, shmem_avg_kib, 0))) AS cache_most_kib,
       -- at most that much was held that can't be dropped
       max(if(anon_max_kib + shmem_max_kib + kernel_max_kib < usage_max_kib, anon_max_kib + shmem_max_kib + kernel_max_kib, usage_max_kib))
         AS held_most_kib
  FROM sample_hour
 WHERE {of_node} AND hour_at_us >= {since_us} AND hour_at_us <= {until_us} - 3600000000
 GROUP BY node, history_id, cgroup_id, hour_at_us
