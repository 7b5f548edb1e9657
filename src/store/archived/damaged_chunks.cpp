// SPDX-License-Identifier: Apache-2.0
#include "store/archived/damaged_chunks.hpp"

#include <set>
#include <utility>

#include "base/mutex.hpp"

namespace cgmm::store {
namespace {

constexpr std::size_t kMostCounted = 10'000;

struct Noted {
  base::Mutex mutex;
  std::set<std::pair<std::int64_t, std::int64_t>> chunks CGMM_GUARDED_BY(mutex);
  std::string first CGMM_GUARDED_BY(mutex);
};

Noted& noted() {
  static Noted one;
  return one;
}

}  // namespace

std::string damage_in_words(std::int64_t block, std::int64_t cgroup_id, const char* what) {
  return "cgroup_id " + std::to_string(cgroup_id) + ", block " + std::to_string(block) + ": " + what;
}

bool note_damaged_chunk(std::int64_t block, std::int64_t cgroup_id, const char* what) {
  Noted& all = noted();
  const base::Lock lock(all.mutex);
  if (all.chunks.size() >= kMostCounted) return false;
  if (all.chunks.empty()) all.first = damage_in_words(block, cgroup_id, what);
  return all.chunks.emplace(block, cgroup_id).second;
}

DamagedChunks damaged_chunks() {
  Noted& all = noted();
  const base::Lock lock(all.mutex);
  return {.count = all.chunks.size(), .first = all.first};
}

}  // namespace cgmm::store
