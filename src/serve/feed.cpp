// SPDX-License-Identifier: Apache-2.0
#include "serve/feed.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <utility>

#include "base/fd.hpp"

namespace cgmm::serve {
namespace {

/// What is between the tags; "": they are not there.
std::string_view main_of(std::string_view page) {
  constexpr std::string_view kBegin = "<main>", kEnd = "</main>";
  const std::size_t begin = page.find(kBegin), end = page.rfind(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return "";
  return page.substr(begin + kBegin.size(), end - begin - kBegin.size());
}

}  // namespace

std::string event_of(std::string_view name, std::string_view text) {
  std::string event = "event: " + std::string(name) + "\ndata: ";
  for (const char c : text) {
    if (c == '\n') {
      event += "\ndata: ";
    } else if (c != '\r') {  // it would end a line, too
      event += c;
    }
  }
  return event + "\n\n";
}

std::int64_t newest_in(std::string_view page) {
  constexpr std::string_view kBegin = "id=\"newest\" data-at-us=\"";
  const std::size_t at = page.find(kBegin);
  std::int64_t at_us = 0;
  if (at != std::string_view::npos) std::from_chars(page.data() + at + kBegin.size(), page.data() + page.size(), at_us);
  return at_us;
}

std::chrono::milliseconds pause_after(std::chrono::milliseconds pause_before, std::chrono::milliseconds least,
                                      std::chrono::milliseconds most) {
  return std::clamp(2 * pause_before, std::min(least, most), most);
}

std::string state_of_file(const std::filesystem::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) info = {};
  std::string text;
  for (const auto number :
       {static_cast<std::int64_t>(info.st_ino), static_cast<std::int64_t>(info.st_size),
        static_cast<std::int64_t>(info.st_mtim.tv_sec), static_cast<std::int64_t>(info.st_mtim.tv_nsec)})
    text += std::to_string(number) + ' ';
  return text;
}

std::string state_of_history(const std::filesystem::path& database) {
  std::string text = state_of_file(database) + state_of_file(database.string() + "-wal");
  const base::Fd index(::open((database.string() + "-shm").c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::array<char, 48> header{};
  const ssize_t got = index ? ::read(index.get(), header.data(), header.size()) : 0;
  return text.append(header.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
}

Feed::Feed(Parts parts) : parts_(std::move(parts)), thread_([this] { work(); }) {}

Feed::~Feed() {
  {
    const base::Lock lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Feed::wake() {
  {
    const base::Lock lock(mutex_);
    is_woken_ = true;
  }
  changed_.notify_all();
}

/// False: this is the end. Otherwise somebody watches, or is about to.
bool Feed::wait(Clock::time_point& awake_until) {
  const bool is_watched = Clock::now() < awake_until || parts_.watchers() > 0;
  base::Lock lock(mutex_);
  const auto is_ready = [this]() CGMM_REQUIRES(mutex_) { return ends_ || is_woken_; };
  if (is_watched) {
    changed_.wait_for(lock, parts_.look_every, is_ready);
  } else {
    changed_.wait(lock, is_ready);
  }
  if (std::exchange(is_woken_, false)) {
    awake_until = Clock::now() + parts_.wait_for_watcher;  // until the server counts it
    next_age_ = Clock::now() + parts_.look_every;
  }
  return !ends_;
}

void Feed::work() {
  Clock::time_point awake_until{};
  while (wait(awake_until)) {
    if (Clock::now() >= next_look_) look();
    if (Clock::now() < next_age_) continue;
    tell_age();
    next_age_ = Clock::now() + parts_.tell_age_every;
  }
}

/// A page that takes long is made less often: a tenth of the time is the most. Where there was none, it is tried again
/// though nothing has changed: what was in the way may be over.
void Feed::look() {
  constexpr int kTimesAsLong = 9;
  std::string state = parts_.state();
  if (state == seen_ && trouble_.empty()) return;
  seen_ = std::move(state);
  const auto begin = Clock::now();
  const bool had_trouble = !std::exchange(trouble_, try_page()).empty();
  pause_ = trouble_.empty() ? std::chrono::milliseconds(0) : pause_after(pause_, parts_.look_every, parts_.most_pause);
  if (had_trouble || !trouble_.empty()) next_age_ = {};  // tells which it is
  next_look_ = Clock::now() + std::max<Clock::duration>(kTimesAsLong * (Clock::now() - begin), pause_);
}

/// Why there is no page; "": there is one.
std::string Feed::try_page() {
  try {
    const ProgramAnswer answer = parts_.page();
    const std::int64_t at_us = newest_in(answer.out);
    if (answer.end == ProgramAnswer::End::too_slow) return "The page took too long.";
    if (answer.end != ProgramAnswer::End::exited || answer.exit_code != 0)
      return answer.err.empty() ? "The page could not be made." : answer.err;
    if (std::exchange(newest_at_us_, at_us) != at_us)
      parts_.publish(event_of("page", main_of(answer.out)), /*is_kept=*/true);
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

void Feed::tell_age() const {
  if (!trouble_.empty()) return parts_.publish(event_of("trouble", trouble_), /*is_kept=*/false);
  if (newest_at_us_ == 0) return parts_.publish(event_of("age", "{}"), /*is_kept=*/false);
  const std::int64_t age_s = std::max<std::int64_t>(parts_.wall_now_us() - newest_at_us_, 0) / 1'000'000;
  parts_.publish(event_of("age", "{\"age_s\": " + std::to_string(age_s) + "}"), /*is_kept=*/false);
}

}  // namespace cgmm::serve
