// SPDX-License-Identifier: Apache-2.0
#pragma once

// Globs on cgroup paths: SQLite's, so that a [[rule]] and `--cgroup` pick the same cgroups. `*` is anything, '/'
// included; `?` one character; `[a-z]`, `[^a-z]` one character (not) of a set. Pure: any thread.

#include <string>
#include <string_view>

namespace cgmm::core {

/// Quick also for a hostile path. Neither may contain NUL.
bool glob_matches(const std::string& pattern, std::string_view path);

/// A glob that matches `path` and nothing else. Exception: invalid bytes, which a TOML file can't hold, become `?`
/// and match any character.
std::string glob_of(std::string_view path);

}  // namespace cgmm::core
