// SPDX-License-Identifier: Apache-2.0
#include "store/read/export_file.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "base/fd.hpp"
#include "store/error.hpp"
#include "store/statement.hpp"

namespace cgmm::store {
namespace {

/// What `cgroup` has of each; in `sample` it would be there a million times.
constexpr std::string_view kOfCgroup[] = {"at", "path", "name", "workload", "namespace", "pod", "container"};

constexpr std::string_view kTexts[] = {"name",      "path",     "first_seen_at", "last_seen_at", "runtime",
                                       "qos_class", "pod_uid",  "container_id",  "namespace",    "pod",
                                       "container", "workload", "first_seen_by", "vanished_by",  "kind"};

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& why) {
  throw StoreError(StoreError::Kind::unusable, file.string() + " can't be written: " + why);
}

template <class Act>
void written(const std::filesystem::path& file, Act act) {
  try {
    act();
  } catch (const SQLite::Exception& error) {
    fail(file, in_words(error));
  }
}

}  // namespace

struct ExportFile::Impl {
  explicit Impl(const std::filesystem::path& file) : database(file.string(), SQLite::OPEN_READWRITE) {
    // It is complete or not there: nothing has to be undone in it.
    database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2048; BEGIN");
  }
  SQLite::Database database;
};

namespace {

/// Puts rows into a new table with their columns. The same row may come twice, when the history is read anew.
class Inserter final : public core::RowSink {
 public:
  struct Table {
    std::string name, key;
    std::span<const std::string_view> without = {};
  };
  Inserter(const std::filesystem::path& file, SQLite::Database& database, Table table)
      : file_(file), database_(database), table_(std::move(table)) {}

  /// Only rows with one of these.
  void take_only(const std::set<std::int64_t>& cgroups) { only_ = &cgroups; }
  /// Of the rows so far.
  const std::set<std::int64_t>& cgroups() const { return cgroups_; }

  void begin(const std::vector<std::string>& columns) override {
    if (insert_) return;
    std::string defined, places;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i] == "cgroup_id") cgroup_column_ = i;
      if (is_one_of(columns[i], table_.without)) continue;
      taken_.push_back(i);
      defined += columns[i] + (is_one_of(columns[i], kTexts) ? " TEXT, " : " INTEGER, ");
      places += places.empty() ? "?" : ", ?";
    }
    written(file_, [&] {
      database_.exec("CREATE TABLE " + table_.name + " (" + defined + "PRIMARY KEY (" + table_.key +
                     ")) WITHOUT ROWID");
      insert_.emplace(database_, "INSERT OR REPLACE INTO " + table_.name + " VALUES (" + places + ")");
    });
  }
  void add(std::vector<core::Cell> row) override {
    if (cgroup_column_) {
      const auto* const id = std::get_if<std::int64_t>(&row[*cgroup_column_]);
      if (only_ != nullptr && (id == nullptr || !only_->contains(*id))) return;
      if (id != nullptr) cgroups_.insert(*id);
    }
    written(file_, [&] {
      Use use(*insert_);
      for (const std::size_t column : taken_) std::visit([&](const auto& value) { use.bind(value); }, row[column]);
      use.step();
    });
  }

 private:
  const std::filesystem::path& file_;
  SQLite::Database& database_;
  Table table_;
  std::vector<std::size_t> taken_;
  std::optional<std::size_t> cgroup_column_;
  std::set<std::int64_t> cgroups_;
  const std::set<std::int64_t>* only_ = nullptr;
  std::optional<SQLite::Statement> insert_;
};

}  // namespace

ExportFile::ExportFile(std::filesystem::path name)
    : name_(std::move(name)), fresh_name_(name_.string() + ".new-" + std::to_string(::getpid())) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(name_, error)))
    throw StoreError(StoreError::Kind::unusable, name_.string() + " exists already: an export overwrites nothing");
  if (!base::Fd(::open(fresh_name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640)))
    fail(name_, std::generic_category().message(errno));
  try {
    written(name_, [&] { impl_ = std::make_unique<Impl>(fresh_name_); });
  } catch (...) {
    ::unlink(fresh_name_.c_str());
    throw;
  }
}

ExportFile::~ExportFile() {
  impl_.reset();
  ::unlink(fresh_name_.c_str());
}

void ExportFile::write(SamplesExport& from) {
  fill(from);  // has no statement any more when the file is closed
  finish();
}

void ExportFile::fill(SamplesExport& from) {
  Inserter samples(name_, impl_->database, {"sample", "scan_id, cgroup_id", kOfCgroup});
  while (from.next(samples)) {
  }
  Inserter scans(name_, impl_->database, {"scan", "scan_id"});
  from.scans(scans);
  Inserter cgroups(name_, impl_->database, {"cgroup", "cgroup_id"});
  cgroups.take_only(samples.cgroups());
  from.cgroups(cgroups);
}

void ExportFile::finish() {
  written(name_, [&] { impl_->database.exec("COMMIT"); });
  impl_.reset();
  const base::Fd file(::open(fresh_name_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || ::fsync(file.get()) != 0) fail(name_, std::generic_category().message(errno));
  // Both fail where there is something of this name by now. Not each file system has both.
  if (::renameat2(AT_FDCWD, fresh_name_.c_str(), AT_FDCWD, name_.c_str(), RENAME_NOREPLACE) == 0) return;
  if (errno != EINVAL || ::link(fresh_name_.c_str(), name_.c_str()) != 0)
    fail(name_, std::generic_category().message(errno));
}

}  // namespace cgmm::store
