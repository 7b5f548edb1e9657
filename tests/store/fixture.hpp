// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the store's tests share: a directory with a database in it, scans in one line, and proof that nothing
// was touched.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "store/file/history_file.hpp"
#include "store/history.hpp"
#include "store/reader.hpp"
#include "support/temp_dir.hpp"
#include "support/tracked.hpp"

namespace cgmm::store {

inline constexpr std::int64_t kSecond = 1'000'000;
inline constexpr std::int64_t kNoon = 1'795'608'000 * kSecond;  // 2026-11-25T12:00:00Z

inline std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline void overwrite_bytes(const std::filesystem::path& file, std::int64_t offset, std::string_view bytes) {
  std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(offset);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Every file of a directory: its name, size, a hash of its bytes, and its time of change.
using Traces = std::map<std::string, std::tuple<std::size_t, std::size_t, std::int64_t>>;
inline Traces traces_in(const std::filesystem::path& directory) {
  Traces traces;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    struct stat info{};
    ::stat(entry.path().c_str(), &info);
    const std::string bytes = entry.is_regular_file() ? bytes_of(entry.path()) : "";
    traces[entry.path().filename()] = {bytes.size(), std::hash<std::string>{}(bytes),
                                       info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
  }
  return traces;
}

/// The StoreError that `act` throws, as "kind" and sentence.
template <class Act>
std::pair<StoreError::Kind, std::string> refusal_of(Act act) {
  try {
    act();
  } catch (const StoreError& error) {
    return {error.kind(), error.what()};
  }
  ADD_FAILURE() << "nothing was refused";
  return {StoreError::Kind::missing, ""};
}
inline std::pair<StoreError::Kind, std::string> refused(StoreError::Kind kind, const std::string& sentence) {
  return {kind, sentence};
}

inline std::string shown(const core::Cell& cell) {
  struct Show {
    std::string operator()(std::monostate) const { return "NULL"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return std::to_string(value); }
    std::string operator()(const std::string& text) const { return text; }
  };
  return std::visit(Show{}, cell);
}

/// A row a line, cells with '|' between them.
inline std::string shown(const core::Table& table) {
  std::string text;
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) text += (i == 0 ? "" : "|") + shown(row[i]);
    text += "\n";
  }
  return text;
}

class StoreTest : public testing::Test {
 protected:
  const std::filesystem::path& directory() const { return directory_.path(); }
  std::filesystem::path file() const { return directory() / "history.db"; }

  std::int64_t page_bytes() const { return std::stoll(query("PRAGMA page_size")); }

  std::string query(std::string_view sql) const { return shown(Reader(file()).run(sql)); }

  /// As the service has it, with the directory and the lock.
  struct Service {
    explicit Service(const std::filesystem::path& name) : file(name) { file.begin(kNoon, ""); }
    HistoryFile file;
  };

  template <class... Records>
  static void store(History& history, const Records&... records) {
    history.begin();
    (history.record(records), ...);
    history.commit();
  }

  /// A history with one run of one scan, stopped in order: nothing but the file itself is left.
  void make_history() const {
    History history(file());
    history.begin_run(kNoon, "");
    store(history, core::Scan{.started_at_us = kNoon, .rows = {{.cgroup = test::tracked(1, {"/web", 7})}}});
    history.end_run(kNoon + kSecond, "");
  }

 private:
  test::TempDir directory_;
};

}  // namespace cgmm::store
