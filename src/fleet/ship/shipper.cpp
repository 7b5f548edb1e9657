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

constexpr std::size_t kMostOfWhy = 1000;  // bytes of the sentence
/// So often the engine refuses a batch before the bad rows in it are looked for.
constexpr std::int64_t kRefusals = 3;
/// If there are more in one batch, it is not the rows that are wrong.
constexpr std::int64_t kMostBadRows = 16;

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

/// It was restored from a backup, or salvaged without its end, and uses the numbers of lost rows again.
bool is_of_another_time(const ShipState& state, const Ends& ends) {
  return ends.newest.samples < state.forward.samples || ends.last_revision < state.forward.changes ||
         (state.sent_at_us != 0 && ends.sent_at_us && *ends.sent_at_us != state.sent_at_us);
}

}  // namespace

Shipper::Shipper(ShipperSettings settings, Destination& destination, const StateFile& file, ShipperHooks hooks)
    : settings_(std::move(settings)),
      destination_(destination),
      file_(file),
      hooks_(std::move(hooks)),
      reader_(settings_.history, settings_.node, settings_.ship),
      backoff_(settings_.seed) {}

void Shipper::read_state() {
  bool is_bad = false;
  state_ = file_.read(is_bad);
  if (is_bad) hooks_.warn("the state of `ship` can't be understood; the whole history is sent again");
}

/// How far the history reaches now, with the state that belongs to it.
void Shipper::begin() {
  if (!state_) read_state();
  const Ends& ends = ends_ = reader_.ends(state_ ? state_->forward.samples : 0);
  if (state_ && state_->history_id != ends.history_id) {
    hooks_.warn("the history was begun anew; what of the one before was not sent yet is not sent any more");
    state_.reset();
  }
  if (state_ && state_->node != settings_.node) {
    hooks_.warn("the node was called " + state_->node + " and is now called " + settings_.node +
                "; the whole history is sent under its new name");
    state_.reset();
  }
  if (!state_) is_engine_asked_ = false;
  if (state_ && is_of_another_time(*state_, ends)) {
    hooks_.warn(
        "the history is an earlier one, as after it was restored from a backup, or it has lost its end; it is sent "
        "again as a whole. What was sent of the time that is lost stays until rows with the same numbers come");
    start_timeline();
  }
  if (!is_engine_asked_) compare_with_engine();
  if (!state_) start();
  for (const Kind kind : {Kind::changes, Kind::hours}) {  // the newest may have been deleted
    std::int64_t& cursor = of(state_->forward, kind);
    cursor = std::min(cursor, of(ends_.newest, kind));
  }
}

/// Where the engine has more than the state knows of, it is not known what that is. So all is sent again.
void Shipper::compare_with_engine() {
  const auto last = hooks_.last_sent_at_us ? hooks_.last_sent_at_us(ends_.history_id) : std::nullopt;
  is_engine_asked_ = true;
  if (!last || *last <= (state_ ? state_->node_sent_at_us : 0)) return;
  if (state_) {
    hooks_.warn(
        "this history was sent later than the state of `ship` knows of, as after both were restored from a backup; the "
        "whole history is sent again");
  } else {
    start();
  }
  state_->node_sent_at_us = *last;
  start_timeline();
}

void Shipper::start() {
  ShipState state{.history_id = ends_.history_id,
                  .node = settings_.node,
                  .forward = ends_.newest,
                  .sent_at_us = ends_.newest_scan_at_us};
  state.backfill_end = {
      .changes = ends_.newest.changes, .samples = ends_.newest.samples, .hours = ends_.newest_hour_at_us};
  if (settings_.ship.samples == config::ShippedSamples::all)
    state.backfill_samples_left = reader_.samples_up_to(ends_.newest.samples);
  file_.write(state);
  state_ = std::move(state);
}

/// All is sent again, and replaces what was sent before.
void Shipper::start_timeline() {
  const ShipState before = *state_;
  start();
  state_->timeline = std::max(before.timeline + 1, hooks_.wall_now_us() / base::kSecond_us);
  state_->lost_samples = before.lost_samples;
  state_->lost_scans = before.lost_scans;
  state_->refused_rows = before.refused_rows;
  state_->failing = before.failing;
  state_->taken_at_us = before.taken_at_us;
  state_->node_sent_at_us = before.node_sent_at_us;
  file_.write(*state_);
}

