// SPDX-License-Identifier: Apache-2.0
#include "store/reader.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <memory>
#include <optional>
#include <utility>

#include "store/file/open.hpp"
#include "store/read/guarded_query.hpp"
#include "store/read/older.hpp"
#include "store/refusal.hpp"

namespace cgmm::store {
namespace {

/// How often to read again a file that changes while it is read without locks.
constexpr int kAttempts = 5;

}  // namespace

struct Reader::Impl {
  explicit Impl(std::filesystem::path name) : file(std::move(name)) {}

  /// A read without locks is valid only if nobody wrote meanwhile.
  bool outdated() const { return !(stamp && stamp->wal_pending) && stamp_of(file) != stamp; }

  void open() {
    connection.reset();
    stamp = stamp_of(file);
    if (!stamp || inspect(file, Thoroughness::header) == Content::none) throw missing(file);
    try {
      connection.emplace(open_for_reading(file, *stamp));
      read_as_current(*connection);
    } catch (const SQLite::Exception& error) {
      throw refusal(file, error);
    }
  }

  /// Calls `read`, and calls it again if the file was written meanwhile.
  template <class Read>
  auto undisturbed(Read read) {
    for (int attempt = 1;; ++attempt) {
      try {
        if (!connection || outdated()) open();
        auto result = read();
        if (attempt == kAttempts || !outdated()) return result;
      } catch (const StoreError&) {
        if (attempt == kAttempts || !outdated()) throw;
      }
      connection.reset();
    }
  }

  std::filesystem::path file;
  std::optional<FileStamp> stamp;  // at opening
  std::optional<SQLite::Database> connection;
};

Reader::Reader(const std::filesystem::path& file) : impl_(std::make_unique<Impl>(file)) {
  impl_->undisturbed([] { return true; });
}

Reader::~Reader() = default;

core::Table Reader::run(std::string_view sql, const core::Parameters& parameters) {
  return impl_->undisturbed([&] {
    try {
      return run_guarded(*impl_->connection, sql, parameters);
    } catch (const SQLite::Exception& error) {
      throw refusal(impl_->file, error);
    }
  });
}

}  // namespace cgmm::store
