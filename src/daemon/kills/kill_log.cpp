// SPDX-License-Identifier: Apache-2.0
#include "daemon/kills/kill_log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <utility>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "core/container.hpp"
#include "kernel/control_file.hpp"

namespace cgmm::daemon {
namespace {

constexpr int kLookForStopEvery = 1000;  // records
constexpr std::int64_t kOpenEvery_us = 10 * base::kSecond_us;
constexpr int kFlood = 100;  // records at a time, to be called a flood
constexpr std::int64_t kFloodEndsAfter_us = base::kMinute_us;
constexpr std::uint64_t kWorse = 100;  // times as many lost, to be told again
constexpr int kMostAtATime = 500;      // so that a flood takes a few percent of a processor and no more
constexpr int kMostAtOpening = 1'000'000;
constexpr int kPause_ms = 20;
constexpr int kQuiet_ms = 200;        // the processes of a memory.oom.group are logged within a few
constexpr int kEndsWithin_ms = 2000;  // a kill that has begun, also where a slow console delays its lines

/// nullopt: what can't be read from its end on.
std::optional<kernel::KernelLog> end_of(const kernel::KernelLog& log, const std::string& file) {
  if (log.is_pipe()) return std::nullopt;
  try {
    return kernel::KernelLog(file, kernel::KernelLog::Start::end);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

/// Of the cgroup at `path`, if it is still there; else 0.
std::uint64_t inode_of(const kernel::Hierarchy& hierarchy, const std::string& path) {
  const base::Fd root(::open(hierarchy.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const base::Fd directory = root ? kernel::open_directory(root.get(), path, O_PATH) : base::Fd{};
  struct stat status{};
  return directory && ::fstat(directory.get(), &status) == 0 ? status.st_ino : 0;
}

/// With the victim's cgroup and container as they are now: a moment later they may be gone. `place`: the victim's
/// cgroup if the log does not name one; "": not known either.
core::OomKill located(core::LoggedKill kill, const std::string& place, const kernel::Hierarchy& hierarchy) {
  core::OomKill found;
  for (std::string* path : {&kill.limit_path, &kill.victim_path, &kill.group_path}) {
    if (!path->empty()) *path = kernel::path_below_root(hierarchy, *path);
  }
  found.is_by_pid = kill.victim_path.empty() && !place.empty();
  if (found.is_by_pid) kill.victim_path = place;
  found.id.path = kill.victim_path.empty() ? kill.group_path : kill.victim_path;
  const std::string& parent = hierarchy.parent_path;
  const bool is_below = found.id.path.starts_with(parent + "/") || found.id.path == parent;
  const auto container = is_below ? core::recognise_container(found.id.path, parent.size()) : std::nullopt;
  if (container) {
    found.container = container->identity;
    found.id.path.resize(container->path_length);
  }
  if (!found.id.path.empty()) found.id.inode = inode_of(hierarchy, found.id.path);
  found.logged = std::move(kill);
  return found;
}

/// "java (pid 77) and 2 more of its group".
std::string victim_in_words(const core::LoggedKill& kill) {
  std::string text = kill.victim_comm.empty() ? "a process" : kill.victim_comm;
  if (kill.victim_pid) text += " (pid " + std::to_string(*kill.victim_pid) + ")";
  if (kill.process_count > 1) text += " and " + std::to_string(kill.process_count - 1) + " more of its group";
  return text;
}

std::string out_of_memory_in_words(const core::LoggedKill& kill) {
  switch (kill.scope) {
    case core::OomScope::cgroup:
      return "";
    case core::OomScope::memory_and_swap:
      return ", at its limit of memory and swap together";
    case core::OomScope::node:
      return ", the node is out of memory";
    case core::OomScope::fragmentation:
      return ", the node has no free memory of the kind asked for";
    case core::OomScope::sysrq:
      return ", asked for by SysRq";
    case core::OomScope::cpuset:
    case core::OomScope::memory_policy:
      break;
  }
  return ", out of memory on NUMA nodes " + (kill.dump.numa_nodes.empty() ? "not told" : kill.dump.numa_nodes);
}

}  // namespace

void Flood::lost(std::uint64_t count) {
  lost_at_us_ = clocks_.steady();
  lost_count_ += std::max<std::uint64_t>(count, 1);
  if (is_on() && lost_count_ < kWorse * told_lost_count_) return;
  told_lost_count_ = lost_count_;
  fault_.begin(clocks_.wall(), std::to_string(lost_count_) +
                                   " records of the kernel log were overwritten before they were read; OOM kills among "
                                   "them are found by the cgroups' counters alone");
}

void Flood::tend() {
  if (!is_on() || clocks_.steady() - lost_at_us_ < kFloodEndsAfter_us) return;
  fault_.end(clocks_.wall(), "the kernel log is read as fast as it is written again, after " +
                                 std::to_string(lost_count_) + " records were lost");
  lost_count_ = 0;
}

KillLog::KillLog(std::string setting, RecordQueue& queue, StatusBoard& board, Clocks clocks)
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
    open_->end = end_of(open_->log, file);
    board_.set_kernel_log(file);
    const std::string other = open_->log.what_else();
    if (other.empty()) return;
    if (setting_ == "auto" || open_->log.can_be_polled()) return lose(file + " is " + other);
    spdlog::warn("{} is {}", base::escape_for_terminal(file), other);
  } catch (const std::exception& error) {
    lose(error.what());
  }
}

void KillLog::lose(const std::string& why) {
  open_.reset();
  flood_.end();
  board_.set_kernel_log("can't be read: " + why);
  if (unreadable_.is_on()) return;
  unreadable_.begin(clocks_.wall(), "the kernel log can't be read: " + why +
                                        "; OOM kills are found by the cgroups' counters, without the victims' names");
}

void KillLog::run() {
  if (is_off()) return;
  int read_count = 0;
  do {
    tend();
    read_count = follow_log();
  } while (wait(read_count));
  flush();
  if (open_) take(open_->parser.give_up());  // if it ends, the next run will read so
  if (has_caught_up_) queue_.push(position_);
}

/// Returns how many records were read.
int KillLog::follow_log() {
  if (!open_) return 0;
  try {
    const int read_count = read_all();
    if (!open_->is_live) {
      flush();
      open_->is_live = true;
      open_->end.reset();
      queue_.push(position_);
      unreadable_.end(clocks_.wall(), "the kernel log can be read again");
    }
    has_caught_up_ = true;
    return read_count;
  } catch (const std::exception& error) {
    lose(error.what());
    return 0;
  }
}

bool KillLog::is_pause_due(bool was_woken, int read_count) {
  return read_count >= kFlood || (was_woken && read_count == 0);
}

/// For a record, or until there is something else to do; false when the service stops.
bool KillLog::wait(int read_count) {
  if (is_pause_due(was_woken_, read_count) && is_stopped(kPause_ms)) return false;
  const bool is_device = open_ && open_->log.can_be_polled();
  pollfd waits[] = {{stop_.fd(), POLLIN, 0}, {is_device ? open_->log.fd() : -1, POLLIN, 0}};
  int wait_ms = -1;
  if (!open_ || flood_.is_on()) wait_ms = static_cast<int>(kOpenEvery_us / 1000);
  if (open_ && open_->parser.has_begun()) wait_ms = kEndsWithin_ms;
  if (open_ && (!is_device || open_->parser.pending())) wait_ms = kQuiet_ms;
  const int ready = ::poll(waits, 2, wait_ms);
  was_woken_ = ready > 0;
  if (ready == 0) flush();
  return ready <= 0 || waits[0].revents == 0;
}

void KillLog::tend() {
  if (!open_ && clocks_.steady() - opened_at_us_ >= kOpenEvery_us) open();
  flood_.tend();
}

int KillLog::read_all() {
  using What = kernel::KernelLog::Read::What;
  int read_count = 0;
  OpenLog& open = *open_;
  const int most = open.is_live ? kMostAtATime : kMostAtOpening;
  const std::uint64_t known_up_to = position_.sequence;
  for (auto read = open.log.read(); read.what != What::nothing; read = open.log.read()) {
    if (++read_count % kLookForStopEvery == 0 && is_stopped()) break;
    if (read.what == What::overrun) {
      take(open.parser.lost_records());
      if (open.is_live) flood_.lost(read.lost_count);  // before the start: the log is as long as it is
      continue;
    }
    if (!open.is_live && read.record.sequence <= known_up_to) continue;
    if (open.is_live) open.follow_clocks(clocks_, read.record.at_us);
    auto kill = open.parser.take(read.record);
    position_.sequence = read.record.sequence;
    take(std::move(kill));
    if (open.is_live) note_victim();
    // In a log that is never quiet there is no moment without a record.
    const std::int64_t since_us = read.record.at_us - open.parser.last_at_us();
    if (open.parser.pending() && since_us > kQuiet_ms * 1000) flush();
    if (open.parser.has_begun() && since_us > kEndsWithin_ms * 1000) take(open.parser.give_up());
    open.note_begun(clocks_);
    if (read_count >= most) break;
  }
  return read_count;
}

/// Whether the record was logged since the log was opened.
bool KillLog::OpenLog::is_new(std::uint64_t sequence) {
  using What = kernel::KernelLog::Read::What;
  try {
    while (!first_new && end) {
      const auto read = end->read();
      if (read.what == What::nothing) return false;
      if (read.what == What::record) first_new = read.record.sequence;
    }
  } catch (const std::exception&) {  // the log itself can't be read either, which is told
    end.reset();
  }
  return first_new && sequence >= *first_new;
}

/// When a kill was read that has begun and not ended.
void KillLog::OpenLog::note_begun(const Clocks& clocks) {
  if (!parser.has_begun()) {
    begun_at_us.reset();
  } else if (!begun_at_us) {
    begun_at_us = clocks.steady();
  }
}

/// A record that waited to be read makes the offset too large.
void KillLog::OpenLog::follow_clocks(const Clocks& clocks, std::int64_t record_at_us) {
  constexpr std::int64_t kWasSet_us = base::kSecond_us / 10;
  constexpr std::int64_t kDrift = 1000;  // the log's clock may lose a thousandth
  const std::int64_t wall_us = clocks.wall();
  const std::int64_t steady_us = clocks.steady();
  std::int64_t now_us = wall_us - record_at_us;
  if (offset_us && std::abs(wall_us - steady_us - wall_to_steady_us) < kWasSet_us)
    now_us = std::min(now_us, *offset_us + (steady_us - offset_at_us) / kDrift);
  offset_us = now_us;
  offset_at_us = steady_us;
  wall_to_steady_us = wall_us - steady_us;
}

bool KillLog::is_stopped(int wait_ms) const {
  pollfd stop{stop_.fd(), POLLIN, 0};
  return ::poll(&stop, 1, wait_ms) > 0;
}

/// At once: the kill itself is told when its last line has come, and its cgroup may be another one by then.
void KillLog::note_victim() {
  if (!open_->parser.pending()) return;
  core::LoggedKill kill = open_->parser.pending_kill();
  if (victim_.logged.victim_pid == kill.victim_pid && victim_.logged.logged_at_us == kill.logged_at_us) return;
  const kernel::Hierarchy hierarchy = board_.hierarchy();
  const std::int64_t now_us = clocks_.steady();
  const std::string place = kill.victim_path.empty() ? processes_.place_of(kill.victim_pid.value_or(0), now_us) : "";
  victim_ = located(std::move(kill), place, hierarchy);
  processes_.look(hierarchy, now_us);  // for those to come
}

void KillLog::flush() {
  if (!open_) return;
  take(open_->parser.flush());
  const auto& begun_at_us = open_->begun_at_us;
  if (begun_at_us && clocks_.steady() - *begun_at_us >= kEndsWithin_ms * 1000) take(open_->parser.give_up());
  open_->note_begun(clocks_);
}

/// Leaves out the kills that an earlier run has handed on, and those before the very first start.
void KillLog::take(std::optional<core::LoggedKill> kill) {
  if (!kill) return;
  if (!has_caught_up_ && !read_before_ && !open_->is_new(kill->sequence)) return;
  if (read_before_ && read_before_->boot_id == position_.boot_id && kill->sequence <= read_before_->sequence) return;
  const bool is_noted =
      victim_.logged.victim_pid == kill->victim_pid && victim_.logged.logged_at_us == kill->logged_at_us;
  const std::int64_t killed_at_us = wall_of(kill->logged_at_us);
  const std::uint64_t sequence = kill->sequence;
  core::OomKill found =
      located(std::move(*kill), is_noted && victim_.is_by_pid ? victim_.logged.victim_path : "", board_.hierarchy());
  if (is_noted && victim_.id.path == found.id.path && victim_.id.inode != 0) found.id.inode = victim_.id.inode;
  found.killed_at_us = killed_at_us;
  found.position = {position_.boot_id, sequence};
  const std::string& path = found.logged.victim_path;
  const std::string where = path.empty() ? "a cgroup that is not told" : queue_.names().of(path);
  spdlog::warn("OOM kill of {} in {}{}", base::escape_for_terminal(victim_in_words(found.logged)), where,
               out_of_memory_in_words(found.logged));
  queue_.push(std::move(found));
}

/// The log's clock stands still during a suspend, and drifts over months. The records that came while we waited tell
/// the offset; an older one is converted.
std::int64_t KillLog::wall_of(std::int64_t logged_at_us) const {
  if (open_ && open_->offset_us) return logged_at_us + *open_->offset_us;
  // If the wall clock was set since, its present setting counts. No record is from the future.
  return clocks_.wall() - std::max<std::int64_t>(clocks_.steady() - logged_at_us, 0);
}

}  // namespace cgmm::daemon
