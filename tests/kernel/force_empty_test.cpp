// SPDX-License-Identifier: Apache-2.0
#include "kernel/force_empty.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <system_error>

namespace cgmm::kernel {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
const auto kInterrupted = std::make_error_code(std::errc::interrupted);
const auto kAgain = std::make_error_code(std::errc::resource_unavailable_try_again);

/// A kernel in made-up time: a write takes a while before it frees anything, and then frees so much each microsecond.
struct Kernel {
  std::uint64_t usage_bytes = 400 * kMiB;
  std::uint64_t kept_bytes = 0;     // which it can't free
  double lead_us = 45;              // before anything is freed
  double bytes_per_us = 300 << 10;  // the fastest that has been seen
  std::int64_t now_us = 0;
  int write_count = 0;
  std::function<void(Kernel&)> before_each = [](Kernel&) {};
  bool is_interrupted = false;

  std::error_code write(std::int64_t after_us) {
    before_each(*this);
    ++write_count;
    const std::uint64_t could_bytes = usage_bytes - std::min(usage_bytes, kept_bytes);
    const double all_us = lead_us + static_cast<double>(could_bytes) / bytes_per_us;
    const double lasted_us = std::min(all_us, static_cast<double>(after_us));
    now_us += static_cast<std::int64_t>(std::max(lasted_us, lead_us));
    const double freed = std::max(0.0, lasted_us - lead_us) * bytes_per_us;
    usage_bytes -= std::min(could_bytes, static_cast<std::uint64_t>(freed));
    return lasted_us < all_us ? kInterrupted : std::error_code{};
  }
  std::error_code ask(std::uint64_t bytes) {
    return force_empty({.write = [&](std::int64_t after_us) { return write(after_us); },
                        .usage_bytes = [&] { return std::optional(usage_bytes); },
                        .is_interrupted = [&] { return is_interrupted; },
                        .now_us = [&] { return now_us; }},
                       pace, bytes);
  }
  Pace pace;
};

TEST(ForceEmpty, FreesWhatIsAskedForAndHardlyMoreHoweverFastTheKernelIs) {
  for (const double lead_us : {0.0, 10.0, 45.0, 400.0}) {
    for (const double kib_per_us : {1.0, 10.0, 100.0, 300.0}) {
      for (const std::uint64_t asked : {kMiB, 8 * kMiB, 64 * kMiB, 256 * kMiB}) {
        Kernel kernel{.lead_us = lead_us, .bytes_per_us = kib_per_us * 1024};
        EXPECT_FALSE(kernel.ask(asked));
        const std::uint64_t freed = 400 * kMiB - kernel.usage_bytes;
        const std::string what = std::to_string(lead_us) + " us, " + std::to_string(kib_per_us) + " KiB/us, " +
                                 std::to_string(asked / kMiB) + " MiB";
        EXPECT_GE(freed, asked) << what;
        EXPECT_LE(freed, asked + std::max(asked / 20, 16 * kMiB)) << what;
        EXPECT_LT(kernel.write_count, 2500) << what;
      }
    }
  }
}

TEST(ForceEmpty, KnowsFromTheLastStepHowLongItTakesUntilAnythingIsFreed) {
  Kernel kernel{.usage_bytes = 4000 * kMiB, .lead_us = 400};
  EXPECT_FALSE(kernel.ask(64 * kMiB));
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t before = kernel.usage_bytes;
    kernel.write_count = 0;
    EXPECT_FALSE(kernel.ask(64 * kMiB));
    EXPECT_LE(before - kernel.usage_bytes, 64 * kMiB + 64 * kMiB / 4);
    EXPECT_LT(kernel.write_count, 12);
  }
}

// Mapped pages: at first all are found in use.
TEST(ForceEmpty, IsReadyForAKernelThatIsThirtyTimesAsFastFromOneWriteToTheNext) {
  Kernel kernel{.bytes_per_us = 10 << 10};
  kernel.before_each = [](Kernel& one) {
    if (one.usage_bytes < 385 * kMiB) one.bytes_per_us = 300 << 10;
  };
  EXPECT_FALSE(kernel.ask(64 * kMiB));
  EXPECT_LE(400 * kMiB - kernel.usage_bytes, 68 * kMiB);
}

// The lists of each processor are emptied first, which has to wait for that processor.
TEST(ForceEmpty, FreesLittleTooMuchWhereEachWriteTakesAnotherTimeToBegin) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    Kernel kernel;
    kernel.before_each = [&](Kernel& one) {
      one.lead_us = random() % 5 == 0 ? 3000 : static_cast<double>(40 + random() % 20);
    };
    EXPECT_FALSE(kernel.ask(64 * kMiB));
    EXPECT_LE(400 * kMiB - kernel.usage_bytes, 64 * kMiB + 12 * kMiB) << seed;
  }
}

TEST(ForceEmpty, SaysThatThereIsNoMoreIfTheKernelEndsByItself) {
  Kernel kernel{.usage_bytes = 100 * kMiB, .kept_bytes = 60 * kMiB};
  EXPECT_EQ(kernel.ask(64 * kMiB), kAgain);
  EXPECT_EQ(kernel.usage_bytes, 60 * kMiB);
}

TEST(ForceEmpty, GivesUpAfterASecondInVain) {
  Kernel kernel{.lead_us = 1e9};
  EXPECT_EQ(kernel.ask(kMiB), kAgain);
  EXPECT_EQ(kernel.usage_bytes, 400 * kMiB);
  EXPECT_GE(kernel.write_count, 16);
}

TEST(ForceEmpty, LeavesOffWhenItIsInterruptedAndKeepsWhatItHasFreed) {
  Kernel kernel{.bytes_per_us = 1024};
  kernel.before_each = [](Kernel& one) { one.is_interrupted = one.usage_bytes < 390 * kMiB; };
  EXPECT_EQ(kernel.ask(64 * kMiB), kInterrupted);
  EXPECT_GT(kernel.usage_bytes, 380 * kMiB);
}

TEST(ForceEmpty, AnswersWhatTheKernelAnswers) {
  for (const std::errc wrong : {std::errc::read_only_file_system, std::errc::device_or_resource_busy}) {
    Pace pace;
    const auto answer = force_empty({.write = [&](auto) { return std::make_error_code(wrong); },
                                     .usage_bytes = [] { return std::optional(kMiB); },
                                     .is_interrupted = [] { return false; },
                                     .now_us = [] { return 0; }},
                                    pace, kMiB);
    EXPECT_EQ(answer, wrong);
  }
}

TEST(ForceEmpty, WritesOnceWhereTheUsageIsNotKnown) {
  int write_count = 0;
  Pace pace;
  EXPECT_FALSE(force_empty({.write =
                                [&](auto) {
                                  ++write_count;
                                  return std::error_code{};
                                },
                            .usage_bytes = [] { return std::optional<std::uint64_t>(); },
                            .is_interrupted = [] { return false; },
                            .now_us = [] { return 0; }},
                           pace, kMiB));
  EXPECT_EQ(write_count, 1);
}

}  // namespace
}  // namespace cgmm::kernel
