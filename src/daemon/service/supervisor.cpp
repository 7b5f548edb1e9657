// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/supervisor.hpp"

#include <unistd.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "daemon/clock.hpp"
#include "daemon/resources.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kLookEvery_us = 1'000'000;
constexpr std::int64_t kLookWhenCalm_us = 10'000'000;   // a wake-up costs as much as reading four cgroups
constexpr std::int64_t kLookForReadyEvery_us = 50'000;  // somebody waits for it
// Between two looks. Who asks more often waits a moment; and so does everybody when descriptors are short.
constexpr int kAnswers = 16;
constexpr const char* kRestart = "; the watchdog, where there is one, will restart the service";

std::string for_the_last(std::int64_t since_us, std::int64_t now_us) {
  return " for " + base::format_duration_us(std::max<std::int64_t>(now_us - since_us, 0));
}

std::string sampler_in_words(const Signs& signs, bool is_stuck, std::int64_t now_us) {
  if (signs.sampler_at_us == 0) return "ended or not begun";
  return is_stuck
             ? "no progress" + for_the_last(signs.sampler_at_us, now_us)
             : "awake " + base::format_duration_us(std::max<std::int64_t>(now_us - signs.sampler_at_us, 0)) + " ago";
}

std::string reclaimer_in_words(const Signs& signs, bool is_stuck, std::int64_t now_us) {
  std::string text = signs.reclaimer_at_us == 0 ? "waiting for a scan" : "at work";
  if (signs.asking_kernel_since_us != 0)
    text = "asking the kernel" + for_the_last(signs.asking_kernel_since_us, now_us);
  return is_stuck ? text + ", no progress" + for_the_last(signs.reclaimer_at_us, now_us) : text;
}

std::string recorder_in_words(const RecordQueue::Progress& progress, std::int64_t now_us) {
  const std::string waiting =
      std::to_string(progress.waiting_count) + (progress.waiting_count == 1 ? " record waits" : " records wait");
  if (progress.is_retrying) return "trying again, " + waiting;
  if (progress.recorder_busy_since_us == 0) return "waiting for records";
  return "writing" + for_the_last(progress.recorder_busy_since_us, now_us) + ", " + waiting;
}

}  // namespace

Supervisor::Supervisor(Parts parts, std::string version, Clocks clocks)
    : queue_(parts.queue),
      socket_(parts.socket),
      notifier_(parts.notifier),
      signs_(std::move(parts.signs)),
      version_(std::move(version)),
      clocks_(std::move(clocks)),
      started_at_us_(clocks_.wall()) {}

void Supervisor::open() {
  try {
    socket_.make();
  } catch (const std::exception& error) {
    spdlog::warn("no status socket, only root and this user can ask for the `status`: {}",
                 base::escape_for_terminal(error.what()));
  }
}

int Supervisor::ms_until_look() const {
  return static_cast<int>(
      std::clamp<std::int64_t>((next_look_at_us_ - clocks_.steady() + 999) / 1000, 0, kLookWhenCalm_us / 1000));
}

void Supervisor::look() {
  const std::int64_t now_us = clocks_.steady();
  if (now_us < next_look_at_us_) return;
  answers_left_ = kAnswers;
  judge(signs_(), now_us);
  const bool is_calm = is_settled_ && stuck_ == core::Stuck{} && queue_.faults().empty();
  next_look_at_us_ = now_us + (notifier_.is_wanted() && !ready_told_ ? kLookForReadyEvery_us
                               : is_calm                             ? kLookWhenCalm_us
                                                                     : kLookEvery_us);
  follow_history();
  settle();
  if (!notifier_.is_wanted()) return;
  tell_ready();
  tell_status();
  feed_watchdog(now_us);
  if (next_feed_at_us_ > now_us) next_look_at_us_ = std::min(next_look_at_us_, next_feed_at_us_);
}

void Supervisor::judge(const Signs& signs, std::int64_t now_us) {
  const core::LastSigns last{.sampler_at_us = signs.sampler_at_us,
                             .reclaimer_at_us = signs.reclaimer_at_us,
                             .recorder_at_us = queue_.progress().recorder_busy_since_us};
  const core::Patience patience = core::patience_for(signs.reclaim_timeout_us, notifier_.watchdog_us());
  const core::Stuck before = std::exchange(stuck_, core::who_is_stuck(last, patience, now_us));
  tell_fault(
      stuck_.sampler, before.sampler, "sampler",
      "the sampler makes no progress" + for_the_last(last.sampler_at_us, now_us) + ", there are no scans" + kRestart,
      "the sampler makes progress again");
  tell_fault(stuck_.recorder, before.recorder, "recorder",
             "the recorder makes no progress" + for_the_last(last.recorder_at_us, now_us) +
                 ": its disk hangs, or has much to do; scans wait in memory, reclaim goes on",
             "the recorder makes progress again");
  // What hangs in the kernel is told by whoever asks it, as the fault `reclaim_hang`.
  tell_fault(stuck_.reclaimer, before.reclaimer, "",
             "the reclaimer makes no progress" + for_the_last(last.reclaimer_at_us, now_us) + kRestart,
             "the reclaimer makes progress again");
}

