// SPDX-License-Identifier: Apache-2.0
// A rule's glob and a cgroup's path, with a NUL between them: the same answer as SQLite's GLOB, so that a [[rule]] and
// a query mean the same cgroups. ASCII only, because SQLite reads what is not UTF-8 in its own way.

#include <sqlite3.h>

#include <algorithm>
#include <string>

#include "core/glob.hpp"
#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = cgmm::fuzz::text_of(data, size);
  const std::size_t split = text.find('\0');
  if (split == std::string_view::npos) return 0;
  const std::string pattern(text.substr(0, split));
  const std::string path(text.substr(split + 1));
  const bool matches = cgmm::core::glob_matches(pattern, path);
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  // SQLite's takes exponential time with many stars.
  if (!ascii || path.find('\0') != std::string::npos || std::count(pattern.begin(), pattern.end(), '*') > 4) return 0;
  REQUIRE(matches == (sqlite3_strglob(pattern.c_str(), path.c_str()) == 0));
  return 0;
}
