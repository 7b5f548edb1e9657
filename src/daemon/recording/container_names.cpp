// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/container_names.hpp"

#include <utility>

namespace cgmm::daemon {
namespace {

constexpr int kLeastTries = 5;  // one with every batch that has a scan; the clock may have been set forward
constexpr std::size_t kMaxNameless = 20'000;

}  // namespace

std::vector<core::NamedCgroup> ContainerNames::look_up(std::span<const Record> batch,
                                                       std::span<const core::CgroupRef> appeared, std::int64_t now_us) {
  for (const core::CgroupRef& one : appeared) logs_.see(one->container());
  for (const Record& record : batch) {
    if (const auto* const kill = std::get_if<core::OomKill>(&record)) logs_.see(kill->container);
  }
  for (const core::CgroupRef& one : appeared) add(one->id, one->container(), now_us);
  bool has_scan = false;  // a batch of many scans is one try: all of them waited
  for (const Record& record : batch) {
    const auto* const scan = std::get_if<core::Scan>(&record);
    has_scan = has_scan || (scan != nullptr && !scan->is_partial);
    if (const auto* const kill = std::get_if<core::OomKill>(&record)) add(kill->id, kill->container, now_us);
  }
  if (has_scan) try_again(now_us);
  return std::exchange(found_, {});
}

void ContainerNames::try_again(std::int64_t now_us) {
  std::erase_if(nameless_, [&](Nameless& one) {
    if (look_up_one(one.cgroup, now_us)) return true;
    if (one.since_us == 0 || now_us < one.since_us) one.since_us = now_us;
    if (++one.tries < kLeastTries || now_us - one.since_us < core::kLookForNames_us) return false;
    news_.push_back({one.cgroup.id, one.cgroup.names, true});
    return true;
  });
}

void ContainerNames::put_back(std::span<const core::NamedCgroup> names) {
  for (const core::NamedCgroup& one : names) {
    nameless_.push_back({.cgroup = one});
    nameless_.back().cgroup.names = {};
  }
}

/// Whether all is known of it now.
bool ContainerNames::look_up_one(core::NamedCgroup& cgroup, std::int64_t now_us) {
  auto names = logs_.names_of(cgroup.container, now_us);
  if (!names) names = runtimes_.names_of(cgroup.container, now_us);
  if (!names) return false;
  const bool is_all = !names->container.empty() || cgroup.container.container_id.empty();  // a pod
  const bool is_new = *names != cgroup.names;
  cgroup.names = *names;
  if (is_new) found_.push_back(cgroup);
  if (is_new || is_all) news_.push_back({cgroup.id, *names, is_all});
  return is_all;
}

void ContainerNames::add(const core::CgroupId& id, const core::ContainerIdentity& container, std::int64_t now_us) {
  if (!core::may_get_names(container)) return;
  core::NamedCgroup one{.id = id, .container = container, .names = {}};
  if (look_up_one(one, now_us)) return;
  const bool is_final = logs_.directory().empty() && (!container.pod_uid.empty() || runtimes_.where().empty());
  if (is_final || nameless_.size() >= kMaxNameless) {
    news_.push_back({id, one.names, true});
  } else {
    nameless_.push_back({.cgroup = std::move(one), .since_us = now_us});
  }
}

}  // namespace cgmm::daemon
