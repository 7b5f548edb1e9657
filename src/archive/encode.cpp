// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include <algorithm>
#include <new>

#include "archive/chunk.hpp"
#include "archive/format.hpp"
#include "archive/varint.hpp"

namespace cgmm::archive {
namespace {

void put_bits(std::string& to, const auto& is_set, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 8) {
    unsigned byte = 0;
    for (std::size_t bit = 0; bit < 8 && i + bit < count; ++bit) byte |= is_set(i + bit) ? 1U << bit : 0U;
    to += static_cast<char>(byte);
  }
}

}  // namespace

void Builder::add(std::int64_t scan_id, const Row& row) {
  if (block_of(scan_id) != block_ || (!scan_ids_.empty() && scan_id <= scan_ids_.back()))
    throw std::logic_error("samples of a chunk are not in the order of their scans");
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    if (!row[i]) continue;
    Column& column = columns_[i];
    if (column.numbers.empty()) column.numbers.reserve(kBlockScans);
    column.numbers.push_back(*row[i]);
    column.is_number.set(size());
  }
  scan_ids_.push_back(scan_id);
}

std::string Builder::encode_column(const Column& column, std::size_t size, std::uint8_t& kind) {
  const std::vector<std::int64_t>& numbers = column.numbers;
  std::string bytes;
  kind = kAllNull;
  if (numbers.empty()) return bytes;
  const bool has_nulls = numbers.size() < size;
  if (!has_nulls && std::ranges::all_of(numbers, [&](std::int64_t number) { return number == numbers.front(); })) {
    kind = kConstant;
    put_varint(bytes, zigzag(numbers.front()));
    return bytes;
  }
  if (has_nulls) put_bits(bytes, [&](std::size_t i) { return column.is_number[i]; }, size);
  std::string plain, differences;
  std::int64_t before = 0;
  for (const std::int64_t number : numbers) {
    put_varint(plain, zigzag(number));
    put_varint(differences, zigzag(difference(before, number)));
    before = number;
  }
  const bool is_plain = plain.size() < differences.size();
  kind = static_cast<std::uint8_t>(kVaries | (has_nulls ? kHasNulls : 0) | (is_plain ? kIsPlain : 0));
  return bytes + (is_plain ? plain : differences);
}

struct Encoder::Compressor {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ~Compressor() { ZSTD_freeCCtx(context); }
};
Encoder::Encoder() : compressor_(std::make_unique<Compressor>()) {
  if (compressor_->context == nullptr) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(compressor_->context, ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(compressor_->context, ZSTD_c_checksumFlag, 1);
}
Encoder::~Encoder() = default;

std::string Encoder::encode(const Builder& builder) {
  std::string payload;
  put_varint(payload, zigzag(builder.cgroup_id_));
  put_varint(payload, zigzag(builder.block_));
  put_varint(payload, builder.size());
  std::size_t next = 0;  // of scan_ids_
  const std::int64_t first_of_block = builder.block_ * kBlockScans;
  put_bits(
      payload,
      [&](std::size_t place) {
        const bool is_there = next < builder.scan_ids_.size() &&
                              builder.scan_ids_[next] == first_of_block + static_cast<std::int64_t>(place);
        if (is_there) ++next;
        return is_there;
      },
      kBlockScans);
  std::string bodies;
  put_varint(payload, kColumnCount);
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    std::uint8_t kind = kAllNull;
    const std::string bytes = Builder::encode_column(builder.columns_[i], builder.size(), kind);
    payload += static_cast<char>(i);
    payload += static_cast<char>(kind);
    put_varint(payload, bytes.size());
    bodies += bytes;
  }
  payload += bodies;

  std::string data(1 + ZSTD_compressBound(payload.size()), '\0');
  data[0] = static_cast<char>(kFormat);
  const std::size_t size =
      ZSTD_compress2(compressor_->context, data.data() + 1, data.size() - 1, payload.data(), payload.size());
  if (ZSTD_isError(size) != 0) throw std::runtime_error(std::string("zstd: ") + ZSTD_getErrorName(size));
  data.resize(1 + size);
  return data;
}

}  // namespace cgmm::archive
