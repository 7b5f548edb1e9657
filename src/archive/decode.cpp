// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include <new>

#include "archive/chunk.hpp"
#include "archive/format.hpp"
#include "archive/varint.hpp"

namespace cgmm::archive {
namespace {

[[noreturn]] void bad(const char* what) { throw BadChunk(what); }

bool bit_at(std::string_view bytes, std::size_t at, std::size_t bit) {
  return ((static_cast<std::uint8_t>(bytes[at + bit / 8]) >> (bit % 8)) & 1) != 0;
}

}  // namespace

struct Decoder::Decompressor {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ~Decompressor() { ZSTD_freeDCtx(context); }
};
Decoder::Decoder() : decompressor_(std::make_unique<Decompressor>()) {
  if (decompressor_->context == nullptr) throw std::bad_alloc();
}
Decoder::~Decoder() = default;

std::string Decoder::decompress(std::string_view data) {
  if (data.empty()) bad("it is empty");
  if (static_cast<std::uint8_t>(data[0]) != kFormat) bad("it has a format that this version does not know");
  data.remove_prefix(1);
  const unsigned long long size = ZSTD_getFrameContentSize(data.data(), data.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > kMaxPayloadBytes)
    bad("its size can't be right");
  std::string payload(static_cast<std::size_t>(size), '\0');
  const std::size_t written =
      ZSTD_decompressDCtx(decompressor_->context, payload.data(), payload.size(), data.data(), data.size());
  if (ZSTD_isError(written) != 0) bad(ZSTD_getErrorName(written));
  if (written != payload.size()) bad("it has another size than it says");
  return payload;
}

Chunk::Chunk(Decoder& decoder, std::string_view data, std::int64_t cgroup_id, std::int64_t block)
    : payload_(decoder.decompress(data)) {
  read_header(cgroup_id, block);
}

void Chunk::read_header(std::int64_t cgroup_id, std::int64_t block) {
  const std::string_view bytes = payload_;
  std::size_t at = 0;
  const auto number = [&] {
    const auto bits = get_varint(bytes, at, bytes.size());
    if (!bits) bad("its beginning is cut off");
    return *bits;
  };
  if (from_zigzag(number()) != cgroup_id || from_zigzag(number()) != block) bad("it belongs elsewhere");
  const std::uint64_t size = number();
  if (bytes.size() - at < kBlockScans / 8) bad("its beginning is cut off");
  for (std::size_t place = 0; place < kBlockScans; ++place) places_[place] = bit_at(bytes, at, place);
  at += kBlockScans / 8;
  size_ = places_.count();
  if (size != size_ || size_ == 0) bad("it has another number of samples than it says");
  const std::uint64_t column_count = number();
  if (column_count > kMaxColumns) bad("it has too many columns");
  column_at_.fill(-1);
  std::uint64_t body_bytes = 0;
  for (std::uint64_t i = 0; i < column_count; ++i) {
    if (bytes.size() - at < 2) bad("its beginning is cut off");
    const auto id = static_cast<std::uint8_t>(bytes[at]);
    Column column{.kind = static_cast<std::uint8_t>(bytes[at + 1])};
    at += 2;
    const std::uint64_t length = number();
    if (length > bytes.size()) bad("a column is longer than all of it");
    column.begin = static_cast<std::uint32_t>(body_bytes);
    body_bytes += length;
    column.end = static_cast<std::uint32_t>(body_bytes);
    if (id >= kColumnCount) continue;  // of a later version
    const bool is_known =
        column.kind == kAllNull || column.kind == kConstant || (column.kind & ~(kHasNulls | kIsPlain)) == kVaries;
    if (!is_known || column_at_[id] >= 0) bad("a column is none");
    column_at_[id] = static_cast<std::int8_t>(columns_.size());
    columns_.push_back(column);
  }
  if (body_bytes != bytes.size() - at) bad("its columns are not as long as it says");
  for (Column& column : columns_) {
    column.begin += static_cast<std::uint32_t>(at);
    column.end += static_cast<std::uint32_t>(at);
    if ((column.kind & kHasNulls) != 0 && column.end - column.begin < (size_ + 7) / 8) bad("a column is cut off");
    column.at = column.begin;
  }
}

/// How many samples are before it.
std::size_t Chunk::index_of(std::size_t place) {
  if (place < last_place_) last_place_ = last_index_ = 0;
  for (; last_place_ < place; ++last_place_) last_index_ += places_[last_place_] ? 1U : 0U;
  return last_index_;
}

Value Chunk::value(std::size_t column, std::size_t place) {
  if (column_at_[column] < 0) return std::nullopt;
  Column& read = columns_[static_cast<std::size_t>(column_at_[column])];
  if (read.kind == kAllNull) return std::nullopt;
  const std::size_t index = index_of(place);
  if (index + 1 < read.next_index) {  // from the beginning
    read.next_index = 0;
    read.at = read.begin;
    read.present = 0;
  }
  while (read.next_index <= index) step(read);
  return read.value;
}

void Chunk::step(Column& column) const {
  const std::size_t index = column.next_index++;
  if (column.kind == kConstant && index > 0) return;
  if ((column.kind & kHasNulls) != 0) {
    if (index == 0) column.at = column.begin + static_cast<std::uint32_t>((size_ + 7) / 8);
    if (!bit_at(payload_, column.begin, index)) {
      column.value.reset();
      return;
    }
  }
  std::size_t at = column.at;
  const auto bits = get_varint(payload_, at, column.end);
  if (!bits) bad("a column is cut off");
  column.at = static_cast<std::uint32_t>(at);
  const std::int64_t number = from_zigzag(*bits);
  column.present = column.kind == kConstant || (column.kind & kIsPlain) != 0 ? number : sum(column.present, number);
  column.value = column.present;
}

}  // namespace cgmm::archive
