-- The program
-- SPDX-License-Identifier: Apache-2.0
-- metric value info cgmm_service: The program that made the history.
SELECT (SELECT value FROM node WHERE key = 'version') AS version,
       (SELECT value FROM node WHERE key = 'kernel') AS kernel,
       (SELECT value FROM node WHERE key = 'hierarchy') AS hierarchy,
       1 AS value;
