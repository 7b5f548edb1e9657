// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/max_size_fault.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/time.hpp"

namespace cgmm::daemon {
namespace {

std::vector<std::string> told(RecordQueue& queue) {
  std::vector<std::string> words;
  queue.close();
  for (std::vector<Record> batch = queue.take(); !batch.empty(); batch = queue.take()) {
    for (const Record& record : batch) {
      const auto& event = std::get<core::ServiceEvent>(record);
      words.push_back(event.kind + " " + event.fault + ": " + event.detail);
    }
    queue.done(batch);
  }
  return words;
}

TEST(MaxSizeFault, TellsWhatWasDroppedAndWhoseItWasAndEndsWhenThereIsRoomForTenMinutes) {
  RecordQueue queue;
  MaxSizeFault fault(queue);
  fault.follow(1, 1, {});
  fault.follow(2, 2, {{"/noise", {.cgroups = 200, .samples = 3, .left_out = 1}}});
  fault.follow(3, 3, {{"/noise", {.cgroups = 100}}, {"", {.samples = 7}}});
  fault.follow(4, 3 + 9 * base::kMinute_us, {});
  fault.follow(5, 3 + 10 * base::kMinute_us, {});
  fault.follow(6, 3 + 11 * base::kMinute_us, {});
  EXPECT_EQ(told(queue), (std::vector<std::string>{
                             "fault_begin max_size: max_size leaves too little room; so far below /noise: 200 cgroups "
                             "that had gone dropped, 3 samples dropped, 1 new cgroup left out",
                             "fault_end max_size: max_size has been room enough for ten minutes; in all of all the "
                             "others: 7 samples dropped; below /noise: 300 cgroups that had gone dropped, 3 samples "
                             "dropped, 1 new cgroup left out"}));
}

}  // namespace
}  // namespace cgmm::daemon
