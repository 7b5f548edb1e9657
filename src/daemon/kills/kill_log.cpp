// SPDX-License-Identifier: Apache-2.0
#include "daemon/kills/kill_log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/text.hpp"
#include "core/container.hpp"
#include "kernel/control_file.hpp"

namespace cgmm::daemon {
namespace {

constexpr int kLookForStopEvery = 1000;  // records
constexpr std::int64_t kOpenEvery_us = 10'000'000;
constexpr std::int64_t kFloodEndsAfter_us = 60'000'000;  // without a loss
constexpr std::uint64_t kWorse = 100;                    // times as many lost, to be told again
constexpr int kFlood = 100;                              // records at a time, to be called a flood
constexpr int kMostAtATime = 500;  // so that a flood takes a few percent of a processor and no more
constexpr int kMostAtOpening = 1'000'000;
constexpr int kPause_ms = 20;
constexpr int kSettled_ms = 200;  // the processes of a memory.oom.group are logged within a few

/// Of the cgroup at `path`, if it is still there; else 0.
std::uint64_t inode_of(const kernel::Hierarchy& hierarchy, const std::string& path) {
  const base::Fd root(::open(hierarchy.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const base::Fd directory = root ? kernel::open_directory(root.get(), path, O_PATH) : base::Fd{};
  struct stat status{};
  return directory && ::fstat(directory.get(), &status) == 0 ? status.st_ino : 0;
}

std::string victim_of(const core::LoggedKill& kill) {
  std::string text = kill.victim_comm.empty() ? "a process" : kill.victim_comm;
  if (kill.victim_pid) text += " (pid " + std::to_string(*kill.victim_pid) + ")";
  if (kill.process_count > 1) text += " and " + std::to_string(kill.process_count - 1) + " more of its group";
  return text;
}

}  // namespace

KillLog::KillLog(const std::string& source, std::optional<core::LogPosition> read_before,
                 std::function<kernel::Hierarchy()> hierarchy, RecordQueue& queue, Clocks clocks)
    : hierarchy_(std::move(hierarchy)),
      queue_(queue),
      clocks_(std::move(clocks)),
      unreadable_("kernel_log", queue_),
      flooded_("kernel_log", queue_),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (source.starts_with("off")) {
    source_ = source;
  } else {
    setting_ = source;
    open();
  }
  read_on_from(std::move(read_before));
}

void KillLog::read_on_from(std::optional<core::LogPosition> read_before) {
  read_before_ = std::move(read_before);
  if (setting_.empty() && read_before_)
    queue_.push(core::LogPosition{});  // what is logged meanwhile, the counters tell
}

std::string KillLog::source() const {
  const std::lock_guard lock(source_mutex_);
  return source_;
}

void KillLog::set_source(std::string source) {
  const std::lock_guard lock(source_mutex_);
  source_ = std::move(source);
}

/// From its beginning, which is as far back as it reaches: records that were dealt with before are left out.
void KillLog::open() {
  opened_at_us_ = clocks_.steady();
  try {
    const std::string file = setting_ == "auto" ? kernel::KernelLog::find() : setting_;
    position_.boot_id = kernel::KernelLog::boot_id();
    log_.emplace(file, kernel::KernelLog::Start::beginning);
    set_source(file);
    if (!log_->can_be_polled()) {
      spdlog::warn("{} is no device: what is read there may not be the kernel's log", base::escape_for_terminal(file));
    }
  } catch (const std::exception& error) {
    lose(error.what());
  }
}

void KillLog::lose(const std::string& why) {
  log_.reset();
  parser_ = {};
  is_live_ = false;
  is_anew_ = true;
  offset_us_.reset();
  flooded_.end(clocks_.wall(), "the kernel's log is not read any more");
  set_source("can't be read: " + why);
  if (unreadable_.is_on()) return;
  unreadable_.begin(clocks_.wall(), "the kernel's log can't be read: " + why +
                                        "; OOM kills are found by the cgroups' counters, without the victims' names");
}

void KillLog::run() {
  if (setting_.empty()) return;
  do {
    tend();
    follow_log();
  } while (wait());
  settle();
  if (caught_up_) queue_.push(position_);
}

void KillLog::follow_log() {
  if (!log_) return;
  try {
    read_all();
    if (!is_live_) {
      settle();
      is_live_ = true;
      is_anew_ = false;
      queue_.push(position_);
      unreadable_.end(clocks_.wall(), "the kernel's log can be read again");
    }
    caught_up_ = true;
  } catch (const std::exception& error) {
    lose(error.what());
  }
}

/// For a record, or until there is something else to do; false when the service stops. A log that is flooded is read in
/// portions: that costs a fraction of being woken for every record, and what it may lose is told.
bool KillLog::wait() {
  const bool for_nothing = was_woken_ && read_count_ == 0;  // by a device that is none of the kernel's log
  if (read_count_ >= kFlood || for_nothing) {
    pollfd stop{stop_.get(), POLLIN, 0};
    if (::poll(&stop, 1, kPause_ms) > 0) return false;
  }
  pollfd waits[] = {{stop_.get(), POLLIN, 0}, {log_ ? log_->fd() : -1, POLLIN, 0}};
  const bool is_device = log_ && log_->can_be_polled();
  int wait_ms = -1;
  if (!log_ || flooded_.is_on()) wait_ms = static_cast<int>(kOpenEvery_us / 1000);
  if (log_ && (!is_device || parser_.pending())) wait_ms = kSettled_ms;
  const int ready = ::poll(waits, is_device ? 2 : 1, wait_ms);
  was_woken_ = ready > 0;
  if (ready == 0) settle();
  return ready <= 0 || (waits[0].revents & POLLIN) == 0;
}

void KillLog::tend() {
  const std::int64_t now_us = clocks_.steady();
  if (!log_ && now_us - opened_at_us_ >= kOpenEvery_us) open();
  if (flooded_.is_on() && now_us - lost_at_us_ >= kFloodEndsAfter_us) {
    flooded_.end(clocks_.wall(), "the kernel's log is read as fast as it is written again, after " +
                                     std::to_string(lost_count_) + " records were lost");
    lost_count_ = 0;
  }
}

void KillLog::stop() {
  const std::uint64_t one = 1;
  if (::write(stop_.get(), &one, sizeof one) < 0) spdlog::error("eventfd: {}", errno);
}

void KillLog::read_all() {
  using What = kernel::KernelLog::Read::What;
  read_count_ = 0;
  const int most = is_live_ ? kMostAtATime : kMostAtOpening;
  const std::uint64_t dealt_with = position_.sequence;
  for (auto read = log_->read(); read.what != What::nothing; read = log_->read()) {
    if (++read_count_ % kLookForStopEvery == 0 && is_stopped()) return;
    if (read.what == What::overrun) {
      take(parser_.lost_records());
      note_overrun(read.lost_count);
      continue;
    }
    if (is_anew_ && read.record.sequence <= dealt_with) continue;
    if (is_live_) offset_us_ = clocks_.wall() - read.record.at_us;
    auto kill = parser_.take(read.record);
    position_.sequence = read.record.sequence;
    take(std::move(kill));
    // In a log that is never quiet there is no moment without a record.
    if (parser_.pending() && read.record.at_us - parser_.last_at_us() > kSettled_ms * 1000) settle();
    if (read_count_ >= most) return;
  }
}

bool KillLog::is_stopped() const {
  pollfd stop{stop_.get(), POLLIN, 0};
  return ::poll(&stop, 1, 0) > 0;
}

void KillLog::settle() { take(parser_.flush()); }

/// Kills that an earlier run has told of are told no more, and on the very first start those of before are none of
/// ours.
void KillLog::take(std::optional<core::LoggedKill> kill) {
  if (!kill) return;
  if (!caught_up_ && !read_before_) return;
  if (read_before_ && read_before_->boot_id == position_.boot_id && kill->sequence <= read_before_->sequence) return;
  core::OomKill found = located(std::move(*kill));
  const std::string& where = found.logged.victim_path.empty() ? "a cgroup that is not told" : found.logged.victim_path;
  spdlog::warn("OOM kill of {} in {}{}", base::escape_for_terminal(victim_of(found.logged)),
               base::escape_for_terminal(where),
               found.logged.scope == core::OomScope::node ? ", the node is out of memory" : "");
  queue_.push(std::move(found));
}

/// With what is to be known of its cgroup now: a moment later it may be gone.
core::OomKill KillLog::located(core::LoggedKill kill) const {
  core::OomKill found{.killed_at_us = wall_of(kill.logged_at_us), .position = position_};
  found.position.sequence = kill.sequence;
  const kernel::Hierarchy hierarchy = hierarchy_();
  for (std::string* path : {&kill.limit_path, &kill.victim_path, &kill.group_path}) {
    if (!path->empty()) *path = kernel::path_below_root(hierarchy, *path);
  }
  found.id.path = kill.victim_path;
  const std::string& parent = hierarchy.parent_path;
  const bool is_below = kill.victim_path.starts_with(parent + "/") || kill.victim_path == parent;
  const auto container = is_below ? core::recognise_container(kill.victim_path, parent.size()) : std::nullopt;
  if (container) {
    found.container = container->identity;
    found.id.path.resize(container->path_length);
  }
  if (!found.id.path.empty()) found.id.inode = inode_of(hierarchy, found.id.path);
  found.logged = std::move(kill);
  return found;
}

/// The log's clock stands still while the machine is suspended, and drifts from the others in months: what came while
/// we waited for it is dated by that moment, what was there before as well as can be told.
std::int64_t KillLog::wall_of(std::int64_t logged_at_us) const {
  if (offset_us_) return logged_at_us + *offset_us_;
  return kernel::wall_us(logged_at_us, clocks_.wall(), clocks_.steady());
}

/// Of the time before the start nothing is said: the log is as long as it is. A log that is flooded loses records all
/// the time.
void KillLog::note_overrun(std::uint64_t lost_count) {
  if (!is_live_) return;
  lost_at_us_ = clocks_.steady();
  lost_count_ += std::max<std::uint64_t>(lost_count, 1);
  if (flooded_.is_on() && lost_count_ < kWorse * told_lost_count_) return;
  told_lost_count_ = lost_count_;
  flooded_.begin(clocks_.wall(),
                 std::to_string(lost_count_) +
                     " records of the kernel's log were overwritten before they were read; OOM kills among them "
                     "are found by the cgroups' counters alone");
}

}  // namespace cgmm::daemon
