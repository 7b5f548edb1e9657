// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <new>

#include "archive/chunk.hpp"
#include "archive/format.hpp"
#include "archive/varint.hpp"

namespace cgmm::archive {
namespace {

constexpr auto kMostSamples = static_cast<std::size_t>(kBlockScans);

void put_bits(std::string& to, const std::bitset<kBlockScans>& bits, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 8) {
    unsigned byte = 0;
    for (std::size_t bit = 0; bit < 8 && i + bit < count; ++bit) byte |= bits[i + bit] ? 1U << bit : 0U;
    to += static_cast<char>(byte);
  }
}

std::size_t varint_bytes(std::uint64_t bits) { return (static_cast<std::size_t>(std::bit_width(bits | 1)) + 6) / 7; }

/// How a column's numbers are written.
struct Way {
  std::uint8_t kind = kAllNull;
  std::size_t bytes = SIZE_MAX;
};

/// The shorter of the numbers and their differences.
Way shorter(const std::int64_t* numbers, std::size_t count) {
  std::uint64_t all = 0;
  bool is_constant = true;
  for (std::size_t i = 0; i < count; ++i) {
    all |= static_cast<std::uint64_t>(numbers[i]);
    is_constant = is_constant && numbers[i] == numbers[0];
  }
  const int shift = all == 0 ? 0 : std::min(std::countr_zero(all), kMaxShift);
  const auto shift_bits = static_cast<std::uint8_t>(shift << kShiftBits);
  if (is_constant)
    return {static_cast<std::uint8_t>(kConstant | shift_bits), varint_bytes(zigzag(numbers[0] >> shift))};
  std::size_t plain = 0, differences = 0;
  std::int64_t before = 0;
  for (std::size_t i = 0; i < count; ++i) {
    plain += varint_bytes(zigzag(numbers[i] >> shift));
    differences += varint_bytes(zigzag(difference(before, numbers[i]) >> shift));
    before = numbers[i];
  }
  const bool is_plain = plain < differences;
  return {static_cast<std::uint8_t>(kVaries | shift_bits | (is_plain ? kIsPlain : 0)), std::min(plain, differences)};
}

void put_numbers(std::string& to, const std::int64_t* numbers, std::size_t count, std::uint8_t kind) {
  const int shift = kind >> kShiftBits;
  if ((kind & kKindMask) == kConstant) count = 1;
  const bool is_plain = (kind & kKindMask) == kConstant || (kind & kIsPlain) != 0;
  std::int64_t before = 0;
  for (std::size_t i = 0; i < count; ++i) {
    put_varint(to, zigzag((is_plain ? numbers[i] : difference(before, numbers[i])) >> shift));
    before = numbers[i];
  }
}

}  // namespace

void Builder::add(std::int64_t scan_id, const Row& row) {
  if (block_of(scan_id) != block_ || (size_ > 0 && scan_id <= last_scan_id_))
    throw std::logic_error("samples of a chunk are not in the order of their scans");
  const auto index = static_cast<std::uint32_t>(size_);
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    Column& column = columns_[i];
    if (row[i] == column.last) continue;
    put_varint(column.changes, (std::uint64_t{index - column.changed_at} << 1) | (row[i] ? 1U : 0U));
    if (row[i]) {
      put_varint(column.changes, zigzag(difference(column.last_number, *row[i])));
      column.last_number = *row[i];
    }
    column.last = row[i];
    column.changed_at = index;
  }
  if (size_ == 0) first_scan_id_ = scan_id;
  last_scan_id_ = scan_id;
  places_.set(static_cast<std::size_t>(scan_id - first_scan_of(block_)));
  ++size_;
}

struct Encoder::Work {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  /// Of one column: its numbers without NULL, and which samples have one.
  std::array<std::int64_t, kMostSamples> numbers{}, rests{};
  std::bitset<kBlockScans> is_number;
  std::size_t number_count = 0;
  /// Of the columns of kSums, by sample.
  std::array<std::array<std::int64_t, kMostSamples>, kSums.size()> sums{};
  std::string payload, bodies;

