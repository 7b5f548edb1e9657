// SPDX-License-Identifier: Apache-2.0
#pragma once

// The page "now" for all who watch it: when the history has changed, one process makes the page anew, and if there is a
// new scan, each watcher is sent it. Where nobody watches, nothing is done.
//
//   event: page   the page between <main> and </main>
//   event: age    {"age_s": 12}: how old the newest scan is; also when nothing else happens
//   event: trouble  a sentence: why there is no page; as long as that is so, instead of the age

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "base/mutex.hpp"
#include "serve/program.hpp"

namespace cgmm::serve {

class Feed {
 public:
  using Clock = std::chrono::steady_clock;

  /// All are called in the feed's thread.
  struct Parts {
    std::function<std::string()> state;         // another text whenever the history may have changed
    std::function<ProgramAnswer()> page;        // makes the page; may throw
    std::function<std::int64_t()> wall_now_us;  // since 1970
    std::function<std::size_t()> watchers;      // how many there are
    std::function<void(std::string event, bool is_kept)> publish;
    std::chrono::milliseconds look_every{1'000}, tell_age_every{5'000}, wait_for_watcher{10'000};
    std::chrono::milliseconds most_pause{30'000};  // after a failure, until the page is tried again
  };

  explicit Feed(Parts parts);
  /// Waits for the page that is being made.
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  /// Somebody asks for events. Any thread.
  void wake();

 private:
  void work();
  bool wait(Clock::time_point& awake_until);
  void look();
  std::string try_page();
  void tell_age() const;

  Parts parts_;
  std::string seen_;                   // state() of the page that was made last
  std::int64_t newest_at_us_ = 0;      // of the scan in it; 0: none
  std::string trouble_;                // why there was no page the last time; "": there was one
  std::chrono::milliseconds pause_{};  // before it is tried again
  Clock::time_point next_look_{}, next_age_{};
  base::Mutex mutex_;
  base::Condition changed_;
  bool ends_ CGMM_GUARDED_BY(mutex_) = false;
  bool is_woken_ CGMM_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

/// How long to wait after one more failure: twice as long as after the one before.
std::chrono::milliseconds pause_after(std::chrono::milliseconds pause_before, std::chrono::milliseconds least,
                                      std::chrono::milliseconds most);

/// An event of a name. Lines of `text` stay lines.
std::string event_of(std::string_view name, std::string_view text);

/// The time of the newest scan in a page (report/sorted_pages); 0: there is none.
std::int64_t newest_in(std::string_view page);

/// Another text whenever the file has changed, as far as its size and times tell.
std::string state_of_file(const std::filesystem::path& file);

/// Another text whenever a SQLite file or its write-ahead log has changed. The begin of its -shm has a number that each
/// transaction changes: the times of files are too coarse for two that follow each other at once.
std::string state_of_history(const std::filesystem::path& database);

}  // namespace cgmm::serve
