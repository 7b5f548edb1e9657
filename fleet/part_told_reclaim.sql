-- The reclaims of the window, without dry runs
-- SPDX-License-Identifier: Apache-2.0
-- No question, but a part of questions: it is put in the place of told_reclaim in brackets. What is told of a reclaim is in its
-- row: reports/part_told_reclaim.sql defines it.
SELECT * FROM (window_reclaim) WHERE outcome <> 'dry_run'
