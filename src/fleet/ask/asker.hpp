// SPDX-License-Identifier: Apache-2.0
#pragma once

// Asks ClickHouse, and has answers as tables, as store::Reader has those of a local history. It only reads, and takes
// less time and fewer rows than its bounds: a user who may do no more than read suffices. One thread.

#include <chrono>
#include <cstdint>
#include <string>

#include "config.hpp"
#include "core/table.hpp"
#include "fleet/engine/clickhouse.hpp"
#include "report/catalog.hpp"

namespace cgmm::fleet {

class Asker {
 public:
  /// Throws DestinationError where the settings name no address.
  explicit Asker(const config::Ship& settings, std::chrono::milliseconds timeout = std::chrono::minutes(10));

  /// One statement of the user's own, without FORMAT. Throws DestinationError.
  void run(const std::string& sql, core::RowSink& rows);
  /// A question of fleet/: its parameters have these values.
  void ask(const report::Report& question, const core::Parameters& parameters, core::RowSink& rows);
  /// The same under its title.
  core::Table answer_to(const report::Report& question, const core::Parameters& parameters,
                        std::size_t most_rows = core::kAllRows);
  core::Table answer_to(std::string_view name, const core::Parameters& parameters,
                        std::size_t most_rows = core::kAllRows);

  /// host:port
  std::string place() const { return engine_.place(); }

 private:
  const std::string& settings();

  ClickHouse engine_;
  std::string database_;
  std::chrono::milliseconds timeout_;
  std::string settings_;              // of a request; "": not asked yet
  std::string settings_of_question_;  // more of them
};

/// Reads an answer in the format TabSeparatedWithNamesAndTypes. NULL and nan are NULL: not known. What is no number is
/// text. Throws std::runtime_error where it is no such answer.
void read_answer(std::string_view body, core::RowSink& rows);

}  // namespace cgmm::fleet
