// SPDX-License-Identifier: Apache-2.0
#include "serve/feed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "support/eventually.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::serve {
namespace {

using namespace std::chrono_literals;

std::string page_at(std::int64_t at_us, const std::string& text) {
  return "<nav></nav><main>\n<p id=\"newest\" data-at-us=\"" + std::to_string(at_us) + "\">" + text + "</p></main>";
}

/// A feed whose history and watchers are made up.
class FeedTest : public ::testing::Test {
 protected:
  Feed::Parts parts() {
    return {.state = [this] { return std::to_string(state_.load()); },
            .page = [this]() -> ProgramAnswer {
              ++pages_;
              if (breaks_) throw std::runtime_error("no program");
              return {
                  .exit_code = exit_code_, .out = page_at(at_us_, "x\ny"), .err = exit_code_ == 0 ? "" : "no history"};
            },
            .wall_now_us = [this] { return at_us_ + 12'900'000; },
            .watchers = [this] { return watchers_.load(); },
            .publish =
                [this](std::string event, bool is_kept) {
                  const base::Lock lock(mutex_);
                  events_.push_back((is_kept ? "kept " : "") + event);
                },
            .look_every = 1ms,
            .tell_age_every = 1ms,
            .wait_for_watcher = 0ms,
            .most_pause = 4ms};
  }
  bool has_told(const std::string& event) {
    return test::eventually([&] {
      const base::Lock lock(mutex_);
      return std::ranges::count(events_, event) > 0;
    });
  }
  std::size_t count_of(const std::string& begin) {
    const base::Lock lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(events_, [&](const std::string& event) { return event.starts_with(begin); }));
  }

  std::atomic<int> state_ = 0, pages_ = 0, exit_code_ = 0;
  std::atomic<bool> breaks_ = false;
  std::atomic<std::int64_t> at_us_ = 1'000'000;
  std::atomic<std::size_t> watchers_ = 0;
  base::Mutex mutex_;
  std::vector<std::string> events_ CGMM_GUARDED_BY(mutex_);
};

TEST_F(FeedTest, MakesNoPageWhileNobodyWatches) {
  {
    const Feed feed(parts());
  }
  EXPECT_EQ(pages_, 0);
  {
    Feed feed(parts());
    feed.wake();
    EXPECT_TRUE(has_told("kept event: page\ndata: \ndata: <p id=\"newest\" data-at-us=\"1000000\">x\ndata: y</p>\n\n"));
  }
  EXPECT_EQ(pages_, 1);
}

TEST_F(FeedTest, MakesOnePageForAllWhenTheHistoryHasChanged) {
  Feed feed(parts());
  watchers_ = 30;
  feed.wake();
  EXPECT_TRUE(has_told("event: age\ndata: {\"age_s\": 12}\n\n"));
  EXPECT_EQ(pages_, 1);
  at_us_ = 2'000'000;
  EXPECT_TRUE(test::eventually([&] { return count_of("event: age") > 5; }));
  EXPECT_EQ(count_of("kept event: page"), 1u) << "nothing says that the history has changed";
  ++state_;
  EXPECT_TRUE(test::eventually([&] { return count_of("kept event: page") == 2; }));
  EXPECT_EQ(pages_, 2);
}

TEST_F(FeedTest, SendsNoPageWithoutANewScan) {
  Feed feed(parts());
  watchers_ = 1;
  feed.wake();
  EXPECT_TRUE(test::eventually([&] { return pages_ == 1; }));
  ++state_;
  EXPECT_TRUE(test::eventually([&] { return pages_ == 2; }));
  EXPECT_TRUE(test::eventually([&] { return count_of("event: age") > 1; }));
  EXPECT_EQ(count_of("kept event: page"), 1u);
}

TEST_F(FeedTest, SaysWhyThereIsNoPage) {
  exit_code_ = 1;
  Feed feed(parts());
  watchers_ = 1;
  feed.wake();
  EXPECT_TRUE(has_told("event: trouble\ndata: no history\n\n"));
  breaks_ = true;
  ++state_;
  EXPECT_TRUE(has_told("event: trouble\ndata: no program\n\n"));
  breaks_ = false;
  exit_code_ = 0;
  ++state_;
  EXPECT_TRUE(test::eventually([&] { return count_of("kept event: page") == 1; }));
}

TEST_F(FeedTest, TriesAgainThoughNothingHasChangedAndSaysMeanwhileWhatIsWrong) {
  exit_code_ = 1;
  Feed feed(parts());
  watchers_ = 1;
  feed.wake();
  EXPECT_TRUE(test::eventually([&] { return count_of("event: trouble") > 5; })) << "who comes later hears of it, too";
  EXPECT_EQ(count_of("event: age"), 0u) << "it would hide what is wrong";
  EXPECT_TRUE(test::eventually([&] { return pages_ > 3; }));
  exit_code_ = 0;
  EXPECT_TRUE(test::eventually([&] { return count_of("kept event: page") == 1; }));
  EXPECT_TRUE(has_told("event: age\ndata: {\"age_s\": 12}\n\n"));
}

TEST_F(FeedTest, SaysThatTheTroubleIsOverAlsoWithoutANewScan) {
  Feed::Parts slow = parts();
  slow.tell_age_every = 1h;
  Feed feed(slow);
  watchers_ = 1;
  feed.wake();
  EXPECT_TRUE(test::eventually([&] { return count_of("event: age") == 1; }));
  exit_code_ = 1;
  ++state_;
  EXPECT_TRUE(test::eventually([&] { return count_of("event: trouble") > 0; }));
  exit_code_ = 0;
  EXPECT_TRUE(test::eventually([&] { return count_of("event: age") == 2; }));
  EXPECT_EQ(count_of("kept event: page"), 1u);
}

TEST(FeedParts, PausesGrowUpToABound) {
  EXPECT_EQ(pause_after(0ms, 1s, 30s), 1s);
  EXPECT_EQ(pause_after(1s, 1s, 30s), 2s);
  EXPECT_EQ(pause_after(16s, 1s, 30s), 30s);
  EXPECT_EQ(pause_after(30s, 1s, 30s), 30s);
}

TEST(FeedParts, AnEventKeepsItsLines) {
  EXPECT_EQ(event_of("page", "a\n\nb\rc"), "event: page\ndata: a\ndata: \ndata: bc\n\n");
}

TEST(FeedParts, ThePageTellsItsScan) {
  EXPECT_EQ(newest_in(page_at(17, "")), 17);
  EXPECT_EQ(newest_in("<p>"), 0);
  EXPECT_EQ(newest_in("id=\"newest\" data-at-us=\""), 0);
}

TEST(FeedParts, AHistoryHasChangedWhenItsFilesHave) {
  const test::TempDir files;
  const std::filesystem::path database = files.path() / "history.db";
  std::vector<std::string> states{state_of_history(database)};
  for (const char* const name : {"history.db", "history.db-wal", "history.db-wal", "history.db", "history.db-shm"}) {
    std::ofstream(files.path() / name, std::ios::app) << "x";
    states.push_back(state_of_history(database));
    EXPECT_NE(states.back(), states[states.size() - 2]) << name;
  }
  EXPECT_EQ(state_of_history(database), states.back());
}

}  // namespace
}  // namespace cgmm::serve
