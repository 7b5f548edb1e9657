-- The node's memory at an OOM kill
-- SPDX-License-Identifier: Apache-2.0
-- By the kernel, of a kill that was not for a cgroup's limit: of the whole node, also where only some of its
-- NUMA nodes had run out. Page cache that can be dropped, in principle, is active_file and inactive_file.
SELECT n.total_bytes,
       n.free_bytes,
       n.active_anon_bytes,
       n.inactive_anon_bytes,
       n.active_file_bytes,
       n.inactive_file_bytes,
       n.shmem_bytes,
       n.slab_reclaimable_bytes,
       n.slab_unreclaimable_bytes,
       n.dirty_bytes,
       n.writeback_bytes
  FROM oom_node n
 WHERE n.oom_kill_id = :oom_kill_id;
