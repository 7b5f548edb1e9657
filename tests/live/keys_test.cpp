// SPDX-License-Identifier: Apache-2.0
#include "live/keys.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "base/time.hpp"

namespace cgmm::live {
namespace {

constexpr std::int64_t kNoon_us = 20'000 * base::kDay_us + 12 * base::kHour_us;

std::optional<std::int64_t> forth(std::string_view text) {
  const auto to_us = jump_to(text, true, kNoon_us, kNoon_us + base::kDay_us);
  return to_us ? std::optional(*to_us - kNoon_us) : std::nullopt;
}
std::optional<std::int64_t> back(std::string_view text) {
  const auto to_us = jump_to(text, false, kNoon_us, kNoon_us + base::kDay_us);
  return to_us ? std::optional(*to_us - kNoon_us) : std::nullopt;
}

TEST(Jump, GoesByADuration) {
  EXPECT_EQ(forth("10m"), 10 * base::kMinute_us);
  EXPECT_EQ(back("10m"), -10 * base::kMinute_us);
  EXPECT_EQ(back("1h30m"), -90 * base::kMinute_us);
  EXPECT_EQ(forth("30"), 30 * base::kSecond_us);
}

TEST(Jump, GoesToTheNextOrThePreviousClockTime) {
  EXPECT_EQ(forth("13:00"), base::kHour_us);
  EXPECT_EQ(back("13:00"), -23 * base::kHour_us);
  EXPECT_EQ(forth("9:30"), 21 * base::kHour_us + 30 * base::kMinute_us);
  EXPECT_EQ(back("11:59:30"), -30 * base::kSecond_us);
  EXPECT_EQ(forth("12:00"), base::kDay_us) << "not to where one is";
}

TEST(Jump, GoesToAPointInTime) {
  EXPECT_EQ(jump_to("1970-01-02 00:00", true, 5, kNoon_us), base::kDay_us);
  EXPECT_EQ(jump_to("now", true, 5, kNoon_us), kNoon_us);
}

TEST(Jump, RefusesWhatIsNone) {
  for (const char* const text :
       {"", "x", "25:00", "12:60", "1:2:3:4", "::::", "10 parsecs", "2026", "-5m", "99999999999h"})
    EXPECT_EQ(forth(text), std::nullopt) << text;
}

TEST(Prompt, TakesCharactersAndBackspace) {
  Prompt prompt;
  for (const Key key : {Key{U'a'}, Key{U'\u00e9'}, Key{U'\u4e2d'}, Key{U'\U0001f600'}}) prompt.press(key);
  EXPECT_EQ(prompt.text, "a\u00e9\u4e2d\U0001f600");
  prompt.press(key::kBackspace);
  prompt.press(key::kBackspace);
  EXPECT_EQ(prompt.text, "a\u00e9");
  for (int i = 0; i < 5; ++i) prompt.press(key::kBackspace);
  EXPECT_EQ(prompt.text, "");
  for (const Key key : {key::kUp, key::kNone, Key{27}, Key{127}}) prompt.press(key);
  EXPECT_EQ(prompt.text, "");
}

TEST(Prompt, DoesNotGrowForEver) {
  Prompt prompt;
  for (int i = 0; i < 10'000; ++i) prompt.press(U'x');
  EXPECT_LE(prompt.text.size(), 204u);
}

}  // namespace
}  // namespace cgmm::live
