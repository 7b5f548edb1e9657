// SPDX-License-Identifier: Apache-2.0
#pragma once

// The rows of sample_archive and all_samples, one after the other.

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/chunk.hpp"
#include "store/archived/chunk_cache.hpp"

namespace cgmm::store {

/// Columns of the tables: scan_id, cgroup_id, those of a chunk, and three more.
inline constexpr int kScanColumn = 0;
inline constexpr int kCgroupColumn = 1;
inline constexpr int kFirstValueColumn = 2;
inline constexpr int kCacheColumn = kFirstValueColumn + static_cast<int>(archive::kColumnCount);
inline constexpr int kHeldColumn = kCacheColumn + 1;
inline constexpr int kInstantColumn = kHeldColumn + 1;

/// From ... to, both included.
struct Span {
  std::int64_t from = INT64_MIN;
  std::int64_t to = INT64_MAX;

  bool is_empty() const { return from > to; }
};

/// What is asked for.
struct SamplesQuery {
  Span scans, cgroups;
  std::optional<Span> instants;
  bool backwards = false;
  std::uint64_t columns = ~std::uint64_t{0};  // a bit each
};

class SamplesCursor {
 public:
  /// with_recent: also those of the table `sample`.
  SamplesCursor(sqlite3* database, ChunkCache& cache, bool with_recent)
      : database_(database), cache_(cache), with_recent_(with_recent) {}
  ~SamplesCursor();
  SamplesCursor(const SamplesCursor&) = delete;
  SamplesCursor& operator=(const SamplesCursor&) = delete;

  void start(const SamplesQuery& query);
  bool at_end() const { return part_ == Part::none; }
  void next();
  void result(sqlite3_context* context, int column);

  std::int64_t scan_id() const;
  std::int64_t cgroup_id() const;

 private:
  enum class Part : std::uint8_t { none, archive, recent };
  struct Item {
    std::int64_t cgroup_id = 0;
    std::shared_ptr<archive::Chunk> chunk;  // nullptr: not read yet, or damaged
    bool is_read = false;
    std::optional<std::uint16_t> place{};  // in the chunk, if that is one of an instant
  };

  void bound_by_instants();
  void enter(Part part);
  void leave(Part part);
  bool enter_block(std::int64_t from);
  void list_cgroups();
  bool list_instant();
  void next_of_archive();
  bool find_in_block();
  archive::Chunk* chunk_of(Item& item);
  std::size_t place_of(const Item& item) const { return item.place ? *item.place : static_cast<std::size_t>(place_); }
  archive::Value value(std::size_t column);
  archive::Value reclaimable_cache();
  archive::Value held();
  std::optional<std::int64_t> at_us();
  std::optional<std::int64_t> instant_in_block() const { return (*instants_)[static_cast<std::size_t>(place_)]; }

  sqlite3* database_;
  ChunkCache& cache_;
  bool with_recent_;
  SamplesQuery query_;
  bool is_started_ = false;
  Part part_ = Part::none;

  // In the archive:
  Span archived_;  // scans
  std::int64_t block_ = 0;
  std::vector<Item> items_;  // in the order in which they are read
  archive::Columns columns_;
  std::shared_ptr<const ChunkCache::Instants> instants_;  // of the block
  std::size_t item_ = 0;
  std::int64_t place_ = 0, last_place_ = 0;

  Borrowed recent_;  // of the table `sample`
  bool recent_is_one_scan_ = false;
  Borrowed instant_;  // of a scan
};

}  // namespace cgmm::store
