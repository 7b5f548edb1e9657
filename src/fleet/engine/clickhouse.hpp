// SPDX-License-Identifier: Apache-2.0
#pragma once

// A ClickHouse over HTTP, 18.16 or newer: rows go in, queries are answered. Of several addresses, that which answered
// last is asked first. The password is read from its file for each request, so a new one is used at once; it is in no
// sentence. One thread.

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config.hpp"
#include "fleet/engine/answer.hpp"
#include "fleet/ship/destination.hpp"
#include "net/http.hpp"

namespace cgmm::fleet {

struct EngineVersion {
  int major = 0;
  int minor = 0;
  auto operator<=>(const EngineVersion&) const = default;
};
inline constexpr EngineVersion kOldestEngine{18, 16};

class ClickHouse final : public Destination {
 public:
  /// `timeout`: of one request. `stop_fd`: readable ends a request with DestinationError(transient). Throws
  /// DestinationError where the settings name no address, or a wrong one.
  explicit ClickHouse(const config::Ship& settings, std::chrono::milliseconds timeout = std::chrono::seconds(60),
                      int stop_fd = -1);

  /// Where version() was asked before and is a late one, an insert waits also where it is asynchronous.
  void insert(std::string_view table, const std::vector<std::string>& columns, std::string_view gzipped_rows) override;
  /// The rows of an answer; for a statement, what it tells. Throws DestinationError.
  std::vector<EngineRow> query(const std::string& sql);
  /// The text of an answer. `sql` says in which format; `settings` is "" or "&name=value" of each. Throws
  /// DestinationError, with wrong_text where `sql` is wrong.
  std::string read(const std::string& sql, const std::string& settings);

  /// "18.16.1". Throws DestinationError, also for a version that is too old.
  const std::string& version();
  EngineVersion version_number();
  /// This machine's clock less the engine's, 0 where they may be the same: the engine tells whole seconds.
  std::int64_t clock_difference_us(const std::function<std::int64_t()>& wall_now_us);
  /// When the node was last sent with this history (table node); nullopt: never, or its shard is away.
  std::optional<std::int64_t> last_sent_at_us(const std::string& node, const std::string& history_id);
  /// host:port of the address in use.
  std::string place() const;

 private:
  std::string ask(const net::HttpRequest& request, bool to_read = false);
  std::string ask_one(const net::HttpRequest& request, bool to_read);
  Asked asked(bool to_read = false) const;

  config::Ship settings_;
  std::chrono::milliseconds timeout_;
  int stop_fd_;
  std::size_t current_ = 0;                // of settings_.urls
  std::optional<net::HttpClient> client_;  // of the current one
  std::string version_;
};

/// The first line of the file; "" without a file. Throws DestinationError(permanent) that says why not.
std::string password_in(const std::string& file);

}  // namespace cgmm::fleet
