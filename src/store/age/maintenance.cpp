// SPDX-License-Identifier: Apache-2.0
#include "store/age/maintenance.hpp"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <utility>

#include "base/time.hpp"

namespace cgmm::store {
namespace {

/// Of max_size, when a reader keeps the WAL from being moved into the file.
constexpr std::int64_t kLeastRoomBytes = 256 * 1024;
/// Slices after a batch: so many, and one for so many samples.
constexpr std::int64_t kSlicesAtOnce = 4;
constexpr std::int64_t kSamplesASlice = 500;
constexpr std::int64_t kSlicesToMakeRoom = 64;
constexpr std::int64_t kSampleBytes = 150;  // at most, with its page's unused part
/// A rest ends with as many samples as one slice drops, because a transaction costs much the same however much it does.
constexpr std::int64_t kRestSamples = 4000;
constexpr std::int64_t kRest_us = 5 * base::kMinute_us;

}  // namespace

void Maintenance::set_settings(const core::RetentionSettings& settings) {
  settings_ = settings;
  retention_.set_bounds(settings);
  is_over_size_ = retention_.is_over_size();
  rests_since_us_.reset();
  wal_.set_max_size(settings.max_size_bytes);
}

std::int64_t Maintenance::slices_due() {
  if (!settings_) return 0;
  const std::int64_t sample_count = std::exchange(samples_since_work_, 0);
  samples_of_rest_ += sample_count;
  return is_over_size_ ? kSlicesToMakeRoom : kSlicesAtOnce + sample_count / kSamplesASlice;
}

bool Maintenance::rests(std::int64_t now_us) const {
  if (!settings_) return true;
  if (!rests_since_us_ || is_over_size_ || wal_.is_held() || wal_.has_failed() || samples_of_rest_ >= kRestSamples)
    return false;
  // An hour that is over is rolled up.
  return now_us >= *rests_since_us_ && now_us - *rests_since_us_ < kRest_us &&
         now_us / base::kHour_us == *rests_since_us_ / base::kHour_us;
}

bool Maintenance::work(std::int64_t now_us) {
  const bool did_something = retention_.work(now_us);
  rests_since_us_ = did_something ? std::nullopt : std::optional(now_us);
  samples_of_rest_ = 0;
  return did_something;
}

bool Maintenance::has_room(std::int64_t bytes) {
  return !settings_ || !wal_.is_held() || retention_.file_bytes() + wal_.bytes() + bytes <= settings_->max_size_bytes;
}

void Maintenance::require_room() {
  if (!settings_ || !wal_.is_held()) return;
  wal_.checkpoint();
  if (has_room(kLeastRoomBytes)) return;
  wal_.require_checkpoint();
  throw SQLite::Exception("its WAL has reached max_size, because somebody has been reading the database for long",
                          SQLITE_FULL);
}

bool Maintenance::has_room_for(std::size_t sample_count) {
  const auto count = static_cast<std::int64_t>(sample_count);
  if (settings_ && !has_room(count * kSampleBytes + settings_->max_size_bytes / 32)) return false;
  samples_since_work_ += count;
  samples_in_transaction_ += count;
  retention_.reserve(samples_in_transaction_ * kSampleBytes);
  return true;
}

void Maintenance::undo() {
  rests_since_us_.reset();
  retention_.undo();
}

}  // namespace cgmm::store
