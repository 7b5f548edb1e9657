-- SPDX-License-Identifier: Apache-2.0
--
-- Every container, every byte, and every kill for what it was.

-- 1. Where containers are.

-- 2. Memory that belongs to no running container.

-- 3. What the kernel counts.

-- 4. Kills for what they were.

-- 5. Cgroups that are stuck.
