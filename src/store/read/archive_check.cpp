// SPDX-License-Identifier: Apache-2.0
#include "store/read/archive_check.hpp"

#include <SQLiteCpp/Database.h>

#include <algorithm>

#include "archive/chunk.hpp"
#include "store/archived/damaged_chunks.hpp"
#include "store/file/open.hpp"
#include "store/refusal.hpp"
#include "store/statement.hpp"

namespace cgmm::store {
namespace {

ArchiveState look(SQLite::Database& database) {
  ArchiveState state;
  if (!database.tableExists("archive_chunk")) return state;  // of an earlier version
  Statements sql(database);
  archive::Decoder decoder;
  for (Use row =
           sql.use("SELECT cgroup_id, block, data, sample_count, first_at_us, "
                   "(SELECT count(*) FROM scan WHERE scan_id IN (first_scan_id, last_scan_id)) = 1 + (first_scan_id "
                   "<> last_scan_id) FROM archive_chunk ORDER BY chunk_id");
       row.step();) {
    ++state.chunks;
    const std::int64_t cgroup_id = row.integer(0), block = row.integer(1);
    try {
      const archive::Chunk chunk(decoder, row.bytes(2), cgroup_id, block, archive::Columns());
      if (static_cast<std::int64_t>(chunk.size()) != row.integer(3))
        throw archive::BadChunk("its row has another number of samples");
      state.samples += row.integer(3);
      if (const auto at_us = row.number(4)) state.since_at_us = std::min(state.since_at_us.value_or(*at_us), *at_us);
      if (row.integer(5) == 0) ++state.chunks_without_times;
    } catch (const archive::BadChunk& bad) {
      if (state.damaged_chunks++ == 0) state.first_damage = damage_in_words(block, cgroup_id, bad.what());
    }
  }
  return state;
}

}  // namespace

ArchiveState look_at_archive(const std::filesystem::path& file) {
  const auto stamp = stamp_of(file);
  if (!stamp) throw missing(file);
  return as_refusal(file, [&] {
    SQLite::Database database = open_for_reading(file, *stamp);
    return look(database);
  });
}

}  // namespace cgmm::store