void Supervisor::tell_fault(bool is_stuck, bool was_stuck, const std::string& fault, const std::string& begins,
                            const std::string& ends) {
  if (is_stuck == was_stuck) return;
  const std::string& words = is_stuck ? begins : ends;
  spdlog::log(is_stuck ? spdlog::level::err : spdlog::level::warn, "{}", words);
  if (!fault.empty())
    queue_.push(core::ServiceEvent{clocks_.wall(), is_stuck ? "fault_begin" : "fault_end", words, fault});
}

/// Whatever befell the database may have befallen the socket beside it. When the database is well again, so is the
/// disk.
void Supervisor::follow_history() {
  const std::int64_t healed_count = queue_.progress().history_healed_count;
  if (std::exchange(history_healed_count_, healed_count) != healed_count) open();
}

/// The second scan is the first that is like all others.
void Supervisor::settle() {
  if (is_settled_ || queue_.progress().scans_recorded_count < 2) return;
  is_settled_ = true;
  give_back_memory();
}

/// With the first scan on record; or with the first one made, where the history can't be written: neither a full disk
/// nor one that hangs must keep a node from being protected.
void Supervisor::tell_ready() {
  if (ready_told_) return;
  const RecordQueue::Progress progress = queue_.progress();
  const auto faults = queue_.faults();
  const bool without_history =
      stuck_.recorder || std::ranges::find(faults, "history", &RecordQueue::Fault::name) != faults.end();
  if (progress.scans_recorded_count == 0 && !(without_history && progress.scans_made_count > 0)) return;
  ready_told_ = tell("READY=1");
}

/// Where it says something new, once a scan at most, and when a fault begins or ends.
void Supervisor::tell_status() {
  const LiveStatus status = status_now();
  const bool same_scan = status_told_at_scan_ == status.progress.scans_made_count;
  if (same_scan && faults_told_ == status.faults.size()) return;
  std::string line = in_one_line(status);
  if (line != status_told_ && !tell("STATUS=" + line)) return;
  status_told_ = std::move(line);
  status_told_at_scan_ = status.progress.scans_made_count;
  faults_told_ = status.faults.size();
}

/// Refused (the manager is busy): again in a second.
bool Supervisor::tell(const std::string& words) {
  const bool told = notifier_.tell(words);
  if (!told) next_look_at_us_ = std::min(next_look_at_us_, clocks_.steady() + kLookEvery_us);
  return told;
}

void Supervisor::feed_watchdog(std::int64_t now_us) {
  const auto watchdog_us = notifier_.watchdog_us();
  if (!watchdog_us || now_us < next_feed_at_us_ || !stuck_.protects()) return;
  if (tell("WATCHDOG=1")) next_feed_at_us_ = now_us + *watchdog_us / 2;
}

LiveStatus Supervisor::status_now() const {
  const Signs signs = signs_();
  const std::int64_t now_us = clocks_.steady();
  LiveStatus status{.version = version_,
                    .pid = ::getpid(),
                    .started_at_us = started_at_us_,
                    .progress = queue_.progress(),
                    .in_cooldown_count = signs.in_cooldown_count,
                    .sampler = sampler_in_words(signs, stuck_.sampler, now_us),
                    .reclaimer = reclaimer_in_words(signs, stuck_.reclaimer, now_us),
                    .faults = queue_.faults()};
  status.recorder = recorder_in_words(status.progress, now_us);
  if (status.progress.last_scan)
    status.last_scan_age_us = std::max<std::int64_t>(now_us - status.progress.last_scan->seen_at_us, 0);
  return status;
}

void Supervisor::answer() {
  const bool answered = answers_left_ > 0 && socket_.answer_one(to_text(status_now()));
  answers_left_ = answered ? answers_left_ - 1 : 0;
  if (answers_left_ == 0) next_look_at_us_ = std::min(next_look_at_us_, clocks_.steady() + kLookEvery_us);
}

void Supervisor::log_status() {
  for (const std::string& line : in_lines(status_now())) spdlog::info("{}", line);
}

/// Only once it is ready: what follows is READY=1 again.
void Supervisor::reloading() {
  if (ready_told_) notifier_.tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(clocks_.steady()));
}

void Supervisor::reloaded() {
  if (ready_told_) notifier_.tell("READY=1");
}

void Supervisor::stopping() {
  notifier_.tell("STOPPING=1");
  socket_.close();
}

}  // namespace cgmm::daemon