  Work() = default;
  ~Work() { ZSTD_freeCCtx(context); }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  /// Calls `with(sample, number)` for each that is one.
  template <class With>
  static void each_number(const std::string& changes, std::size_t size, With with) {
    std::size_t at = 0, sample = 0;
    Value value;
    std::int64_t number = 0;
    for (std::size_t changed_at = 0; sample < size;) {
      const auto head = get_varint(changes, at, changes.size());
      if (head) changed_at += static_cast<std::size_t>(*head >> 1);
      const std::size_t until = head ? changed_at : size;
      if (value) {
        for (; sample < until; ++sample) with(sample, number);
      }
      sample = until;
      if (!head) break;
      value.reset();
      if ((*head & 1) == 0) continue;
      number = sum(number, from_zigzag(get_varint(changes, at, changes.size()).value_or(0)));
      value = number;
    }
  }

  void add_up(const std::string& changes, std::size_t size, std::array<std::int64_t, kMostSamples>& to) {
    each_number(changes, size, [&](std::size_t sample, std::int64_t number) { to[sample] = sum(to[sample], number); });
  }

  /// Appends the column to `bodies`. Its kind.
  std::uint8_t put_column(std::size_t column, const std::string& changes, std::size_t size) {
    is_number.reset();
    number_count = 0;
    const SumOf* const of = sum_of(column);
    const auto* const sums_of_it = of == nullptr ? nullptr : &sums[static_cast<std::size_t>(of - kSums.data())];
    each_number(changes, size, [&](std::size_t sample, std::int64_t number) {
      is_number.set(sample);
      if (sums_of_it != nullptr) rests[number_count] = difference((*sums_of_it)[sample], number);
      numbers[number_count++] = number;
    });
    if (number_count == 0) return kAllNull;
    Way way = shorter(numbers.data(), number_count);
    bool is_rest = false;
    if (sums_of_it != nullptr && (way.kind & kKindMask) != kConstant) {
      const Way of_rests = shorter(rests.data(), number_count);
      is_rest = of_rests.bytes < way.bytes;
      if (is_rest) way = {static_cast<std::uint8_t>(of_rests.kind | kIsRest), of_rests.bytes};
    }
    if (number_count < size) {
      // A column with NULL has a number for each bit that is set.
      if ((way.kind & kKindMask) == kConstant) way.kind = static_cast<std::uint8_t>((way.kind & ~kKindMask) | kVaries);
      way.kind |= kHasNulls;
      put_bits(bodies, is_number, size);
    }
    put_numbers(bodies, is_rest ? rests.data() : numbers.data(), number_count, way.kind);
    return way.kind;
  }
};

Encoder::Encoder() : work_(std::make_unique<Work>()) {
  if (work_->context == nullptr) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(work_->context, ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(work_->context, ZSTD_c_checksumFlag, 1);
}
Encoder::~Encoder() = default;

std::string Encoder::encode(const Builder& builder) {
  Work& work = *work_;
  for (std::size_t i = 0; i < kSums.size(); ++i) {
    work.sums[i].fill(0);
    for (const std::size_t part : kSums[i].parts)
      work.add_up(builder.columns_[part].changes, builder.size(), work.sums[i]);
  }
  work.bodies.clear();
  std::string heads;
  std::size_t column_count = 0;
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    const std::size_t before = work.bodies.size();
    const std::uint8_t kind = work.put_column(i, builder.columns_[i].changes, builder.size());
    if (kind == kAllNull) continue;
    ++column_count;
    heads += static_cast<char>(i);
    heads += static_cast<char>(kind);
    put_varint(heads, work.bodies.size() - before);
  }
  std::string& payload = work.payload;
  payload.clear();
  put_varint(payload, zigzag(builder.cgroup_id_));
  put_varint(payload, zigzag(builder.block_));
  put_varint(payload, builder.size());
  put_bits(payload, builder.places_, kMostSamples);
  put_varint(payload, column_count);
  payload += heads;
  payload += work.bodies;

  std::string data(1 + ZSTD_compressBound(payload.size()), '\0');
  data[0] = static_cast<char>(kFormat);
  const std::size_t size =
      ZSTD_compress2(work.context, data.data() + 1, data.size() - 1, payload.data(), payload.size());
  if (ZSTD_isError(size) != 0) throw std::runtime_error(std::string("zstd: ") + ZSTD_getErrorName(size));
  data.resize(1 + size);
  return data;
}

}  // namespace cgmm::archive
