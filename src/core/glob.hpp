// SPDX-License-Identifier: Apache-2.0
#pragma once

// Globs on cgroup paths, with the meaning of SQLite's GLOB, so that a [[rule]] and `--cgroup` pick the same cgroups:
// `*` is anything, '/' included; `?` one character; `[a-z]`, `[^a-z]` one byte (not) of a set. Pure: any thread.

#include <string>
#include <string_view>

namespace cgmm::core {

/// The time is at most proportional to pattern length times path length, also for a hostile path.
bool glob_matches(std::string_view pattern, std::string_view path);

/// A glob that matches `path` and nothing else. Exception: an invalid byte, which a TOML file can't hold, becomes `?`
/// and matches any character.
std::string glob_of(std::string_view path);

}  // namespace cgmm::core
