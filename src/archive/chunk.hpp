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

/// A block are the scans whose ids have the same quotient by this: four hours of a scan every 10 s. A chunk has at most
/// so many samples.
inline constexpr std::int64_t kBlockScans = 1440;

/// The block of a scan; also of an id below 0.
constexpr std::int64_t block_of(std::int64_t scan_id) {
  return scan_id / kBlockScans - (scan_id % kBlockScans < 0 ? 1 : 0);
}
constexpr std::int64_t first_scan_of(std::int64_t block) { return block * kBlockScans; }
constexpr std::int64_t last_scan_of(std::int64_t block) { return first_scan_of(block) + (kBlockScans - 1); }
/// A file may name any block. Only from the first to the last of these, both functions have an answer.
inline constexpr std::int64_t kFirstBlock = block_of(INT64_MIN) + 1;
inline constexpr std::int64_t kLastBlock = block_of(INT64_MAX) - 1;

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

/// Columns, a bit each.
using Columns = std::bitset<kColumnCount>;

/// Collects the samples of one cgroup. Takes little memory: of each column it has what changed from sample to sample.
class Builder {
 public:
  Builder(std::int64_t cgroup_id, std::int64_t block) : cgroup_id_(cgroup_id), block_(block) {}

  /// In the order of the scans, each of which is of the block and comes once.
  void add(std::int64_t scan_id, const Row& row);
  std::size_t size() const { return size_; }
  std::int64_t first_scan_id() const { return first_scan_id_; }
  std::int64_t last_scan_id() const { return last_scan_id_; }

 private:
  friend class Encoder;
  struct Column {
    std::string changes;  // of each: samples since the one before, then whether it is a number, and its difference
    Value last;
    std::uint32_t changed_at = 0;  // the sample of the last change
    std::int64_t last_number = 0;
  };

  std::int64_t cgroup_id_;
  std::int64_t block_;
  std::size_t size_ = 0;
  std::int64_t first_scan_id_ = 0, last_scan_id_ = 0;
  std::bitset<kBlockScans> places_;
  std::array<Column, kColumnCount> columns_;
};

/// Has the compressor's memory, a quarter of a megabyte.
class Encoder {
 public:
  Encoder();
  ~Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  std::string encode(const Builder& builder);

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

/// Has the decompressor's memory.
class Decoder {
 public:
  Decoder();
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// What Chunk reads, until the next call. Throws BadChunk.
  std::string_view decompress(std::string_view data);

 private:
  struct Decompressor;
  std::unique_ptr<Decompressor> decompressor_;
};

/// The samples of a chunk. A column is decoded as far as it is read: from one sample to the next, that is one step, and
/// some steps to one before it.
class Chunk {
 public:
  /// Keeps what these columns need. Throws BadChunk if it can't be a chunk of this cgroup and block.
  Chunk(Decoder& decoder, std::string_view data, std::int64_t cgroup_id, std::int64_t block,
        const Columns& columns = Columns().set());

  std::size_t size() const { return size_; }
  const Columns& columns() const { return wanted_; }
  /// Whether it has a sample of the block's scan at this place, from 0 to kBlockScans - 1.
  bool has(std::size_t place) const { return ((places_[place / 64] >> (place % 64)) & 1) != 0; }
  /// Of the scan at a place that it has. A column that ends before its last sample has NULL from there on.
  Value value(std::size_t column, std::size_t place);
  /// About what it takes.
  std::size_t bytes() const { return sizeof(Chunk) + bytes_.size() + columns_.size() * kColumnBytes; }

 private:
  struct Mark {  // where to go on reading
    std::uint32_t at = 0;
    std::int64_t present = 0;  // the last number that is not NULL
  };
  struct Column {  // where it has been read up to
    std::uint8_t id = 0, kind = 0;
    bool is_cut = false;               // it ended too early
    std::uint32_t begin = 0, end = 0;  // of its bytes
    std::uint32_t next_index = 0;      // of a sample
    Mark next;
    Value value;              // of the one before
    std::vector<Mark> marks;  // at every kMarkedAt samples
  };
  static constexpr std::size_t kMarkedAt = 128;
  static constexpr std::size_t kColumnBytes = sizeof(Column) + kBlockScans / kMarkedAt * sizeof(Mark);
  static constexpr std::size_t kWords = (static_cast<std::size_t>(kBlockScans) + 63) / 64;
  std::size_t index_of(std::size_t place) const;
  std::size_t read_header(std::string_view payload, std::int64_t cgroup_id, std::int64_t block);
  void keep(std::string_view bodies);
  Value value_at(Column& column, std::size_t index);
  void go_back(Column& column, std::size_t index) const;
  void read_to(Column& column, std::size_t index) const;

  Columns wanted_;
  std::string bytes_;
  std::array<std::uint64_t, kWords> places_{};        // a bit each
  std::array<std::uint16_t, kWords> samples_before_;  // these 64 places
  std::size_t size_ = 0;
  std::array<std::int8_t, kColumnCount> column_at_;  // in columns_; -1: the chunk does not have it
  std::vector<Column> columns_;
};

}  // namespace cgmm::archive
