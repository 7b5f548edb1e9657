-- What the history can tell of OOM kills
-- SPDX-License-Identifier: Apache-2.0
-- One row, for `incident` when there is no kill.
SELECT (SELECT min(started_at_us) FROM scan) AS history_begins_at_us,
       (SELECT value FROM node WHERE key = 'kernel_log') AS kernel_log;
