// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include <bit>
#include <new>
#include <utility>

#include "archive/chunk.hpp"
#include "archive/format.hpp"
#include "archive/varint.hpp"

namespace cgmm::archive {
namespace {

constexpr std::size_t kPlacesBytes = (static_cast<std::size_t>(kBlockScans) + 7) / 8;

[[noreturn]] void bad(const char* what) { throw BadChunk(what); }

bool bit_at(std::string_view bytes, std::size_t at, std::size_t bit) {
  return ((static_cast<std::uint8_t>(bytes[at + bit / 8]) >> (bit % 8)) & 1) != 0;
}

bool is_known(std::uint8_t kind) {
  const int base = kind & kKindMask;
  return base == kVaries || (base == kConstant && (kind & kHasNulls) == 0) || kind == kAllNull;
}

}  // namespace

struct Decoder::Decompressor {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  std::string payload;

  Decompressor() = default;
  ~Decompressor() { ZSTD_freeDCtx(context); }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
};
Decoder::Decoder() : decompressor_(std::make_unique<Decompressor>()) {
  if (decompressor_->context == nullptr) throw std::bad_alloc();
}
Decoder::~Decoder() = default;

std::string_view Decoder::decompress(std::string_view data) {
  if (data.empty()) bad("it is empty");
  if (static_cast<std::uint8_t>(data[0]) != kFormat) bad("it has a format that this version does not know");
  data.remove_prefix(1);
  const unsigned long long size = ZSTD_getFrameContentSize(data.data(), data.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > kMaxPayloadBytes)
    bad("its size can't be right");
  std::string& payload = decompressor_->payload;
  if (payload.size() < size) payload.resize(static_cast<std::size_t>(size));
  const std::size_t written = ZSTD_decompressDCtx(decompressor_->context, payload.data(),
                                                  static_cast<std::size_t>(size), data.data(), data.size());
  if (ZSTD_isError(written) != 0) bad(ZSTD_getErrorName(written));
  if (written != size) bad("it has another size than it says");
  return std::string_view(payload).substr(0, written);
}

Chunk::Chunk(Decoder& decoder, std::string_view data, std::int64_t cgroup_id, std::int64_t block,
             const Columns& columns)
    : wanted_(columns) {
  const std::string_view payload = decoder.decompress(data);
  keep(payload.substr(read_header(payload, cgroup_id, block)));
}

/// Where the bytes of the columns begin. Until keep(), columns_ has all that are known, and where their bytes are among
/// those.
std::size_t Chunk::read_header(std::string_view payload, std::int64_t cgroup_id, std::int64_t block) {
  std::size_t at = 0;
  const auto number = [&] {
    const auto bits = get_varint(payload, at, payload.size());
    if (!bits) bad("its beginning is cut off");
    return *bits;
  };
  if (from_zigzag(number()) != cgroup_id || from_zigzag(number()) != block) bad("it belongs elsewhere");
  const std::uint64_t size = number();
  if (payload.size() - at < kPlacesBytes) bad("its beginning is cut off");
  for (std::size_t i = 0; i < kPlacesBytes; ++i)
    places_[i / 8] |= std::uint64_t{static_cast<std::uint8_t>(payload[at + i])} << (i % 8 * 8);
  at += kPlacesBytes;
  for (std::size_t i = 0; i < kWords; ++i) {
    samples_before_[i] = static_cast<std::uint16_t>(size_);
    size_ += static_cast<std::size_t>(std::popcount(places_[i]));
  }
  if (size != size_ || size_ == 0) bad("it has another number of samples than it says");
  const std::uint64_t column_count = number();
  if (column_count > kMaxColumns) bad("it has too many columns");
  column_at_.fill(-1);
  std::uint64_t bodies = 0;
  for (std::uint64_t i = 0; i < column_count; ++i) {
    if (payload.size() - at < 2) bad("its beginning is cut off");
    Column column{.id = static_cast<std::uint8_t>(payload[at]), .kind = static_cast<std::uint8_t>(payload[at + 1])};
    at += 2;
    const std::uint64_t length = number();
    if (length > payload.size()) bad("a column is longer than all of it");
    column.begin = static_cast<std::uint32_t>(bodies);
    bodies += length;
    column.end = static_cast<std::uint32_t>(bodies);
    if (column.id >= kColumnCount) continue;  // of a later version
    if (!is_known(column.kind) || column_at_[column.id] >= 0) bad("a column is none");
    column_at_[column.id] = static_cast<std::int8_t>(columns_.size());
    columns_.push_back(std::move(column));
  }
  if (bodies != payload.size() - at) bad("its columns are not as long as it says");
  return at;
}

/// Copies the columns that are wanted, and those that these are computed from.
void Chunk::keep(std::string_view bodies) {
  Columns needed = wanted_;
  for (const SumOf& one : kSums) {  // a sum comes before the sums that are its parts
    const int at = column_at_[one.column];
    if (!needed[one.column] || at < 0 || (columns_[static_cast<std::size_t>(at)].kind & kIsRest) == 0) continue;
    for (const std::size_t part : one.parts) needed.set(part);
  }
  std::vector<Column> kept;
  std::size_t bytes = 0;
  for (const Column& column : columns_) bytes += needed[column.id] ? column.end - column.begin : 0;
  bytes_.reserve(bytes);
  column_at_.fill(-1);
  for (Column column : columns_) {
    if (!needed[column.id]) continue;
    const std::string_view body = bodies.substr(column.begin, column.end - column.begin);
    column.begin = column.next.at = static_cast<std::uint32_t>(bytes_.size());
    bytes_ += body;
    column.end = static_cast<std::uint32_t>(bytes_.size());
    column_at_[column.id] = static_cast<std::int8_t>(kept.size());
    kept.push_back(std::move(column));
  }
  kept.shrink_to_fit();
  columns_ = std::move(kept);
}

/// How many samples are before it.
std::size_t Chunk::index_of(std::size_t place) const {
  const std::uint64_t before = places_[place / 64] & ((std::uint64_t{1} << (place % 64)) - 1);
  return samples_before_[place / 64] + static_cast<std::size_t>(std::popcount(before));
}

Value Chunk::value(std::size_t column, std::size_t place) {
  if (column_at_[column] < 0) return std::nullopt;
  return value_at(columns_[static_cast<std::size_t>(column_at_[column])], index_of(place));
}

Value Chunk::value_at(Column& column, std::size_t index) {
  if (column.kind == kAllNull) return std::nullopt;
  if (index + 1 < column.next_index) go_back(column, index);
  if (column.next_index <= index) read_to(column, index);
  if (!column.value || (column.kind & kIsRest) == 0) return column.value;
  const SumOf* const of = sum_of(column.id);
  if (of == nullptr) return std::nullopt;
  std::int64_t all = *column.value;
  for (const std::size_t id : of->parts) {
    if (column_at_[id] < 0) continue;
    Column& part = columns_[static_cast<std::size_t>(column_at_[id])];
    const Value value = value_at(part, index);
    if (part.is_cut) return std::nullopt;
    all = sum(all, value.value_or(0));
  }
  return all;
}

/// To the last mark that is not behind it.
void Chunk::go_back(Column& column, std::size_t index) const {
  if ((column.kind & kKindMask) == kConstant) return;  // all are the same
  const std::size_t mark = index / kMarkedAt;
  column.next_index = static_cast<std::uint32_t>(mark * kMarkedAt);
  column.is_cut = mark >= column.marks.size();
  if (!column.is_cut) column.next = column.marks[mark];
}

/// The next values, up to this sample's.
void Chunk::read_to(Column& column, std::size_t index) const {
  const bool is_constant = (column.kind & kKindMask) == kConstant, has_nulls = (column.kind & kHasNulls) != 0;
  const bool is_plain = is_constant || (column.kind & kIsPlain) != 0;
  const std::size_t bits_bytes = has_nulls ? (size_ + 7) / 8 : 0;
  const auto shift = static_cast<unsigned>(column.kind >> kShiftBits);
  column.is_cut = column.is_cut || column.end - column.begin < bits_bytes;
  std::size_t next = column.next_index, at = column.next.at;
  if (next == 0) at = column.begin + bits_bytes;
  if (is_constant && next > 0) next = index + 1;
  for (; next <= index && !column.is_cut; ++next) {
    if (next % kMarkedAt == 0 && next / kMarkedAt == column.marks.size() && !is_constant)
      column.marks.push_back({static_cast<std::uint32_t>(at), column.next.present});
    if (has_nulls && !bit_at(bytes_, column.begin, next)) {
      column.value.reset();
      continue;
    }
    const auto bits = get_varint(bytes_, at, column.end);
    column.is_cut = !bits;
    if (!bits) break;
    const auto number = static_cast<std::int64_t>(static_cast<std::uint64_t>(from_zigzag(*bits)) << shift);
    column.next.present = is_plain ? number : sum(column.next.present, number);
    column.value = column.next.present;
    if (is_constant) next = index;  // the others are the same
  }
  if (column.is_cut) column.value.reset();
  column.next.at = static_cast<std::uint32_t>(at);
  column.next_index = static_cast<std::uint32_t>(index + 1);
}

}  // namespace cgmm::archive
