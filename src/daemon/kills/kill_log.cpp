// SPDX-License-Identifier: Apache-2.0
#include "daemon/kills/kill_log.hpp"

#include <poll.h>
#include <algorithm>

#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

#include "base/text.hpp"
#include "daemon/kills/victim.hpp"

namespace cgmm::daemon {
namespace {

constexpr int kLookForStopEvery = 1000;  // records
constexpr std::int64_t kOpenEvery_us = 10'000'000;
constexpr int kFlood = 100;        // records at a time, to be called a flood
constexpr int kMostAtATime = 500;  // so that a flood takes a few percent of a processor and no more
constexpr int kMostAtOpening = 1'000'000;
constexpr int kPause_ms = 20;
constexpr int kQuiet_ms = 200;  // the processes of a memory.oom.group are logged within a few

}  // namespace

KillLog::KillLog(std::string setting, std::optional<core::LogPosition> read_before, RecordQueue& queue,
                 StatusBoard& board, Clocks clocks)
    : setting_(std::move(setting)),
      queue_(queue),
      board_(board),
      clocks_(std::move(clocks)),
      unreadable_("kernel_log", queue_),
      flood_(queue_, clocks_) {
  if (is_off()) {
    board_.set_kernel_log(setting_);
  } else {
    open();
  }
  read_on_from(std::move(read_before));
}

void KillLog::read_on_from(std::optional<core::LogPosition> read_before) {
  read_before_ = std::move(read_before);
  if (is_off() && read_before_) queue_.push(core::LogPosition{});  // the counters tell of what is logged meanwhile
}

/// From its beginning, which is as far back as it reaches: records that were read before are left out.
void KillLog::open() {
  opened_at_us_ = clocks_.steady();
  try {
    const std::string file = setting_ == "auto" ? kernel::KernelLog::find() : setting_;
    position_.boot_id = kernel::KernelLog::boot_id();
    open_.emplace(kernel::KernelLog(file, kernel::KernelLog::Start::beginning));
    board_.set_kernel_log(file);
    if (!open_->log.can_be_polled()) {
      spdlog::warn("{} is no device: what is read there may not be the kernel log", base::escape_for_terminal(file));
    }
  } catch (const std::exception& error) {
    lose(error.what());
  }
}

void KillLog::lose(const std::string& why) {
  open_.reset();
  is_reopened_ = true;
  flood_.end();
  board_.set_kernel_log("can't be read: " + why);
  if (unreadable_.is_on()) return;
  unreadable_.begin(clocks_.wall(), "the kernel log can't be read: " + why +
                                        "; OOM kills are found by the cgroups' counters, without the victims' names");
}

void KillLog::run() {
  if (is_off()) return;
  do {
    tend();
    follow_log();
  } while (wait());
  flush();
  if (has_caught_up_) queue_.push(position_);
}

void KillLog::follow_log() {
  if (!open_) return;
  try {
    read_all();
    if (!open_->is_live) {
      flush();
      open_->is_live = true;
      is_reopened_ = false;
      queue_.push(position_);
      unreadable_.end(clocks_.wall(), "the kernel log can be read again");
    }
    has_caught_up_ = true;
  } catch (const std::exception& error) {
    lose(error.what());
  }
}

/// For a record, or until there is something else to do; false when the service stops. A log that is flooded is read in
/// portions: that costs a fraction of being woken for every record, and what it may lose is told.
bool KillLog::wait() {
  const bool for_nothing = was_woken_ && read_count_ == 0;  // by a device that is not the kernel log
  if (read_count_ >= kFlood || for_nothing) {
    pollfd stop{stop_.fd(), POLLIN, 0};
    if (::poll(&stop, 1, kPause_ms) > 0) return false;
  }
  pollfd waits[] = {{stop_.fd(), POLLIN, 0}, {open_ ? open_->log.fd() : -1, POLLIN, 0}};
  const bool is_device = open_ && open_->log.can_be_polled();
  int wait_ms = -1;
  if (!open_ || flood_.is_on()) wait_ms = static_cast<int>(kOpenEvery_us / 1000);
  if (open_ && (!is_device || open_->parser.pending())) wait_ms = kQuiet_ms;
  const int ready = ::poll(waits, is_device ? 2 : 1, wait_ms);
  was_woken_ = ready > 0;
  if (ready == 0) flush();
  return ready <= 0 || (waits[0].revents & POLLIN) == 0;
}

void KillLog::tend() {
  if (!open_ && clocks_.steady() - opened_at_us_ >= kOpenEvery_us) open();
  flood_.tend();
}

void KillLog::read_all() {
  using What = kernel::KernelLog::Read::What;
  read_count_ = 0;
  OpenLog& open = *open_;
  const int most = open.is_live ? kMostAtATime : kMostAtOpening;
  const std::uint64_t known_up_to = position_.sequence;
  for (auto read = open.log.read(); read.what != What::nothing; read = open.log.read()) {
    if (++read_count_ % kLookForStopEvery == 0 && is_stopped()) return;
    if (read.what == What::overrun) {
      take(open.parser.lost_records());
      if (open.is_live) flood_.lost(read.lost_count);  // before the start: the log is as long as it is
      continue;
    }
    if (is_reopened_ && read.record.sequence <= known_up_to) continue;
    if (open.is_live) open.offset_us = clocks_.wall() - read.record.at_us;
    auto kill = open.parser.take(read.record);
    position_.sequence = read.record.sequence;
    take(std::move(kill));
    // In a log that is never quiet there is no moment without a record.
    if (open.parser.pending() && read.record.at_us - open.parser.last_at_us() > kQuiet_ms * 1000) flush();
    if (read_count_ >= most) return;
  }
}

bool KillLog::is_stopped() const {
  pollfd stop{stop_.fd(), POLLIN, 0};
  return ::poll(&stop, 1, 0) > 0;
}

void KillLog::flush() {
  if (open_) take(open_->parser.flush());
}

/// Kills that an earlier run has handed on are left out; so are, on the very first start, those of before it.
void KillLog::take(std::optional<core::LoggedKill> kill) {
  if (!kill) return;
  if (!has_caught_up_ && !read_before_) return;
  if (read_before_ && read_before_->boot_id == position_.boot_id && kill->sequence <= read_before_->sequence) return;
  const std::int64_t killed_at_us = wall_of(kill->logged_at_us);
  core::OomKill found = located(std::move(*kill), position_.boot_id, killed_at_us, board_.hierarchy());
  const std::string& where = found.logged.victim_path.empty() ? "a cgroup that is not told" : found.logged.victim_path;
  spdlog::warn("OOM kill of {} in {}{}", base::escape_for_terminal(victim_in_words(found.logged)),
               base::escape_for_terminal(where),
               found.logged.scope == core::OomScope::node ? ", the node is out of memory" : "");
  queue_.push(std::move(found));
}

/// The log's clock stands still while the machine is suspended, and drifts from the others over months. A record that
/// came while we waited for it is dated by that moment; one that was there before, as well as can be told.
std::int64_t KillLog::wall_of(std::int64_t logged_at_us) const {
  if (open_ && open_->offset_us) return logged_at_us + *open_->offset_us;
  // If the wall clock was set since, its present setting counts. No record is from the future.
  return clocks_.wall() - std::max<std::int64_t>(clocks_.steady() - logged_at_us, 0);
}

}  // namespace cgmm::daemon
