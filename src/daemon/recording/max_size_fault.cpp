// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/max_size_fault.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/time.hpp"
#include "base/units.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kEndsAfter_us = 10 * base::kMinute_us;
constexpr std::size_t kMaxNamed = 20;

std::string in_words(const store::Loss& loss) {
  std::string words;
  const auto add = [&](std::int64_t count, const char* what, const char* done) {
    if (count == 0) return;
    words += (words.empty() ? "" : ", ") + base::counted(count, what) + " " + done;
  };
  add(loss.cgroups, "cgroup", "that had gone dropped");
  add(loss.samples, "sample", "dropped");
  add(loss.events, "event", "dropped");
  add(loss.left_out, "new cgroup", "left out");
  return words;
}

std::string in_words(const store::Losses& losses) {
  std::string words;
  for (const auto& [directory, loss] : losses) {
    words += (words.empty() ? "" : "; ") + (directory.empty() ? "of all the others" : "below " + directory) + ": " +
             in_words(loss);
  }
  return words;
}

}  // namespace

void MaxSizeFault::follow(std::int64_t at_us, std::int64_t steady_us, const store::Losses& losses) {
  for (const auto& [directory, loss] : losses) {
    const bool is_named = all_.contains(directory) || all_.size() < kMaxNamed;
    store::Loss& sum = all_[is_named ? directory : ""];
    sum.cgroups += loss.cgroups;
    sum.samples += loss.samples;
    sum.left_out += loss.left_out;
    sum.events += loss.events;
  }
  if (!losses.empty()) {
    lost_last_at_us_ = steady_us;
    fault_.meet(at_us, steady_us, "max_size leaves too little room; so far " + in_words(all_));
  } else if (fault_.is_on() && steady_us - lost_last_at_us_ >= kEndsAfter_us) {
    fault_.end(at_us, "max_size has been room enough for ten minutes; in all " + in_words(std::exchange(all_, {})));
  }
}

}  // namespace cgmm::daemon
