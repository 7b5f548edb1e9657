// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/maintenance.hpp"

#include <spdlog/spdlog.h>

#include <exception>

#include "base/units.hpp"
#include "daemon/clock.hpp"

namespace cgmm::daemon {

std::string Maintenance::work(store::History& history) {
  const std::int64_t now_us = wall_now_us();
  std::string damage;
  try {
    history.maintain(now_us);
    size_.end(now_us, "old records can be deleted again");
  } catch (const std::exception& error) {
    if (!size_.is_on())
      size_.begin(now_us,
                  std::string("old records can't be deleted, the history may outgrow max_size: ") + error.what());
    if (store::is_damage(error)) damage = error.what();
  }
  const store::History::Room room = history.room();
  if (!room.wal_is_held) {
    reader_.end(now_us, "the database's WAL can be moved into the file again");
  } else if (!reader_.is_on()) {
    reader_.begin(now_us, "somebody has been reading the database for long: its WAL has grown to " +
                              base::format_bytes(static_cast<std::uint64_t>(room.wal_bytes)) +
                              " and can't be moved into the file; near max_size scans will be lost");
  }
  if (!room.is_losing) tell_lost_scans(now_us);
  return damage;
}

void Maintenance::tell_lost_scans(std::int64_t now_us) {
  if (lost_scans_ == 0) return;
  const std::string lost =
      std::to_string(lost_scans_) + (lost_scans_ == 1 ? " scan was lost: " : " scans were lost: ") +
      "max_size left no room while the WAL could not be moved into the file, mostly because somebody reads for long";
  spdlog::warn("{}", lost);
  queue_.push(core::ServiceEvent{now_us, "gap", lost});
  lost_scans_ = 0;
}

}  // namespace cgmm::daemon
