// SPDX-License-Identifier: Apache-2.0
#include "store/age/census.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/time.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kRowsAtOnce = 4000;  // some milliseconds
constexpr std::size_t kMaxChildren = 1000;  // where there are more, none of the others has much

constexpr const char* kCgroups =
    "SELECT cgroup_id, path, vanished_at_us IS NULL, last_seen_at_us - first_seen_at_us "
    "FROM cgroup WHERE cgroup_id > ? ORDER BY cgroup_id LIMIT ?";
constexpr const char* kReclaims =
    "SELECT reclaim_id, path, 0, 0 FROM reclaim CROSS JOIN cgroup USING (cgroup_id) WHERE reclaim_id > ? "
    "ORDER BY reclaim_id LIMIT ?";

}  // namespace

bool Census::step(std::span<const std::string> without, std::int64_t more_than) {
  std::int64_t row_count = 0;
  for (Use row = sql_.use(of_ == Of::reclaims ? kReclaims : kCgroups, now_.to_id, kRowsAtOnce); row.step();
       ++row_count) {
    now_.to_id = row.integer(0);
    const bool is_living = row.integer(2) != 0;
    const std::int64_t lived_us = row.integer(3);
    if (of_ == Of::living && !is_living) continue;
    if (of_ == Of::gone_early && (is_living || lived_us < 0 || lived_us >= base::kHour_us)) continue;
    const std::string path = row.text(1);
    if (std::ranges::none_of(without, [&](const std::string& other) { return is_below(path, other); }))
      count(path, of_ == Of::gone_early ? cgroup_bytes(path.size()) : 1);
  }
  if (row_count == kRowsAtOnce || (now_.total > more_than && descend())) return false;
  found_ = std::exchange(now_, {});
  return true;
}

void Census::count(std::string_view path, std::int64_t amount) {
  if (now_.directory.empty()) now_.total += amount;
  if (!is_below(path, now_.directory)) return;
  path.remove_prefix(now_.directory.size() + 1);
  const std::size_t end = path.find('/');
  if (end == std::string_view::npos) return;  // it is a child itself
  const auto child = now_.children.find(path.substr(0, end));
  if (child != now_.children.end()) {
    child->second += amount;
  } else if (now_.children.size() < kMaxChildren) {
    now_.children.emplace(path.substr(0, end), amount);
  }
}

/// False: it is at its end.
bool Census::descend() {
  const auto most = std::ranges::max_element(now_.children, {}, [](const auto& child) { return child.second; });
  if (most == now_.children.end()) return false;
  if (!now_.directory.empty() && most->second * 2 < now_.inside) return false;
  now_ = {.directory = now_.directory + "/" + most->first,
          .inside = most->second,
          .total = now_.total,
          .to_id = 0,
          .children = {}};
  return true;
}

}  // namespace cgmm::store
