-- SPDX-License-Identifier: Apache-2.0
--
-- The archive: older samples, packed. docs/archive.md has the format of `data`.

-- The samples of one cgroup in one block of scans. A block are the 1440 scans with the same scan_id / 1440. Without gaps
-- in the numbers of scans that is four hours of scans every 10 s. The scans' own rows stay in `scan` as long as there are chunks
-- of their block.
CREATE TABLE archive_chunk (
  chunk_id      INTEGER PRIMARY KEY,
  block         INTEGER NOT NULL,
  cgroup_id     INTEGER NOT NULL,
  first_scan_id INTEGER NOT NULL,
  last_scan_id  INTEGER NOT NULL CHECK (last_scan_id >= first_scan_id),
  first_at_us   INTEGER,                      -- the lowest and the highest instant of these samples. NULL: the rows of their
  last_at_us    INTEGER,                      -- scans are lost
  sample_count  INTEGER NOT NULL CHECK (sample_count BETWEEN 1 AND 1440),
  data          BLOB NOT NULL
);
CREATE UNIQUE INDEX archive_chunk_block ON archive_chunk (block, cgroup_id);
CREATE INDEX archive_chunk_cgroup ON archive_chunk (cgroup_id, block);

-- Samples of the scans up to this one are in archive_chunk, those of later scans are in `sample`. What `sample` still has of
-- scans up to it is there twice, and is about to be deleted; what archive_chunk has of later ones is not complete yet. No row:
-- nothing was archived.
CREATE TABLE archived (scan_id INTEGER PRIMARY KEY);
