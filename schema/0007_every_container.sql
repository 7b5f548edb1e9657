-- SPDX-License-Identifier: Apache-2.0
--
-- Every container, every byte, and every kill for what it was.

-- 1. Where containers are.

-- What a cgroup is: 'container'; 'pod' (the directory of a pod's containers); 'inner' (another directory with cgroups below it);
-- 'leaf' (a service, a session or whatever else has none). NULL: recorded by an earlier version. The samples of a pod and of an
-- inner cgroup are of its remainder: what it holds beyond the cgroups below it. So the sum over all cgroups is what all of them
-- hold.
-- Names of `node`: containers_seen_below, the parent below which a container has been seen last.
ALTER TABLE cgroup ADD COLUMN kind TEXT;

DROP VIEW v_cgroup;
CREATE VIEW v_cgroup AS
SELECT c.cgroup_id,
       CASE WHEN c.container IS NOT NULL THEN coalesce(c.namespace || '/', '') || coalesce(c.pod || '/', '') || c.container
            WHEN c.pod IS NOT NULL
              THEN coalesce(c.namespace || '/', '') || c.pod || coalesce('/' || substr(c.container_id, 1, 12), '')
            WHEN c.container_id IS NOT NULL AND c.pod_uid IS NOT NULL
              THEN substr(c.container_id, 1, 12) || ' (pod ' || substr(c.pod_uid, 1, 8) || ')'
            WHEN c.container_id IS NOT NULL THEN coalesce(c.runtime || ' ', '') || substr(c.container_id, 1, 12)
            ELSE c.path END AS name,
       c.path, c.inode,
       strftime('%Y-%m-%dT%H:%M:%SZ', c.first_seen_at_us / 1000000, 'unixepoch') AS first_seen_at,
       strftime('%Y-%m-%dT%H:%M:%SZ', CASE WHEN c.vanished_at_us IS NULL
                THEN max(c.last_seen_at_us, coalesce((SELECT s.started_at_us FROM scan s ORDER BY s.scan_id DESC LIMIT 1), 0))
                ELSE c.last_seen_at_us END / 1000000, 'unixepoch') AS last_seen_at,
       c.vanished_at_us IS NOT NULL AS vanished,
       c.runtime, c.qos_class, c.pod_uid, c.container_id, c.namespace, c.pod, c.container,
       (SELECT l.limit_bytes FROM cgroup_limit l WHERE l.cgroup_id = c.cgroup_id
         ORDER BY l.changed_at_us DESC LIMIT 1) AS limit_bytes,
       (SELECT l.effective_limit_bytes FROM cgroup_limit l WHERE l.cgroup_id = c.cgroup_id
         ORDER BY l.changed_at_us DESC LIMIT 1) AS effective_limit_bytes,
       c.workload, c.first_seen_by, c.vanished_by, c.kind
  FROM cgroup c;

-- 2. Memory that belongs to no running container.

-- 3. What the kernel counts.

-- 4. Kills for what they were.

-- 5. Cgroups that are stuck.
