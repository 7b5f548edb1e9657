// SPDX-License-Identifier: Apache-2.0
#pragma once

// Sends the local history to an engine, each row at least once, and keeps up with it. There are two lanes: forward is
// what is new since this node was first sent, backfill what was there then; a batch of it follows each round of
// forward. The cursor of a lane moves only after the engine has taken a batch. The batch that is on its way is on disk
// before it is sent, so that after a crash the same one is sent again: the engine tells equal rows by their keys. The
// history is the queue; what retention deletes from it before it was sent is counted. A history that was restored from
// a backup uses the numbers of its rows again: it is sent as a whole on a new timeline, whose rows replace those of the
// one before. Of rows that the engine refuses again and again the bad ones are found and left out, and counted. One
// thread.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "config.hpp"
#include "fleet/ship/backoff.hpp"
#include "fleet/ship/batch_reader.hpp"
#include "fleet/ship/destination.hpp"
#include "fleet/ship/ship_state.hpp"

namespace cgmm::fleet {

struct ShipperSettings {
  std::filesystem::path history;
  config::Ship ship;
  std::string node;        // what it is called; not empty
  std::string machine_id;  // "": not known
  std::uint64_t seed = 0;  // another one on every node, so that not all send at the same time
};

/// What it asks and tells.
struct ShipperHooks {
  std::function<std::int64_t()> wall_now_us;
  std::function<std::optional<std::int64_t>()> clock_difference_us;  // the node's less the engine's; nullopt: not known
  /// When the node was last sent with this history, as the engine has it; nullopt: never. May throw DestinationError.
  std::function<std::optional<std::int64_t>(const std::string& history_id)> last_sent_at_us;
  std::function<void(const std::string& sentence)> info, warn;
};

/// Of one table.
struct Sent {
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
  std::int64_t gzipped_bytes = 0;
};

class Shipper {
 public:
  /// All borrowed outlive it.
  Shipper(ShipperSettings settings, Destination& destination, const StateFile& file, ShipperHooks hooks);

  struct Due {
    bool events = true;
    bool samples = true;
  };
  struct Left {
    bool samples = false;
    bool backfill = false;
  };
  /// Sends all events that are due, one batch of samples or hours, and with the events one batch of backfill. What is
  /// left can be sent at once. Throws DestinationError, ShipError, store::StoreError, std::system_error; another round
  /// goes on from there.
  Left round(const Due& due);

  /// Sends all that there is. Throws as round() does.
  void ship_all();

  /// Sends until `stop_fd` is readable. A failure is told when it begins and when it ends.
  void run(int stop_fd);

  /// By the fleet's tables, since this object was made. Rows that were sent twice count twice.
  const std::map<std::string, Sent, std::less<>>& sent() const { return sent_; }
  /// nullopt: before the first round.
  const std::optional<ShipState>& state() const { return state_; }

 private:
  Left round_of_one_history(const Due& due);
  void begin();
  void read_state();
  void compare_with_engine();
  void start();
  void start_timeline();
  bool ship_next(Lane lane, const std::optional<Planned>& planned);
  void ship(const InFlight& batch);
  void count_lost(Lane lane, const Range& range, const Batch& batch);
  bool ship_forward(Kind kind);
  bool ship_backfill();
  void send(const std::vector<Piece>& pieces);
  void send(const Piece& piece);
  std::int64_t send_but_bad_rows(const std::vector<Piece>& pieces);
  void send_parts(const Piece& piece, const DestinationError& why, std::int64_t& refused_rows);
  void ship_node();
  void note_failure(const std::string& why);
  std::int64_t wait_after(Refusal refusal, const std::string& why);
  void end_failure();

  ShipperSettings settings_;
  Destination& destination_;
  const StateFile& file_;
  ShipperHooks hooks_;
  BatchReader reader_;
  Backoff backoff_;
  Ends ends_;  // when the round began
  std::optional<ShipState> state_;
  bool is_engine_asked_ = false;  // when this history was last sent
  std::map<std::string, Sent, std::less<>> sent_;
  std::string failure_;  // that was told; empty: there is none
};

}  // namespace cgmm::fleet
