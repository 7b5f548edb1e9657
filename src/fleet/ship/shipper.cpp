// SPDX-License-Identifier: Apache-2.0
#include "fleet/ship/shipper.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "base/units.hpp"
#include "net/wait.hpp"
#include "store/error.hpp"

namespace cgmm::fleet {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMostOfRefusal = 1000;  // bytes of the sentence

/// While it was read: the next round begins with the new one.
struct HistoryReplaced {};

std::int64_t& of(Cursors& cursors, Kind kind) {
  switch (kind) {
    case Kind::changes:
      return cursors.changes;
    case Kind::samples:
      return cursors.samples;
    case Kind::hours:
      break;
  }
  return cursors.hours;
}

}  // namespace

Shipper::Shipper(ShipperSettings settings, Destination& destination, const StateFile& file, ShipperHooks hooks)
    : settings_(std::move(settings)),
      destination_(destination),
      file_(file),
      hooks_(std::move(hooks)),
      reader_(settings_.history, settings_.node, settings_.ship),
      backoff_(settings_.seed) {}

/// How far the history reaches now, with the state that belongs to it.
void Shipper::begin() {
  const Ends& ends = ends_ = reader_.ends();
  if (!state_) {
    bool is_bad = false;
    state_ = file_.read(is_bad);
    if (is_bad) hooks_.warn("the state of `ship` can't be understood; the whole history is sent again");
  }
  if (state_ && state_->history_id != ends.history_id) {
    hooks_.warn("the history was begun anew; what of the one before was not sent yet is not sent any more");
    state_.reset();
  }
  if (state_ && state_->node != settings_.node) {
    hooks_.warn("the node was called " + state_->node + " and is now called " + settings_.node +
                "; the whole history is sent under its new name");
    state_.reset();
  }
  if (!state_) start();
  // A salvaged history may have lost its end, and one from a backup has none: it uses the same numbers again.
  for (const Kind kind : {Kind::changes, Kind::samples, Kind::hours}) {
    std::int64_t& cursor = of(state_->forward, kind);
    cursor = std::min(cursor, of(ends_.newest, kind));
  }
}

void Shipper::start() {
  ShipState state{.history_id = ends_.history_id, .node = settings_.node, .forward = ends_.newest};
  state.backfill_end = {
      .changes = ends_.newest.changes, .samples = ends_.newest.samples, .hours = ends_.newest_hour_at_us};
  if (settings_.ship.samples == config::ShippedSamples::all)
    state.backfill_samples_left = reader_.samples_up_to(ends_.newest.samples);
  file_.write(state);
  state_ = std::move(state);
}

void Shipper::send(const std::vector<Piece>& pieces) {
  for (const Piece& piece : pieces) {
    destination_.insert(piece.table, piece.columns, piece.gzipped_rows);
    Sent& sent = sent_[std::string(piece.table)];
    sent.rows += piece.row_count;
    sent.bytes += piece.bytes;
    sent.gzipped_bytes += std::ssize(piece.gzipped_rows);
  }
}

/// False: there is none.
bool Shipper::ship_next(Lane lane, const std::optional<Planned>& planned) {
  if (planned) ship({.lane = lane, .planned = *planned});
  return planned.has_value();
}

void Shipper::ship(const InFlight& batch) {
  if (state_->in_flight != batch) {
    ShipState next = *state_;
    next.in_flight = batch;
    file_.write(next);
    state_ = std::move(next);
  }
  const bool is_forward = batch.lane == Lane::forward;
  const auto samples = settings_.ship.samples;
  const bool has_incidents = samples == config::ShippedSamples::incidents ||
                             (samples == config::ShippedSamples::all && is_forward);  // before their time
  const auto read =
      reader_.read(batch.planned.range, state_->history_id,
                   has_incidents ? BatchReader::Incidents::with_samples : BatchReader::Incidents::without_samples);
  if (!read) throw HistoryReplaced();
  send(read->pieces);
  count_lost(batch.lane, batch.planned.range, *read);
  of(is_forward ? state_->forward : state_->backfill, batch.planned.range.kind) = batch.planned.cursor;
  state_->in_flight.reset();
  state_->taken_at_us = hooks_.wall_now_us();
  file_.write(*state_);
}

/// What was in the range and is not any more. Of scans in the backfill that were gone before, nobody knows.
void Shipper::count_lost(Lane lane, const Range& range, const Batch& batch) {
  if (range.kind != Kind::samples) return;
  const bool has_samples = settings_.ship.samples == config::ShippedSamples::all;
  if (lane == Lane::forward) {
    const std::int64_t lost_scans = range.to - range.after - batch.scan_count;
    state_->lost_scans += lost_scans;
    // Hours are found by their scans: all are sent again, because some of these may be missed.
    if (lost_scans > 0) {
      state_->backfill.hours = 0;
      state_->backfill_end.hours = ends_.newest_hour_at_us;
    }
    if (has_samples) state_->lost_samples += batch.recorded_sample_count - batch.sample_count;
  } else if (has_samples) {
    state_->backfill_samples_left -= batch.sample_count;
  }
}

bool Shipper::ship_forward(Kind kind) {
  return ship_next(Lane::forward, reader_.next(kind, of(state_->forward, kind), of(ends_.newest, kind)));
}

