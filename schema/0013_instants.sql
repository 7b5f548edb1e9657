-- SPDX-License-Identifier: Apache-2.0
--
-- What questions about all cgroups at one time read of the archive: one row instead of a chunk of each cgroup.

-- The samples of one scan once more: of the cgroups with the same cgroup_id / 1440. `data` has the format of archive_chunk.data, where
-- the scan and the cgroups have changed places (docs/archive.md). The first full scan of an hour has them, if a scan is made every
-- minute or more often. All of a scan's samples are here, or none: then the chunks have them.
CREATE TABLE archive_instant (
  scan_id      INTEGER NOT NULL,
  cgroup_block INTEGER NOT NULL,
  data         BLOB NOT NULL
);
CREATE UNIQUE INDEX archive_instant_scan ON archive_instant (scan_id, cgroup_block);
