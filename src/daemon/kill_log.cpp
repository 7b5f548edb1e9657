// SPDX-License-Identifier: Apache-2.0
#include "daemon/kill_log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "core/container.hpp"
#include "core/text.hpp"
#include "kernel/control_file.hpp"

namespace cgmm::daemon {
namespace {

constexpr int kLookForStopEvery = 1000;  // records
constexpr std::int64_t kTellOverrunsEvery_us = 60'000'000;
constexpr int kSettled_ms = 200;  // the processes of a memory.oom.group are logged within a few

/// Of the cgroup at `path`, if it is still there; else 0.
std::uint64_t inode_of(const kernel::Hierarchy& hierarchy, const std::string& path) {
  const kernel::Fd root(::open(hierarchy.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const kernel::Fd directory = root ? kernel::open_directory(root.get(), path, O_PATH) : kernel::Fd{};
  struct stat status {};
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
    : read_before_(std::move(read_before)),
      hierarchy_(std::move(hierarchy)),
      queue_(queue),
      clocks_(std::move(clocks)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (source == "off") {
    source_ = "off";
    if (read_before_) queue_.push(core::LogPosition{});  // what is logged meanwhile, the counters tell
    return;
  }
  open(source == "auto" ? kernel::KernelLog::find() : source);
}

void KillLog::open(const std::string& source) {
  try {
    position_.boot_id = kernel::KernelLog::boot_id();
    log_.emplace(source, kernel::KernelLog::Start::beginning);
    source_ = source;
    if (!log_->can_be_polled()) {
      spdlog::warn("{} is no device: what is read there may not be the kernel's log", core::escape_for_terminal(source));
    }
  } catch (const std::exception& error) {
    log_.reset();
    source_ = std::string("can't be read: ") + error.what();
    spdlog::warn("the kernel's log {}; OOM kills are found by the cgroups' counters, without the victims' names",
                 core::escape_for_terminal(source_));
  }
}

void KillLog::run() {
  if (!log_) return;
  try {
    read_all();
    settle();
    caught_up_ = true;
    queue_.push(position_);
    for (;;) {
      pollfd waits[] = {{stop_.get(), POLLIN, 0}, {log_->fd(), POLLIN, 0}};
      const bool can_wait = log_->can_be_polled() && !parser_.pending();
      const int ready = ::poll(waits, log_->can_be_polled() ? 2 : 1, can_wait ? -1 : kSettled_ms);
      if (ready < 0) continue;  // interrupted
      if ((waits[0].revents & POLLIN) != 0) break;
      read_all();
      if (ready == 0) settle();
    }
    settle();
    queue_.push(position_);
  } catch (const std::exception& error) {
    spdlog::error("the kernel's log can't be read any more: {}; OOM kills are found by the cgroups' counters",
                  core::escape_for_terminal(error.what()));
    queue_.push(core::ServiceEvent{clocks_.wall(), "fault_begin", std::string("the kernel's log: ") + error.what(),
                                  "kernel_log"});
  }
}

void KillLog::stop() {
  const std::uint64_t one = 1;
  if (::write(stop_.get(), &one, sizeof one) < 0) spdlog::error("eventfd: {}", errno);
}

void KillLog::read_all() {
  using What = kernel::KernelLog::Read::What;
  int count = 0;
  for (auto read = log_->read(); read.what != What::nothing; read = log_->read()) {
    if (++count % kLookForStopEvery == 0 && is_stopped()) return;
    if (read.what == What::overrun) {
      take(parser_.lost_records());
      note_overrun(read.lost_count);
      continue;
    }
    if (caught_up_) offset_us_ = clocks_.wall() - read.record.at_us;
    auto kill = parser_.take(read.record);
    position_.sequence = read.record.sequence;
    take(std::move(kill));
    // In a log that is never quiet there is no moment without a record.
    if (parser_.pending() && read.record.at_us - parser_.last_at_us() > kSettled_ms * 1000) settle();
  }
}

bool KillLog::is_stopped() const {
  pollfd stop{stop_.get(), POLLIN, 0};
  return ::poll(&stop, 1, 0) > 0;
}

void KillLog::settle() { take(parser_.flush()); }

/// Kills that an earlier run has told of are told no more, and on the very first start those of before are none of ours.
void KillLog::take(std::optional<core::LoggedKill> kill) {
  if (!kill) return;
  if (!caught_up_ && !read_before_) return;
  if (read_before_ && read_before_->boot_id == position_.boot_id && kill->sequence <= read_before_->sequence) return;
  core::OomKill found = located(std::move(*kill));
  const std::string& where = found.logged.victim_path.empty() ? "a cgroup that is not told" : found.logged.victim_path;
  spdlog::warn("OOM kill of {} in {}{}", core::escape_for_terminal(victim_of(found.logged)),
               core::escape_for_terminal(where), found.logged.scope == core::OomScope::node ? ", the node is out of memory" : "");
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

/// The log's clock stands still while the machine is suspended, and drifts from the others in months: what came while we
/// waited for it is dated by that moment, what was there before as well as can be told.
std::int64_t KillLog::wall_of(std::int64_t logged_at_us) const {
  if (offset_us_) return logged_at_us + *offset_us_;
  return kernel::wall_us(logged_at_us, clocks_.wall(), clocks_.steady());
}

/// Of the time before the start nothing is said: the log is as long as it is. A log that is flooded loses records all the time.
void KillLog::note_overrun(std::uint64_t lost_count) {
  if (!caught_up_) return;
  lost_count_ += std::max<std::uint64_t>(lost_count, 1);
  const std::int64_t now_us = clocks_.steady();
  if (told_overrun_at_us_ && now_us - *told_overrun_at_us_ < kTellOverrunsEvery_us) return;
  told_overrun_at_us_ = now_us;
  const std::string lost = std::to_string(std::exchange(lost_count_, 0)) +
                           " records of the kernel's log were overwritten before they were read; OOM kills among them are found by "
                           "the cgroups' counters alone";
  spdlog::warn("{}", lost);
  queue_.push(core::ServiceEvent{clocks_.wall(), "kernel_log", lost});
}

}  // namespace cgmm::daemon
