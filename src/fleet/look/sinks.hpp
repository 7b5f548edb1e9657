// SPDX-License-Identifier: Apache-2.0
#pragma once

// What looks at rows on their way from ClickHouse into a copy. Each passes them on. One thread.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/table.hpp"

namespace cgmm::fleet {

/// Counts the rows on their way, and remembers the last one.
class Counted final : public core::RowSink {
 public:
  explicit Counted(core::RowSink& into) : into_(into) {}
  void begin(const std::vector<std::string>& columns) override { into_.begin(columns); }
  void add(std::vector<core::Cell> row) override {
    ++count;
    last = row;
    into_.add(std::move(row));
  }
  std::int64_t count = 0;
  std::vector<core::Cell> last;

 private:
  core::RowSink& into_;
};

/// The columns have these names.
class Named final : public core::RowSink {
 public:
  Named(core::RowSink& into, std::vector<std::string> columns) : into_(into), columns_(std::move(columns)) {}
  void begin(const std::vector<std::string>&) override { into_.begin(columns_); }
  void add(std::vector<core::Cell> row) override { into_.add(std::move(row)); }

 private:
  core::RowSink& into_;
  std::vector<std::string> columns_;
};

/// Looks at the scans on their way: they are numbered one after the other, so it sees which are not there.
class Scans final : public core::RowSink {
 public:
  explicit Scans(core::RowSink& into) : into_(into) {}
  void begin(const std::vector<std::string>& columns) override {
    at_column_ = static_cast<std::size_t>(std::ranges::find(columns, "started_at_us") - columns.begin());
    into_.begin(columns);
  }
  void add(std::vector<core::Cell> row) override {
    started_at_us_.insert_or_assign(std::get<std::int64_t>(row.at(0)), std::get<std::int64_t>(row.at(at_column_)));
    into_.add(std::move(row));
  }
  struct Missing {
    std::int64_t count = 0;
    std::int64_t until_us = 0;  // the next one that is there
  };
  std::vector<Missing> missing() const {
    std::vector<Missing> all;
    for (auto next = started_at_us_.begin(), one = next; next != started_at_us_.end(); one = next++) {
      if (next->first - one->first > 1) all.push_back({next->first - one->first - 1, next->second});
    }
    return all;
  }

 private:
  core::RowSink& into_;
  std::size_t at_column_ = 0;
  std::map<std::int64_t, std::int64_t> started_at_us_;  // by scan_id
};

}  // namespace cgmm::fleet
