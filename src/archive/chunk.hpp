// SPDX-License-Identifier: Apache-2.0
#pragma once

// A chunk of the archive: the samples of one cgroup in one block of scans, column by column. docs/archive.md has the
// format. What is read may come from anywhere: a damaged chunk is an error, never a crash, and takes little memory.
// Knows no SQL. One thread at a time.

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cgmm::archive {

/// A block are the scans whose ids have the same quotient by this. A chunk has at most so many samples.
inline constexpr std::int64_t kBlockScans = 512;

/// The block of a scan; also of an id below 0.
constexpr std::int64_t block_of(std::int64_t scan_id) {
  return scan_id / kBlockScans - (scan_id % kBlockScans < 0 ? 1 : 0);
}

/// The columns of the table `sample` that are stored, beyond its key. The number of a column is its place here, and is
/// part of the format: new columns come at the end.
inline constexpr auto kColumns = std::to_array<std::string_view>({"usage_kib",
                                                                  "anon_kib",
                                                                  "file_kib",
                                                                  "shmem_kib",
                                                                  "inactive_file_kib",
                                                                  "active_file_kib",
                                                                  "dirty_kib",
                                                                  "kernel_kib",
                                                                  "swap_kib",
                                                                  "pgfault",
                                                                  "pgmajfault",
                                                                  "refault_file",
                                                                  "refault_anon",
                                                                  "pgscan",
                                                                  "pgsteal",
                                                                  "limit_hits",
                                                                  "oom_kills",
                                                                  "psi_some_us",
                                                                  "psi_full_us",
                                                                  "slab_reclaimable_kib",
                                                                  "slab_unreclaimable_kib",
                                                                  "peak_kib",
                                                                  "low_events",
                                                                  "high_events",
                                                                  "oom_events",
                                                                  "oom_group_kills",
                                                                  "shmem_unknown"});
inline constexpr std::size_t kColumnCount = kColumns.size();

/// nullopt: NULL.
using Value = std::optional<std::int64_t>;
using Row = std::array<Value, kColumnCount>;

/// The chunk is damaged, or of a format that this version does not know.
struct BadChunk : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Collects the samples of one cgroup and encodes them.
class Builder {
 public:
  Builder(std::int64_t cgroup_id, std::int64_t block) : cgroup_id_(cgroup_id), block_(block) {}

  /// In the order of the scans, each of which is of the block and comes once.
  void add(std::int64_t scan_id, const Row& row);
  std::size_t size() const { return scan_ids_.size(); }
  std::int64_t first_scan_id() const { return scan_ids_.front(); }
  std::int64_t last_scan_id() const { return scan_ids_.back(); }

 private:
  friend class Encoder;
  struct Column {
    std::vector<std::int64_t> numbers;  // without NULL
    std::bitset<kBlockScans> is_number;
  };
  static std::string encode_column(const Column& column, std::size_t size, std::uint8_t& kind);

  std::int64_t cgroup_id_;
  std::int64_t block_;
  std::vector<std::int64_t> scan_ids_;
  std::array<Column, kColumnCount> columns_;
};

/// Has the compressor's memory, some hundred kilobytes.
class Encoder {
 public:
  Encoder();
  ~Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  std::string encode(const Builder& builder);

 private:
  struct Compressor;
  std::unique_ptr<Compressor> compressor_;
};

/// Has the decompressor's memory.
class Decoder {
 public:
  Decoder();
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// What Chunk reads. Throws BadChunk.
  std::string decompress(std::string_view data);

 private:
  struct Decompressor;
  std::unique_ptr<Decompressor> decompressor_;
};

/// The samples of a chunk. A column is decoded as far as it is read; from one sample to the next, that is one step.
class Chunk {
 public:
  /// Throws BadChunk if it can't be a chunk of this cgroup and block.
  Chunk(Decoder& decoder, std::string_view data, std::int64_t cgroup_id, std::int64_t block);

  std::size_t size() const { return size_; }
  /// Whether it has a sample of the block's scan at this place, from 0 to kBlockScans - 1.
  bool has(std::size_t place) const { return places_[place]; }
  /// Of the scan at a place that it has. Throws BadChunk.
  Value value(std::size_t column, std::size_t place);
  /// About what it takes.
  std::size_t bytes() const { return sizeof(Chunk) + payload_.size() + columns_.size() * sizeof(Column); }

 private:
  struct Column {  // where it has been read up to
    std::uint8_t kind = 0;
    std::uint32_t begin = 0, end = 0;  // of its bytes in the payload
    std::uint32_t at = 0;
    std::uint32_t next_index = 0;  // of a sample
    Value value;                   // of the one before
    std::int64_t present = 0;      // the last that is not NULL
  };
  std::size_t index_of(std::size_t place);
  void read_header(std::int64_t cgroup_id, std::int64_t block);
  void step(Column& column) const;

  std::string payload_;
  std::bitset<kBlockScans> places_;
  std::size_t size_ = 0;
  std::array<std::int8_t, kColumnCount> column_at_;  // in columns_; -1: the chunk does not have it
  std::vector<Column> columns_;
  std::size_t last_place_ = 0, last_index_ = 0;
};

}  // namespace cgmm::archive
