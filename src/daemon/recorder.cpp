// SPDX-License-Identifier: Apache-2.0
#include "daemon/recorder.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <exception>

#include "core/text.hpp"
#include "core/units.hpp"
#include "daemon/clock.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::chrono::milliseconds kRetryEvery{1000};
constexpr int kNameTries = 60;  // one with every scan
constexpr std::size_t kMaxNameless = 20'000;

}  // namespace

void Recorder::run() {
  for (;;) {
    const std::vector<Record> batch = queue_.take();
    if (batch.empty()) break;
    bool recorded = record(batch);
    while (!recorded && queue_.wait_to_retry(kRetryEvery)) recorded = record(batch);
    if (!recorded && !record(batch)) {
      spdlog::error("{} records could not be written before the stop and are lost: {}", batch.size(), fault_);
    }
    queue_.done(batch);
  }
  try {
    history_.end_run(wall_now_us(), "stopped");
  } catch (const std::exception& error) {
    spdlog::error("the stop could not be recorded: {}", error.what());
  }
}

bool Recorder::record(const std::vector<Record>& batch) {
  try {
    store(batch);
  } catch (const std::exception& error) {
    history_.rollback();
    if (store::is_bad_record(error)) return record_one_by_one(batch);
    fault_begins(error.what());
    return false;
  }
  fault_ends();
  name_containers(batch);
  tend();
  return true;
}

/// What the history needs beside what is recorded: to be tidied, and room.
void Recorder::tend() {
  const std::int64_t now_us = wall_now_us();
  const auto tell = [&](bool begins, bool& is_told, const char* fault, const std::string& detail) {
    if (begins == is_told) return;
    is_told = begins;
    spdlog::log(begins ? spdlog::level::warn : spdlog::level::info, "{}", core::escape_for_terminal(detail));
    queue_.push(core::ServiceEvent{now_us, begins ? "fault_begin" : "fault_end", detail, fault});
  };
  std::string untidy;
  try {
    history_.tidy(now_us);
  } catch (const std::exception& error) {
    untidy = error.what();
  }
  tell(!untidy.empty(), tidy_fault_told_, "history_size",
       untidy.empty() ? "the history is tidied again" : "the history can't be tidied, it may outgrow max_size: " + untidy);
  const store::History::Room room = history_.room();
  tell(room.log_is_held, reader_told_, "reader",
       room.log_is_held ? "somebody has been reading the database for long: its log has grown to " +
                              core::format_bytes(static_cast<std::uint64_t>(room.log_bytes)) +
                              " and can't be taken up; near max_size scans will be lost"
                        : "the database's log is taken up again");
  if (room.wants_announcement) {
    queue_.ask_for_announcement();
  } else if (room.lost_scans > lost_scans_told_) {
    const std::string lost = std::to_string(room.lost_scans - lost_scans_told_) +
                             " scans were lost: max_size left no room while somebody was reading the database";
    spdlog::warn("{}", lost);
    queue_.push(core::ServiceEvent{now_us, "gap", lost});
    lost_scans_told_ = room.lost_scans;
  }
}

/// Those of the batch that are new, and those that had no name yet.
void Recorder::name_containers(const std::vector<Record>& batch) {
  const std::int64_t now_us = wall_now_us();
  std::vector<Record> found;
  // Whether all is known of it now.
  const auto is_named = [&](core::NamedCgroup& one) {
    const auto names = names_.names_of(one.container, now_us);
    if (!names) return false;
    if (*names != one.names) {
      one.names = *names;
      found.emplace_back(one);
    }
    return !names->container.empty();
  };
  const auto add = [&](const core::CgroupId& id, const core::ContainerIdentity& container) {
    if (container.container_id.empty()) return;
    core::NamedCgroup one{.id = id, .container = container, .names = {}};
    if (is_named(one) || names_.directory().empty() || nameless_.size() >= kMaxNameless) return;
    nameless_.push_back({std::move(one), kNameTries});
  };
  for (const Record& record : batch) {
    if (const auto* scan = std::get_if<core::Scan>(&record)) {
      if (!scan->is_partial) std::erase_if(nameless_, [&](Nameless& one) { return is_named(one.cgroup) || --one.tries_left <= 0; });
      for (const core::AppearedCgroup& one : scan->appeared) add(one.id, one.container);
    } else if (const auto* kill = std::get_if<core::OomKill>(&record)) {
      add(kill->id, kill->container);
    }
  }
  if (!found.empty()) store_names(found);
}

void Recorder::store_names(const std::vector<Record>& names) {
  try {
    store(names);
  } catch (const std::exception& error) {
    history_.rollback();
    spdlog::warn("the names of {} containers could not be recorded: {}", names.size(),
                 core::escape_for_terminal(error.what()));
    for (const Record& record : names) {  // with the next scan
      nameless_.push_back({std::get<core::NamedCgroup>(record), kNameTries});
      nameless_.back().cgroup.names = {};
    }
  }
}

void Recorder::store(std::span<const Record> records) {
  history_.begin();
  for (const Record& record : records) {
    std::visit([this](const auto& one) { history_.record(one); }, record);
  }
  history_.commit();
}

/// To find out which one is bad. When the disk fails in the middle, all are tried again: a scan may then be on record twice,
/// which is better than not at all.
bool Recorder::record_one_by_one(const std::vector<Record>& batch) {
  for (const Record& record : batch) {
    try {
      store({&record, 1});
    } catch (const std::exception& error) {
      history_.rollback();
      if (!store::is_bad_record(error)) {
        fault_begins(error.what());
        return false;
      }
      queue_.ask_for_announcement();
      spdlog::critical("a record can't be stored and is given up, please report this: {}",
                       core::escape_for_terminal(error.what()));
    }
  }
  return true;
}

void Recorder::fault_begins(const std::string& why) {
  fault_ = why;
  if (fault_began_at_us_ != 0) return;
  fault_began_at_us_ = wall_now_us();
  queue_.push(core::ServiceEvent{fault_began_at_us_, "fault_begin", "history can't be written: " + why, "history"});
  spdlog::error("the history can't be written: {}; scans wait in memory, reclaim goes on, trying again every second",
                core::escape_for_terminal(why));
}

void Recorder::fault_ends() {
  const RecordQueue::Refused refused = queue_.take_refused();
  if (fault_began_at_us_ == 0 && refused.scans == 0 && refused.others == 0) return;
  const std::int64_t now_us = wall_now_us();
  const std::string lost = std::to_string(refused.scans) + " scans and " + std::to_string(refused.others) +
                           " other records were lost";
  if (fault_began_at_us_ != 0) {
    spdlog::warn("the history can be written again after {}; {}",
                 core::format_duration_us(now_us - fault_began_at_us_), lost);
    queue_.push(core::ServiceEvent{now_us, "fault_end", "history can be written again; " + lost, "history"});
  }
  if (refused.scans > 0 || refused.others > 0) {
    queue_.push(core::ServiceEvent{now_us, "gap", lost + " while the history could not be written"});
  }
  fault_began_at_us_ = 0;
}

}  // namespace cgmm::daemon
