// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/supervisor.hpp"

#include <unistd.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/text.hpp"
#include "base/time.hpp"
#include "base/units.hpp"
#include "daemon/clock.hpp"
#include "daemon/resources.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kLookEvery_us = base::kSecond_us;
constexpr std::int64_t kLookWhenCalm_us = 10 * base::kSecond_us;  // a wake-up costs as much as reading four cgroups
constexpr std::int64_t kLookForReadyEvery_us = 50'000;            // systemd waits for it
constexpr int kAnswers = 16;  // between two looks; further clients wait, and all do when descriptors are short
constexpr const char* kRestart = "; the watchdog, where there is one, will restart the service";

std::string time_since(std::int64_t since_us, std::int64_t now_us) {
  return base::format_duration_us(std::max<std::int64_t>(now_us - since_us, 0));
}

std::string sampler_in_words(const Signs& signs, bool is_stuck, std::int64_t now_us) {
  if (signs.sampler_at_us == 0) return "ended or not begun";
  const std::string time = time_since(signs.sampler_at_us, now_us);
  return is_stuck ? "no progress for " + time : "awake " + time + " ago";
}

std::string reclaimer_in_words(const Signs& signs, bool is_stuck, std::int64_t now_us) {
  std::string text = signs.reclaimer_at_us == 0 ? "waiting for a scan" : "at work";
  if (signs.asking.since_us != 0) text = "asking the kernel for " + time_since(signs.asking.since_us, now_us);
  return is_stuck ? text + ", no progress for " + time_since(signs.reclaimer_at_us, now_us) : text;
}

std::string recorder_in_words(const RecordQueue::Progress& progress, std::int64_t now_us) {
  const std::string waiting = base::counted(progress.waiting_count, "record waits", "records wait");
  if (progress.is_retrying) return "trying again, " + waiting;
  if (progress.recorder_busy_since_us == 0) return "waiting for records";
  return "writing for " + time_since(progress.recorder_busy_since_us, now_us) + ", " + waiting;
}

}  // namespace

Supervisor::Supervisor(RecordQueue& queue, StatusSocket& socket, const StatusBoard& board, std::string version,
                       const Notifier::Environment& manager, Clocks clocks)
    : queue_(queue),
      socket_(socket),
      board_(board),
      manager_(manager),
      version_(std::move(version)),
      clocks_(std::move(clocks)),
      started_at_us_(clocks_.wall()),
      sampler_fault_("sampler", queue_, Fault::Weight::error),
      reclaimer_fault_("", queue_, Fault::Weight::error),  // in the kernel it is the fault reclaim_hang, told elsewhere
      recorder_fault_("recorder", queue_, Fault::Weight::error) {}

void Supervisor::open() {
  try {
    socket_.make();
  } catch (const std::exception& error) {
    spdlog::warn("no status socket, `status` knows only what the history tells: {}",
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
  judge(board_.signs(), now_us);
  const RecordQueue::Progress progress = queue_.progress();
  // What happened to the database may have happened to the socket beside it.
  if (std::exchange(history_healed_count_, progress.history_healed_count) != progress.history_healed_count) open();
  if (!has_given_back_ && progress.scans_recorded_count >= 2) {  // the second scan is the first that is like all others
    has_given_back_ = true;
    give_back_heap();
    give_back_program();
  }
  const bool is_calm = has_given_back_ && stuck_ == core::Stuck{} && queue_.faults().empty();
  next_look_at_us_ = now_us + (manager_.awaits_ready() ? kLookForReadyEvery_us
                               : is_calm               ? kLookWhenCalm_us
                                                       : kLookEvery_us);
  if (manager_.is_wanted()) next_look_at_us_ = std::min(next_look_at_us_, manager_.tell(status_now(), stuck_, now_us));
}

void Supervisor::judge(const Signs& signs, std::int64_t now_us) {
  const core::LastSigns last{.sampler_at_us = signs.sampler_at_us,
                             .reclaimer_at_us = signs.reclaimer_at_us,
                             .recorder_at_us = queue_.progress().recorder_busy_since_us};
  stuck_ = core::who_is_stuck(last, signs.reclaim_timeout_us, manager_.watchdog_us(), now_us);
  struct {
    Fault& fault;
    bool is_stuck;
    std::int64_t at_us;
    std::string thread, means;
  } const threads[] = {
      {sampler_fault_, stuck_.sampler, last.sampler_at_us, "sampler", std::string(", there are no scans") + kRestart},
      {recorder_fault_, stuck_.recorder, last.recorder_at_us, "recorder",
       ": its disk hangs, or has much to do; scans wait in memory, reclaim goes on"},
      {reclaimer_fault_, stuck_.reclaimer, last.reclaimer_at_us, "reclaimer", kRestart}};
  for (const auto& [fault, is_stuck, at_us, thread, means] : threads) {
    fault.follow(clocks_.wall(), is_stuck,
                 "the " + thread + " makes no progress for " + time_since(at_us, now_us) + means,
                 "the " + thread + " makes progress again");
  }
}

LiveStatus Supervisor::status_now() const {
  const Signs signs = board_.signs();
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

void Supervisor::stopping() {
  manager_.stopping();
  socket_.close();
}

}  // namespace cgmm::daemon