/// What is small and answers most goes first. False: all of it was sent.
bool Shipper::ship_backfill() {
  const Cursors& at = state_->backfill;
  const Cursors& end = state_->backfill_end;
  if (ship_next(Lane::backfill, reader_.next(Kind::changes, at.changes, end.changes)) ||
      ship_next(Lane::backfill, reader_.next_old_hours(at.hours, end.hours)) ||
      ship_next(Lane::backfill, reader_.next(Kind::samples, at.samples, end.samples)))
    return true;
  if (at == end && state_->backfill_samples_left == 0) return false;
  // Retention was faster with the rest.
  state_->lost_samples += std::max<std::int64_t>(std::exchange(state_->backfill_samples_left, 0), 0);
  state_->backfill = state_->backfill_end;
  file_.write(*state_);
  return false;
}

void Shipper::ship_node() {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? core::Cell{} : core::Cell{text}; };
  const std::int64_t now_us = std::max(hooks_.wall_now_us(), state_->node_sent_at_us + 1);
  const auto difference_us = hooks_.clock_difference_us ? hooks_.clock_difference_us() : std::nullopt;
  send(reader_.read_node({{"machine_id", text_or_null(settings_.machine_id)},
                          {"cluster", settings_.ship.cluster},
                          {"zone", settings_.ship.zone},
                          {"pool", settings_.ship.pool},
                          {"clock_difference_us", difference_us ? core::Cell{*difference_us} : core::Cell{}},
                          {"lost_samples", state_->lost_samples},
                          {"lost_rows", state_->lost_scans},
                          {"now_us", now_us}}));
  state_->node_sent_at_us = now_us;
  state_->taken_at_us = now_us;
  file_.write(*state_);
}

Shipper::Left Shipper::round(const Due& due) {
  try {
    return round_of_one_history(due);
  } catch (const HistoryReplaced&) {
    return {.samples = true, .backfill = true};
  }
}

Shipper::Left Shipper::round_of_one_history(const Due& due) {
  begin();
  Left left;
  if (const auto in_flight = state_->in_flight) ship(*in_flight);
  if (due.events) {
    while (ship_forward(Kind::changes)) {
    }
  }
  if (due.samples) {
    left.samples = ship_forward(Kind::samples) || ship_forward(Kind::hours);
    if (!left.samples) ship_node();
  }
  if (due.events) left.backfill = ship_backfill();
  return left;
}

void Shipper::ship_all() {
  try {
    Left left;
    do left = round({});
    while (left.samples);
    while (left.backfill) left = round({.events = true, .samples = false});
    while (round({.events = false, .samples = true}).samples) {  // of meanwhile; last the node, with what was lost
    }
  } catch (const DestinationError& error) {
    note_refusal(error.what());
    throw;
  }
}

/// For `status`. If the state can't be written, the next round says so.
void Shipper::note_refusal(const std::string& why) {
  if (!state_) return;
  state_->refused_at_us = hooks_.wall_now_us();
  state_->refusal = why.substr(0, kMostOfRefusal);
  try {
    file_.write(*state_);
  } catch (const std::system_error&) {
  }
}

/// Tells of it where it is new.
std::int64_t Shipper::wait_after(Refusal refusal, const std::string& why) {
  const std::int64_t wait_us = backoff_.after(refusal);
  if (failure_ != why)
    hooks_.warn("the history can't be sent: " + why + "; next attempt in " + base::format_duration_us(wait_us));
  failure_ = why;
  note_refusal(why);
  return wait_us;
}

void Shipper::run(int stop_fd) {
  const auto random_part = [&](std::int64_t time_us) { return microseconds(backoff_.share_of(time_us, 0)); };
  const microseconds events_every(settings_.ship.events_every_us), samples_every(settings_.ship.samples_every_us);
  auto events_at = steady_clock::now() + random_part(settings_.ship.events_every_us);
  auto samples_at = steady_clock::now() + random_part(settings_.ship.samples_every_us);
  auto wake_at = std::min(events_at, samples_at);
  while (net::wait_for(-1, 0, {.end = wake_at, .stop_fd = stop_fd}) != net::Woken::stopped) {
    const auto now = steady_clock::now();
    const Due due{.events = now >= events_at, .samples = now >= samples_at};
    const auto failed = [&](Refusal refusal, const std::string& why) {
      if (net::wait_for(-1, 0, {.end = now, .stop_fd = stop_fd}) == net::Woken::stopped) return;  // that is why
      wake_at = steady_clock::now() + microseconds(wait_after(refusal, why));
    };
    try {
      const Left left = round(due);
      if (!failure_.empty())
        hooks_.info("the history is sent again, after " + base::counted(backoff_.failures(), "failed attempt"));
      failure_.clear();
      backoff_.worked();
      if (due.events) events_at = now + events_every;
      if (due.samples && !left.samples) samples_at = now + samples_every;
      wake_at = std::min(events_at, samples_at);
    } catch (const DestinationError& error) {
      failed(error.refusal(), error.what());
    } catch (const ShipError& error) {
      failed(Refusal::permanent, error.what());
    } catch (const store::StoreError& error) {
      failed(Refusal::transient, error.what());
    } catch (const std::system_error& error) {
      failed(Refusal::transient, error.what());
    }
  }
}

}  // namespace cgmm::fleet
