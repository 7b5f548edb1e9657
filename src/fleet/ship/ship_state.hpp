// SPDX-License-Identifier: Apache-2.0
#pragma once

// How far `ship` has come: a small JSON file of its own, replaced as a whole, so that it is whole after a crash. Two
// processes can't use it at once. One thread.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "fleet/ship/batch_reader.hpp"

namespace cgmm::fleet {

enum class Lane : std::uint8_t {
  forward,   // what is new since `ship` was at work first
  backfill,  // what was there then
};

struct InFlight {
  Lane lane = Lane::forward;
  Planned planned;
  friend bool operator==(const InFlight&, const InFlight&) = default;
};

struct ShipState {
  std::string history_id;
  std::string node;
  Cursors forward;
  Cursors backfill, backfill_end;
  std::int64_t backfill_samples_left = 0;  // of those that were there at the begin
  std::optional<InFlight> in_flight;       // may have been sent or not
  std::int64_t lost_samples = 0;           // that were gone before they were sent
  std::int64_t lost_scans = 0;
  std::int64_t node_sent_at_us = 0;
  // For `status`. 0 and "" in a state that an earlier version wrote.
  std::int64_t taken_at_us = 0;    // when the engine last took something
  std::int64_t refused_at_us = 0;  // when an attempt last failed, also if others worked since
  std::string refusal;             // why
  friend bool operator==(const ShipState&, const ShipState&) = default;
};

std::string to_json(const ShipState& state);
/// nullopt: it is none.
std::optional<ShipState> state_from_json(const std::string& text);

class StateFile {
 public:
  enum class Mode : std::uint8_t { keeps, only_reads };  // only_reads: write() does nothing
  /// Takes the lock of the file. Throws ShipError where another process has it, std::system_error with the path.
  explicit StateFile(std::filesystem::path file, Mode mode = Mode::keeps);

  /// nullopt: there is none, or it can't be understood; then `is_bad` is set. Throws std::system_error.
  std::optional<ShipState> read(bool& is_bad) const;
  /// On disk when it returns. Throws std::system_error; the file is as it was then.
  void write(const ShipState& state) const;

 private:
  std::filesystem::path file_;
  Mode mode_;
  base::Fd lock_;
};

}  // namespace cgmm::fleet
