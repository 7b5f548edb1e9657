// SPDX-License-Identifier: Apache-2.0
#include "store/age/old_chunks.hpp"

#include <algorithm>
#include <bitset>
#include <optional>
#include <string>
#include <vector>

#include "archive/chunk.hpp"
#include "store/age/archiver.hpp"
#include "store/age/instants.hpp"

namespace cgmm::store {
namespace {

using archive::first_scan_of;
using archive::kBlockScans;
using archive::last_scan_of;
using Places = std::bitset<static_cast<std::size_t>(kBlockScans)>;

constexpr std::int64_t kDroppedAtOnce = 150;   // some milliseconds
constexpr std::int64_t kRewrittenAtOnce = 12;  // they are unpacked

struct Block {
  std::int64_t first_scan_id = 0, last_scan_id = 0;
  Places stays;  // scans around an OOM kill
};

Block block_at(Statements& sql, std::int64_t block, std::int64_t incidents_before_us) {
  Block found{.first_scan_id = first_scan_of(block), .last_scan_id = last_scan_of(block)};
  for (Use scan = sql.use("SELECT scan_id FROM scan WHERE scan_id BETWEEN ?1 AND ?2 AND EXISTS (SELECT 1 FROM oom_kill "
                          "WHERE keeps_samples = 1 AND killed_at_us BETWEEN max(started_at_us - 300000000, ?3) "
                          "AND started_at_us + 1800000000)",
                          found.first_scan_id, found.last_scan_id, incidents_before_us);
       scan.step();)
    found.stays.set(static_cast<std::size_t>(scan.integer(0) - found.first_scan_id));
  return found;
}

/// Whether the block is old enough. nullopt: its age is not known.
std::optional<bool> is_old(Statements& sql, const OldSamples& which, std::int64_t block) {
  const auto newest_us = sql.number("SELECT max(last_at_us) FROM archive_chunk WHERE block = ?", block);
  if (!newest_us || *newest_us < which.before_us) return true;
  const bool is_ahead = *newest_us > which.now_us + (which.makes_room ? kAhead_us : 0);
  if (!is_ahead && (!which.makes_room || last_scan_of(block) > which.set_back_scan_id)) return false;
  return which.makes_room ? std::optional(true) : std::nullopt;
}

/// Whether these were the last of the block.
bool drop_all(Statements& sql, std::int64_t block, std::int64_t& dropped_count) {
  const auto end = sql.number("SELECT cgroup_id FROM archive_chunk WHERE block = ? ORDER BY cgroup_id LIMIT 1 OFFSET ?",
                              block, kDroppedAtOnce - 1);
  dropped_count += sql.number("SELECT sum(sample_count) FROM archive_chunk WHERE block = ? AND cgroup_id <= ?", block,
                              end.value_or(INT64_MAX))
                       .value_or(0);
  sql.execute("DELETE FROM archive_chunk WHERE block = ? AND cgroup_id <= ?", block, end.value_or(INT64_MAX));
  return !end;
}

struct Stored {
  std::int64_t chunk_id = 0, cgroup_id = 0, sample_count = 0;
};

/// A chunk of those of its samples that stay. A damaged one has none.
void rewrite(Statements& sql, std::int64_t block, const Block& scans, const Stored& stored,
             std::int64_t& dropped_count) {
  std::string data;
  {
    Use row = sql.use("SELECT data FROM archive_chunk WHERE chunk_id = ?", stored.chunk_id);
    if (row.step()) data = row.bytes(0);
  }
  archive::Builder rest(stored.cgroup_id, block);
  try {
    archive::Decoder decoder;
    archive::Chunk chunk(decoder, data, stored.cgroup_id, block);
    for (std::size_t place = 0; place < scans.stays.size(); ++place) {
      if (!scans.stays[place] || !chunk.has(place)) continue;
      archive::Row row;
      for (std::size_t i = 0; i < row.size(); ++i) row[i] = chunk.value(i, place);
      rest.add(scans.first_scan_id + static_cast<std::int64_t>(place), row);
    }
  } catch (const archive::BadChunk&) {
    rest = archive::Builder(stored.cgroup_id, block);
  }
  dropped_count += stored.sample_count - static_cast<std::int64_t>(rest.size());
  if (rest.size() == 0) {
    sql.execute("DELETE FROM archive_chunk WHERE chunk_id = ?", stored.chunk_id);
    return;
  }
  archive::Encoder encoder;
  const std::string smaller = encoder.encode(rest);
  sql.execute(
      "UPDATE archive_chunk SET first_scan_id = ?2, last_scan_id = ?3, sample_count = ?4, data = ?5, "
      "first_at_us = (SELECT min(started_at_us) FROM scan WHERE scan_id BETWEEN ?2 AND ?3), "
      "last_at_us = (SELECT max(started_at_us) FROM scan WHERE scan_id BETWEEN ?2 AND ?3) WHERE chunk_id = ?1",
      stored.chunk_id, rest.first_scan_id(), rest.last_scan_id(), static_cast<std::int64_t>(rest.size()),
      Blob{smaller});
}

/// Whether these were the last of the block.
bool keep_some(Statements& sql, std::int64_t block, const Block& scans, ChunkPosition& position,
               std::int64_t& dropped_count) {
  std::int64_t first_id = INT64_MAX, last_id = INT64_MIN;  // of those that stay
  for (std::size_t place = 0; place < scans.stays.size(); ++place) {
    if (!scans.stays[place]) continue;
    last_id = scans.first_scan_id + static_cast<std::int64_t>(place);
    if (first_id == INT64_MAX) first_id = last_id;
  }
  std::vector<Stored> with_others;
  // Whether a chunk has others is told without decoding it. So one that is all between two kills of a block stays, too.
  for (Use row = sql.use("SELECT chunk_id, cgroup_id, sample_count FROM archive_chunk WHERE block = ?1 AND "
                         "cgroup_id > ?2 AND (first_scan_id < ?3 OR last_scan_id > ?4 OR sample_count > ?5) "
                         "ORDER BY cgroup_id LIMIT ?6",
                         block, position.cgroup_id, first_id, last_id, static_cast<std::int64_t>(scans.stays.count()),
                         kRewrittenAtOnce);
       row.step();)
    with_others.push_back({row.integer(0), row.integer(1), row.integer(2)});
  for (const Stored& stored : with_others) {
    rewrite(sql, block, scans, stored, dropped_count);
    position.cgroup_id = stored.cgroup_id;
  }
  return static_cast<std::int64_t>(with_others.size()) < kRewrittenAtOnce;
}

/// Blocks up to this scan are complete, or nothing of them is left in `sample`.
std::int64_t complete_to(Statements& sql) {
  const auto first_sample = sql.number("SELECT scan_id FROM sample ORDER BY scan_id LIMIT 1");
  return std::max(archived_to(sql), first_sample ? *first_sample - 1 : INT64_MAX);
}

}  // namespace

bool drop_chunks(Statements& sql, const OldSamples& which, ChunkPosition& position, std::int64_t& dropped_count) {
  const auto block = sql.number("SELECT min(block) FROM archive_chunk WHERE block > ?", position.block);
  if (!block || last_scan_of(*block) > std::min(which.to_scan_id, complete_to(sql))) return false;
  const auto old = is_old(sql, which, *block);
  if (old == false) return false;
  bool is_done = true;
  if (old) {
    drop_instants_of_block(sql, *block);
    const Block scans = block_at(sql, *block, which.incidents_before_us);
    is_done = scans.stays.none() ? drop_all(sql, *block, dropped_count)
                                 : keep_some(sql, *block, scans, position, dropped_count);
    if (is_done) {  // never the last scan: its id would be used again
      sql.execute(
          "DELETE FROM scan WHERE scan_id BETWEEN ?1 AND ?2 AND is_partial = 1 "
          "AND scan_id <> (SELECT max(scan_id) FROM scan) AND NOT EXISTS (SELECT 1 FROM archive_chunk WHERE block = "
          "?3)",
          scans.first_scan_id, scans.last_scan_id, *block);
    }
  }
  if (is_done) position = {.block = *block, .cgroup_id = INT64_MIN};
  return true;
}

}  // namespace cgmm::store
