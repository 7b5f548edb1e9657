// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/cgroup_finder.hpp"

#include <exception>
#include <utility>

#include "base/time.hpp"
#include "core/remainder.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kListEverythingEvery_us = 5 * base::kMinute_us;  // in case the kernel has not told of a change

}  // namespace

void CgroupFinder::set_max_cgroups(std::int64_t max_cgroups) {
  max_cgroups_ = static_cast<std::size_t>(max_cgroups);
  tree_->set_max_cgroups(max_cgroups_);
}

void CgroupFinder::set_hierarchy(const kernel::Hierarchy& hierarchy) {
  if (tree_ && tree_->hierarchy() == hierarchy) return;
  auto controller = kernel::make_controller(hierarchy);
  auto tree = std::make_unique<kernel::Tree>(hierarchy, max_cgroups_);
  cgroups_.clear();
  controller_ = std::move(controller);
  tree_ = std::move(tree);
  walked_at_us_ = 0;
}

/// The hierarchy was mounted anew; if it is not mounted at all, this throws. Cgroups of the same path and inode stay as
/// they are: the kernel keeps a v1 hierarchy that has cgroups while nobody has it mounted.
void CgroupFinder::reopen(PassResult& result) {
  const kernel::Hierarchy hierarchy = kernel::open_hierarchy(tree_->hierarchy().parent);
  if (!(hierarchy == tree_->hierarchy())) return set_hierarchy(hierarchy);
  auto controller = kernel::make_controller(hierarchy);
  for (auto entry = cgroups_.begin(); entry != cgroups_.end();) {
    Tracked& tracked = entry->second;
    auto cgroup = controller->open(tracked.cgroup.shared_path(), entry->first);
    if (cgroup) {
      tracked.cgroup = std::move(*cgroup);
      ++entry;
    } else {
      if (tracked.told) result.gone.push_back(tracked.cgroup.id().path);
      entry = cgroups_.erase(entry);
    }
  }
  controller_ = std::move(controller);
  walked_at_us_ = 0;
}

std::vector<Tracked*> CgroupFinder::find(std::int64_t steady_us, PassResult& result) {
  has_seen_all_ = false;
  for (auto& [inode, tracked] : cgroups_) tracked.is_seen = false;
  if (!controller_->root_is_current()) reopen(result);
  if (steady_us >= list_everything_at_us_) {
    list_everything_at_us_ = steady_us + kListEverythingEvery_us;
    tree_->list_all_anew();
  }
  const kernel::Walk& walk = tree_->walk(walked_at_us_);
  walked_at_us_ = result.scan.started_at_us;
  for (std::int64_t i = 0; i < walk.error_count; ++i) result.note_error(walk.first_error);
  has_seen_all_ = walk.error_count == 0;
  result.left_out_count = walk.left_out_count;
  result.crowd = walk.crowd;
  result.crowd_count = walk.crowd_count;
  result.unwatched_count = walk.unwatched_count;
  controller_->expect(walk.cgroups.size());
  std::vector<Tracked*> opened;
  opened.reserve(walk.cgroups.size());
  std::size_t unopened_depth = 0;  // of one that could not be opened, until the one above it has come
  for (const kernel::FoundCgroup& one : walk.cgroups) {
    const bool is_above = one.depth + 1U == unopened_depth;
    if (is_above) unopened_depth = 0;
    try {
      Tracked* const tracked = find_or_open(one, result);
      if (tracked == nullptr) continue;
      put_at(*tracked, one);
      if (is_above) tracked->place.is_whole = false;
      opened.push_back(tracked);
    } catch (const std::exception& error) {
      result.note_error(error.what());
      unopened_depth = one.depth;
    }
    result.has_containers = result.has_containers || one.kind == core::CgroupKind::container;
  }
  return opened;
}

void CgroupFinder::put_at(Tracked& tracked, const kernel::FoundCgroup& found) {
  tracked.place.depth = found.depth;
  tracked.place.is_whole = found.is_whole;
  if (std::exchange(tracked.place.kind, found.kind) == found.kind) return;
  tracked.last.counters = core::own_counters(tracked.last.counters);  // the others have another meaning now
  tracked.last.peak_bytes.reset();
  tracked.stuck.reset();
  tracked.near_limit = {};
}

/// nullptr when it vanished. One that v1 has renamed is tracked anew; whoever compares its counters knows it by its
/// inode.
Tracked* CgroupFinder::find_or_open(const kernel::FoundCgroup& found, PassResult& result) {
  const auto known = cgroups_.find(found.inode);
  if (known != cgroups_.end() && known->second.cgroup.shared_path() == found.path) return &known->second;
  auto cgroup = controller_->open(found.path, found.inode);
  if (!cgroup) return nullptr;
  Tracked tracked{.cgroup = std::move(*cgroup), .key = next_key_++, .made_after_us = found.made_after_us};
  if (known == cgroups_.end()) return &cgroups_.emplace(found.inode, std::move(tracked)).first->second;
  leave(known->second, /*is_hidden=*/true, result);
  known->second = std::move(tracked);
  return &known->second;
}

void CgroupFinder::leave(const Tracked& tracked, bool is_hidden, PassResult& result) {
  if (!tracked.told) return;
  result.gone.push_back(tracked.cgroup.id().path);
  if (is_hidden) result.scan.hidden.push_back(tracked.key);
}

void CgroupFinder::end_scan(PassResult& result) {
  std::erase_if(cgroups_, [&](const auto& entry) {
    const Tracked& tracked = entry.second;
    if (tracked.is_seen) return false;
    if (!has_seen_all_ && !tracked.cgroup.is_gone()) {
      result.scan.unread.push_back(tracked.key);
      return false;
    }
    leave(tracked, tracked.cgroup.has_file("memory.stat"), result);
    return true;
  });
}

}  // namespace cgmm::daemon
