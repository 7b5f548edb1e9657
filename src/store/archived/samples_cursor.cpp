// SPDX-License-Identifier: Apache-2.0
#include "store/archived/samples_cursor.hpp"

#include <algorithm>
#include <utility>

namespace cgmm::store {
namespace {

void tell(sqlite3_context* context, const std::optional<std::int64_t>& value) {
  if (value) {
    sqlite3_result_int64(context, *value);
  } else {
    sqlite3_result_null(context);
  }
}

constexpr std::size_t number_of(std::string_view column) {
  for (std::size_t i = 0; i < archive::kColumnCount; ++i) {
    if (archive::kColumns[i] == column) return i;
  }
  throw "no such column";
}

/// Of a chunk, what these columns of the table need.
archive::Columns packed_columns(std::uint64_t columns) {
  archive::Columns packed;
  const auto is_used = [&](int column) { return ((columns >> column) & 1) != 0; };
  for (std::size_t i = 0; i < archive::kColumnCount; ++i) packed[i] = is_used(kFirstValueColumn + static_cast<int>(i));
  const auto add = [&](auto... names) { (packed.set(number_of(names)), ...); };
  if (is_used(kCacheColumn) || is_used(kHeldColumn))
    add("file_kib", "shmem_kib", "inactive_file_kib", "active_file_kib", "shmem_unknown");
  if (is_used(kHeldColumn)) add("usage_kib", "slab_reclaimable_kib");
  return packed;
}

/// first - second; nullopt where that is no number.
archive::Value less(std::int64_t first, std::int64_t second) {
  std::int64_t result = 0;
  return __builtin_sub_overflow(first, second, &result) ? std::nullopt : archive::Value(result);
}

/// Of the table `sample`, only the columns that are asked for: the others cost time, too.
std::string recent_sql(const SamplesQuery& query, bool is_one_scan, const ChunkCache& cache) {
  std::string columns = "scan_id, cgroup_id";
  const auto add = [&](int column, std::string_view name) {
    const bool is_used = ((query.columns >> column) & 1) != 0;
    columns += ", " + (is_used && cache.has_sample_column(name) ? std::string(name) : "NULL");
  };
  for (std::size_t i = 0; i < archive::kColumnCount; ++i)
    add(kFirstValueColumn + static_cast<int>(i), archive::kColumns[i]);
  add(kCacheColumn, "reclaimable_cache_kib");
  add(kHeldColumn, "held_kib");
  const std::string order = query.backwards ? " DESC" : "";
  return "SELECT " + columns + " FROM main.sample WHERE " +
         (is_one_scan ? "scan_id = ?1" : "scan_id >= ?1 AND scan_id <= ?2") +
         " AND cgroup_id >= ?3 AND cgroup_id <= ?4 ORDER BY scan_id" + order + ", cgroup_id" + order;
}

}  // namespace

SamplesCursor::~SamplesCursor() {
  cache_.give_back(std::move(recent_));
  cache_.give_back(std::move(instant_));
}

void SamplesCursor::start(const SamplesQuery& query) {
  // In a transaction, all that one statement reads is of one moment.
  if (!is_started_ || sqlite3_get_autocommit(database_) != 0) cache_.refresh();
  is_started_ = true;
  const bool has_same_columns = query.columns == query_.columns && query.backwards == query_.backwards;
  if (!has_same_columns) cache_.give_back(std::exchange(recent_, {}));
  query_ = query;
  columns_ = packed_columns(query_.columns);
  if (query_.instants) bound_by_instants();
  part_ = Part::none;
  if (query_.scans.is_empty() || query_.cgroups.is_empty()) return;
  archived_ = cache_.archived_to() == INT64_MIN
                  ? Span{1, 0}
                  : Span{std::max(query_.scans.from, archive::first_scan_of(archive::kFirstBlock)),
                         std::min({query_.scans.to, cache_.archived_to(), archive::last_scan_of(archive::kLastBlock)})};
  enter(query_.backwards ? Part::recent : Part::archive);
}

void SamplesCursor::bound_by_instants() {
  const Prepared ids = prepare(database_, cache_.in_schema("SELECT min(scan_id), max(scan_id) FROM main.scan "
                                                           "WHERE started_at_us >= ?1 AND started_at_us <= ?2"));
  sqlite3_bind_int64(ids.get(), 1, query_.instants->from);
  sqlite3_bind_int64(ids.get(), 2, query_.instants->to);
  const bool has_some = next_row(ids.get()) && sqlite3_column_type(ids.get(), 0) != SQLITE_NULL;
  if (!has_some) {
    query_.scans = {1, 0};
    return;
  }
  query_.scans.from = std::max<std::int64_t>(query_.scans.from, sqlite3_column_int64(ids.get(), 0));
  query_.scans.to = std::min<std::int64_t>(query_.scans.to, sqlite3_column_int64(ids.get(), 1));
}

/// The first row of this part, or of the following one.
void SamplesCursor::enter(Part part) {
  part_ = part;
  if (part == Part::archive) {
    const std::int64_t from = query_.backwards ? archived_.to : archived_.from;
    if (archived_.is_empty() || !enter_block(archive::block_of(from))) leave(part);
    return;
  }
  Span scans = query_.scans;
  if (scans.from <= cache_.archived_to()) scans.from = std::min(cache_.archived_to(), INT64_MAX - 1) + 1;
  if (!with_recent_ || scans.is_empty()) return leave(part);
  const bool is_one_scan = scans.from == scans.to;
  if (recent_.get() == nullptr || is_one_scan != recent_is_one_scan_) {
    cache_.give_back(std::exchange(recent_, {}));
    recent_ = cache_.take(recent_sql(query_, is_one_scan, cache_));
    recent_is_one_scan_ = is_one_scan;
  } else {
    sqlite3_reset(recent_.get());
  }
  sqlite3_bind_int64(recent_.get(), 1, scans.from);
  sqlite3_bind_int64(recent_.get(), 2, scans.to);
  sqlite3_bind_int64(recent_.get(), 3, query_.cgroups.from);
  sqlite3_bind_int64(recent_.get(), 4, query_.cgroups.to);
  if (!next_row(recent_.get())) leave(part);
}

void SamplesCursor::leave(Part part) {
  if (part == Part::recent && recent_.get() != nullptr) sqlite3_reset(recent_.get());
  items_.clear();
  const Part last = query_.backwards ? Part::archive : Part::recent;
  part_ = Part::none;
  if (part != last) enter(last);
}

/// The first row from this block on. False: there is none.
bool SamplesCursor::enter_block(std::int64_t from) {
  const bool is_one = query_.cgroups.from == query_.cgroups.to;
  const auto one = is_one ? std::optional(query_.cgroups.from) : std::nullopt;
  const std::int64_t step = query_.backwards ? -1 : 1;
  // Of one scan there is one block, and its chunks are looked for in any case.
  const bool is_one_block = archive::block_of(archived_.from) == archive::block_of(archived_.to);
  for (auto block = is_one_block ? std::optional(from) : cache_.next_block(from, one, query_.backwards); block;
       block = is_one_block ? std::nullopt : cache_.next_block(*block + step, one, query_.backwards)) {
    if (*block < archive::block_of(archived_.from) || *block > archive::block_of(archived_.to)) return false;
    block_ = *block;
    instants_ = cache_.instants_of(block_);
    if (archived_.from != archived_.to || !list_instant()) list_cgroups();
    if (query_.backwards) std::ranges::reverse(items_);
    const std::int64_t first_of_block = archive::first_scan_of(block_);
    const std::int64_t lowest = std::max(archived_.from, first_of_block) - first_of_block;
    const std::int64_t highest = std::min(archived_.to, archive::last_scan_of(block_)) - first_of_block;
    place_ = query_.backwards ? highest : lowest;
    last_place_ = query_.backwards ? lowest : highest;
    item_ = 0;
    if (find_in_block()) return true;
  }
  return false;
}

/// Those of the block.
void SamplesCursor::list_cgroups() {
  items_.clear();
  if (query_.cgroups.from == query_.cgroups.to) {
    items_.push_back({.cgroup_id = query_.cgroups.from});
    return;
  }
  const auto cgroups = cache_.cgroups_of(block_);
  const auto first = std::ranges::lower_bound(*cgroups, query_.cgroups.from);
  const auto end = std::ranges::upper_bound(*cgroups, query_.cgroups.to);
  for (auto at = first; at < end; ++at) items_.push_back({.cgroup_id = *at});
}

/// Those of the one scan that is asked for, if the archive has them beside the chunks. False: it does not.
bool SamplesCursor::list_instant() {
  const std::int64_t scan_id = archived_.from;
  const auto blocks = cache_.instant_of(scan_id);
  items_.clear();
  for (const std::int64_t block : *blocks) {
    if (block < archive::kFirstBlock || block > archive::kLastBlock) return false;  // it is damaged
    const std::int64_t first = archive::first_scan_of(block), last = archive::last_scan_of(block);
    if (last < query_.cgroups.from || first > query_.cgroups.to) continue;
    const auto chunk = cache_.instant(block, scan_id, columns_);
    if (chunk == nullptr) return false;
    const std::int64_t end = std::min(last, query_.cgroups.to);
    for (std::int64_t id = std::max(first, query_.cgroups.from); id <= end; ++id) {
      const auto place = static_cast<std::uint16_t>(id - first);
      if (chunk->has(place)) items_.push_back({.cgroup_id = id, .chunk = chunk, .is_read = true, .place = place});
    }
  }
  return !blocks->empty();
}

/// From this place and item on, the first that has a sample. False: there is none.
bool SamplesCursor::find_in_block() {
  const std::int64_t step = query_.backwards ? -1 : 1;
  for (; query_.backwards ? place_ >= last_place_ : place_ <= last_place_; place_ += step, item_ = 0) {
    for (; item_ < items_.size(); ++item_) {
      const archive::Chunk* const chunk = chunk_of(items_[item_]);
      if (chunk == nullptr || !chunk->has(place_of(items_[item_]))) continue;
      if (instant_in_block()) return true;
      tell_damage(block_, items_[item_].cgroup_id, "scans of it are lost, and with them the times");
    }
  }
  return false;
}

archive::Chunk* SamplesCursor::chunk_of(Item& item) {
  if (!item.is_read) {
    item.chunk = cache_.chunk(block_, item.cgroup_id, columns_);
    item.is_read = true;
  }
  return item.chunk.get();
}

void SamplesCursor::next() {
  if (part_ == Part::archive) {
    next_of_archive();
  } else if (part_ == Part::recent && !next_row(recent_.get())) {
    leave(part_);
  }
}

void SamplesCursor::next_of_archive() {
  ++item_;
  if (find_in_block()) return;
  const std::int64_t next_block = block_ + (query_.backwards ? -1 : 1);
  if (next_block < archive::block_of(archived_.from) || next_block > archive::block_of(archived_.to) ||
      !enter_block(next_block))
    leave(part_);
}

std::int64_t SamplesCursor::scan_id() const {
  return part_ == Part::archive ? archive::first_scan_of(block_) + place_
                                : sqlite3_column_int64(recent_.get(), kScanColumn);
}

std::int64_t SamplesCursor::cgroup_id() const {
  return part_ == Part::archive ? items_[item_].cgroup_id : sqlite3_column_int64(recent_.get(), kCgroupColumn);
}

void SamplesCursor::result(sqlite3_context* context, int column) {
  if (column == kInstantColumn) return tell(context, at_us());
  if (part_ == Part::recent) return sqlite3_result_value(context, sqlite3_column_value(recent_.get(), column));
  if (column == kScanColumn) return tell(context, scan_id());
  if (column == kCgroupColumn) return tell(context, cgroup_id());
  if (column == kCacheColumn) return tell(context, reclaimable_cache());
  if (column == kHeldColumn) return tell(context, held());
  tell(context, value(static_cast<std::size_t>(column - kFirstValueColumn)));
}

archive::Value SamplesCursor::value(std::size_t column) {
  Item& item = items_[item_];
  return chunk_of(item)->value(column, place_of(item));
}

/// As the table `sample` computes it (schema/0007_every_container.sql).
archive::Value SamplesCursor::reclaimable_cache() {
  const auto file = value(number_of("file_kib"));
  if (const auto shmem = value(number_of("shmem_kib"))) {
    const auto cache = file ? less(*file, *shmem) : std::nullopt;
    return cache ? archive::Value(std::max<std::int64_t>(*cache, 0)) : std::nullopt;
  }
  const auto inactive = value(number_of("inactive_file_kib"));
  const auto active = value(number_of("active_file_kib"));
  std::int64_t listed = 0;
  if (file && inactive && active && !__builtin_add_overflow(*inactive, *active, &listed))
    return std::min(*file, listed);
  return value(number_of("shmem_unknown")).value_or(0) != 0 ? std::nullopt : file;
}

archive::Value SamplesCursor::held() {
  const auto usage = value(number_of("usage_kib"));
  if (!usage) return std::nullopt;
  const auto without_cache = less(*usage, reclaimable_cache().value_or(0));
  const auto rest =
      without_cache ? less(*without_cache, value(number_of("slab_reclaimable_kib")).value_or(0)) : std::nullopt;
  return rest ? archive::Value(std::max<std::int64_t>(*rest, 0)) : std::nullopt;
}

std::optional<std::int64_t> SamplesCursor::at_us() {
  if (part_ == Part::archive) return instant_in_block();
  if (instant_.get() == nullptr) instant_ = cache_.take("SELECT started_at_us FROM main.scan WHERE scan_id = ?1");
  sqlite3_bind_int64(instant_.get(), 1, scan_id());
  const bool is_known = next_row(instant_.get()) && sqlite3_column_type(instant_.get(), 0) != SQLITE_NULL;
  const auto at = is_known ? std::optional<std::int64_t>(sqlite3_column_int64(instant_.get(), 0)) : std::nullopt;
  sqlite3_reset(instant_.get());
  return at;
}

}  // namespace cgmm::store
