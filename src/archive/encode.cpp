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

struct EncodedColumn {
  std::uint8_t kind = kAllNull;
  std::string bytes;
};

EncodedColumn encode_column(const std::vector<Value>& values) {
  const auto first = std::ranges::find_if(values, [](const Value& value) { return value.has_value(); });
  if (first == values.end()) return {};
  EncodedColumn column;
  if (std::ranges::all_of(values, [&](const Value& value) { return value == *first; })) {
    column.kind = kConstant;
    put_varint(column.bytes, zigzag(**first));
    return column;
  }
  const bool has_nulls = std::ranges::any_of(values, [](const Value& value) { return !value; });
  if (has_nulls) put_bits(column.bytes, [&](std::size_t i) { return values[i].has_value(); }, values.size());
  std::string plain, differences;
  std::int64_t before = 0;
  for (const Value& value : values) {
    if (!value) continue;
    put_varint(plain, zigzag(*value));
    put_varint(differences, zigzag(difference(before, *value)));
    before = *value;
  }
  const bool is_plain = plain.size() < differences.size();
  column.kind = static_cast<std::uint8_t>(kVaries | (has_nulls ? kHasNulls : 0) | (is_plain ? kIsPlain : 0));
  column.bytes += is_plain ? plain : differences;
  return column;
}

}  // namespace

void Builder::add(std::int64_t scan_id, const Row& row) {
  if (block_of(scan_id) != block_ || (!scan_ids_.empty() && scan_id <= scan_ids_.back()))
    throw std::logic_error("samples of a chunk are not in the order of their scans");
  scan_ids_.push_back(scan_id);
  for (std::size_t i = 0; i < kColumnCount; ++i) columns_[i].push_back(row[i]);
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
    const EncodedColumn column = encode_column(builder.columns_[i]);
    payload += static_cast<char>(i);
    payload += static_cast<char>(column.kind);
    put_varint(payload, column.bytes.size());
    bodies += column.bytes;
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
