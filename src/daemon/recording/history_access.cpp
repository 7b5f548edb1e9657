// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/history_access.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/time.hpp"
#include "base/units.hpp"
#include "daemon/clock.hpp"
#include "store/file/wal.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kTryAgainFirst_us = base::kSecond_us;
constexpr std::int64_t kTryAgainLast_us = 10 * base::kSecond_us;
constexpr std::int64_t kCheckEvery_us = 30 * base::kSecond_us;
constexpr std::int64_t kLookEvery_us = 12 * 3600 * base::kSecond_us;
constexpr std::int64_t kBytesALook = 4 << 20;  // some milliseconds

}  // namespace

void StandingRecords::note(const core::Handover& handover) {
  cooldowns_.insert(handover.cooldowns.begin(), handover.cooldowns.end());
  if (handover.log_position && log_position_.boot_id.empty()) log_position_ = *handover.log_position;
}

void StandingRecords::note(std::span<const Record> records, std::int64_t now_us) {
  for (const Record& record : records) {
    if (const auto* facts = std::get_if<core::NodeFacts>(&record)) node_facts_ = *facts;
    if (const auto* position = std::get_if<core::LogPosition>(&record)) log_position_ = *position;
    if (const auto* kill = std::get_if<core::OomKill>(&record)) log_position_ = kill->position;
    if (const auto* one = std::get_if<core::CgroupCooldown>(&record)) cooldowns_[one->id] = one->cooldown;
  }
  std::erase_if(cooldowns_, [&](const auto& entry) { return entry.second.until_us <= now_us; });
}

void StandingRecords::record_in(store::History& history, std::int64_t now_us) const {
  if (!node_facts_.facts.empty()) history.record(node_facts_);
  if (!log_position_.boot_id.empty()) history.record(log_position_);
  for (const auto& [id, cooldown] : cooldowns_) {
    if (cooldown.until_us > now_us) history.record(core::CgroupCooldown{id, cooldown});
  }
}

HistoryAccess::HistoryAccess(store::HistoryFile& file, RecordQueue& queue, ThisRun run)
    : file_(file),
      queue_(queue),
      run_(std::move(run)),
      fault_("history", queue, Fault::Weight::error),
      has_begun_(file.is_open()) {}

void HistoryAccess::start() {
  try {
    open();
  } catch (const std::exception& error) {
    const auto* const refused = dynamic_cast<const store::StoreError*>(&error);
    if (refused != nullptr && refused->lasts() == store::StoreError::Lasts::for_good) throw;
    put_off(error);
  }
  run_.started();
}

bool HistoryAccess::make_ready() {
  if (file_.is_open() && damage_.empty()) check_for_damage();
  if (is_sound()) return true;
  if (steady_now_us() < try_again_at_us_) return false;
  try {
    if (file_.is_open()) leave();
    open();
    try_again_after_us_ = 0;
    return true;
  } catch (const std::exception& error) {
    put_off(error);
    return false;
  }
}

void HistoryAccess::put_off(const std::exception& error) {
  begin_fault(file_.in_words(error));
  try_again_after_us_ = std::clamp<std::int64_t>(try_again_after_us_ * 2, kTryAgainFirst_us, kTryAgainLast_us);
  try_again_at_us_ = steady_now_us() + try_again_after_us_;
}

/// Where it can't be written, what earlier runs have left can often be read.
void HistoryAccess::open() {
  const std::int64_t now_us = wall_now_us();
  try {
    const core::Handover handover = file_.begin(has_begun_ ? now_us : run_.started_at_us, run_.detail,
                                                [&](store::History& history) { standing_.record_in(history, now_us); });
    has_begun_ = true;
    if (!handover.crash_found.empty()) spdlog::warn("{}", handover.crash_found);
    hand_over(handover);
  } catch (const store::StoreError& error) {
    if (!has_handed_over_ && error.lasts() == store::StoreError::Lasts::for_now) hand_over(file_.read_handover(now_us));
    throw;
  }
  what_was_done_ = file_.take_what_was_done();
  if (!what_was_done_.empty() && !fault_.is_on()) begin_fault(what_was_done_);
}

/// The run ends here; open() begins the next one.
void HistoryAccess::leave() {
  if (!fault_.is_on())
    begin_fault(damage_.empty() ? "its file was removed, emptied or replaced" : "it is damaged: " + damage_);
  file_.leave(damage_);
  damage_.clear();
}

void HistoryAccess::hand_over(const std::optional<core::Handover>& handover) {
  if (!handover || std::exchange(has_handed_over_, true)) return;
  standing_.note(*handover);
  const std::int64_t now_us = wall_now_us();
  const auto holding =
      std::ranges::count_if(handover->cooldowns, [&](const auto& entry) { return entry.second.until_us > now_us; });
  if (holding > 0) spdlog::info("cooldowns of earlier runs that still hold: {}", holding);
  run_.hand_over(*handover);
}

void HistoryAccess::note(std::span<const Record> batch) { standing_.note(batch, wall_now_us()); }

void HistoryAccess::note_refusal(const std::exception& error) {
  if (store::is_damage(error)) note_damage(error.what());
  begin_fault(damage_.empty() ? file_.in_words(error) : "it is damaged: " + damage_);
}

void HistoryAccess::note_damage(const std::string& said) {
  const bool is_met_again = std::exchange(is_suspected_, true);
  if (is_met_again || !file_.damage().empty()) damage_ = "SQLite says: " + said;
}

void HistoryAccess::begin_fault(const std::string& why) {
  why_ = why;
  fault_.meet(wall_now_us(), steady_now_us(), "the history can't be written: " + why,
              "; scans wait in memory, reclaim goes on, trying again every few seconds");
}

void HistoryAccess::note_stored() {
  is_suspected_ = false;
  const RecordQueue::Refused refused = queue_.take_refused();
  const std::int64_t now_us = wall_now_us();
  const std::string lost =
      std::to_string(refused.scans) + " scans and " + std::to_string(refused.others) + " other records were lost";
  if (fault_.is_on()) {
    const std::string done = std::exchange(what_was_done_, {});
    fault_.end(now_us, "the history can be written again after " +
                           base::format_duration_us(now_us - fault_.began_at_us()) + "; " + lost +
                           (done.empty() ? "" : "; " + done));
  }
  if (refused.scans > 0 || refused.others > 0)
    queue_.push(core::ServiceEvent{now_us, "gap", lost + " while the history could not be written"});
}

/// Somebody has written to the file: that may be a person's lawful change, or damage that our own cache of it hides.
void HistoryAccess::check_for_damage() {
  const std::int64_t now_us = steady_now_us();
  if (!file_.history().wal().was_file_written_by_others()) return look_at_pages(now_us);
  if (now_us < check_again_at_us_) return;
  check_again_at_us_ = now_us + kCheckEvery_us;
  damage_ = file_.damage();
}

/// A little of it with each batch, from the start on, and all of it twice a day. A suspicion is confirmed by reading
/// all of it at once.
void HistoryAccess::look_at_pages(std::int64_t now_us) {
  if (now_us < look_again_at_us_) return;
  store::History& history = file_.history();
  const std::string suspicion = history.look_at_pages(kBytesALook);
  if (history.has_looked_at_all()) look_again_at_us_ = now_us + kLookEvery_us;
  if (!suspicion.empty()) damage_ = file_.damage();
}

}  // namespace cgmm::daemon