void Shipper::send(const Piece& piece) {
  destination_.insert(piece.table, piece.columns, piece.gzipped_rows);
  Sent& sent = sent_[std::string(piece.table)];
  sent.rows += piece.row_count;
  sent.bytes += piece.bytes;
  sent.gzipped_bytes += std::ssize(piece.gzipped_rows);
}

void Shipper::send(const std::vector<Piece>& pieces) {
  for (const Piece& piece : pieces) send(piece);
}

/// Returns how many rows were left out.
std::int64_t Shipper::send_but_bad_rows(const std::vector<Piece>& pieces) {
  std::int64_t refused_rows = 0;
  for (const Piece& piece : pieces) {
    try {
      send(piece);
    } catch (const DestinationError& error) {
      send_parts(piece, error, refused_rows);
    }
  }
  return refused_rows;
}

void Shipper::send_parts(const Piece& piece, const DestinationError& why, std::int64_t& refused_rows) {
  if (why.refusal() != Refusal::bad_rows) throw why;
  if (piece.row_count == 1) {
    if (++refused_rows > kMostBadRows) throw why;
    hooks_.warn("a row of table " + std::string(piece.table) + " is left out: " + why.what());
    return;
  }
  for (const Piece& half : halves_of(piece)) {
    try {
      send(half);
    } catch (const DestinationError& error) {
      send_parts(half, error, refused_rows);
    }
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
  const auto read = reader_.read(
      batch.planned.range, state_->history_id,
      has_incidents ? BatchReader::Incidents::with_samples : BatchReader::Incidents::without_samples, state_->timeline);
  if (!read) throw HistoryReplaced();
  try {
    if (batch.refused_count < kRefusals) {
      send(read->pieces);
    } else {
      state_->refused_rows += send_but_bad_rows(read->pieces);
    }
  } catch (const DestinationError& error) {
    if (error.refusal() == Refusal::bad_rows) {
      ++state_->in_flight->refused_count;
      file_.write(*state_);
    }
    throw;
  }
  count_lost(batch.lane, batch.planned.range, *read);
  of(is_forward ? state_->forward : state_->backfill, batch.planned.range.kind) = batch.planned.cursor;
  if (is_forward && batch.planned.range.kind == Kind::samples) state_->sent_at_us = read->last_scan_at_us;
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
  state_->node_sent_at_us = now_us;  // before it is sent: the engine never has a later one
  file_.write(*state_);
  send(reader_.read_node({{"machine_id", text_or_null(settings_.machine_id)},
                          {"cluster", settings_.ship.cluster},
                          {"zone", settings_.ship.zone},
                          {"pool", settings_.ship.pool},
                          {"clock_difference_us", difference_us ? core::Cell{*difference_us} : core::Cell{}},
                          {"lost_samples", state_->lost_samples},
                          {"lost_rows", state_->lost_scans},
                          {"refused_rows", state_->refused_rows},
                          {"now_us", now_us}}));
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
    end_failure();
  } catch (const DestinationError& error) {
    note_failure(error.what());
    throw;
  }
}

/// For `status` and the check. If the state can't be written, the next round says so.
void Shipper::note_failure(const std::string& why) {
  if (!state_) return;
  const std::int64_t since_us = state_->failing ? state_->failing->since_us : hooks_.wall_now_us();
  state_->failing = {.since_us = since_us, .why = why.substr(0, kMostOfWhy)};
  try {
    file_.write(*state_);
  } catch (const std::system_error&) {
  }
}

/// Tells of it where it is new.
std::int64_t Shipper::wait_after(Refusal refusal, const std::string& why) {
  const std::int64_t wait_us = backoff_.after(refusal);
  if (failure_ == why) return wait_us;
  hooks_.warn("the history can't be sent: " + why + "; next attempt in " + base::format_duration_us(wait_us));
  failure_ = why;
  note_failure(why);
  return wait_us;
}

void Shipper::end_failure() {
  if (!failure_.empty())
    hooks_.info("the history is sent again, after " + base::counted(backoff_.failures(), "failed attempt"));
  failure_.clear();
  backoff_.worked();
  if (!state_->failing) return;
  state_->failing.reset();
  file_.write(*state_);
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
      end_failure();
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
