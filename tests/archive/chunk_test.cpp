// SPDX-License-Identifier: Apache-2.0
#include "archive/chunk.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>

#include "archive/varint.hpp"

namespace cgmm::archive {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

using Samples = std::map<std::int64_t, Row>;  // by scan

std::string encoded(const Samples& samples, std::int64_t cgroup_id, std::int64_t block) {
  Builder builder(cgroup_id, block);
  for (const auto& [scan_id, row] : samples) builder.add(scan_id, row);
  Encoder encoder;
  return encoder.encode(builder);
}

Samples decoded(const std::string& data, std::int64_t cgroup_id, std::int64_t block) {
  Decoder decoder;
  Chunk chunk(decoder, data, cgroup_id, block);
  Samples samples;
  for (std::size_t place = 0; place < kBlockScans; ++place) {
    if (!chunk.has(place)) continue;
    Row& row = samples[block * kBlockScans + static_cast<std::int64_t>(place)];
    for (std::size_t column = 0; column < kColumnCount; ++column) row[column] = chunk.value(column, place);
  }
  return samples;
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::int64_t below(std::int64_t bound) { return std::uniform_int_distribution<std::int64_t>(0, bound - 1)(engine_); }

  /// Of a kind of column: what containers do, and what they don't.
  Value value(std::int64_t kind, std::int64_t before) {
    switch (kind) {
      case 0:
        return std::nullopt;
      case 1:
        return 4711;
      case 2:
        return before + below(1000) - 500;
      case 3:
        return below(3) == 0 ? std::nullopt : Value(below(1 << 20));
      case 4:
        return below(2) == 0 ? kMin : kMax;
      case 5:
        return below(50) == 0 ? Value(kMin + below(3)) : std::nullopt;
      default:
        return static_cast<std::int64_t>(engine_());
    }
  }

  Samples samples(std::int64_t block) {
    Samples all;
    const std::int64_t density = 1 + below(4);
    std::array<std::int64_t, kColumnCount> kinds{};
    for (std::int64_t& kind : kinds) kind = below(7);
    Row before{};
    for (std::int64_t place = 0; place < kBlockScans; ++place) {
      if (below(density) != 0) continue;
      Row& row = all[block * kBlockScans + place];
      for (std::size_t i = 0; i < kColumnCount; ++i) row[i] = value(kinds[i], before[i].value_or(1 << 20));
      before = row;
    }
    if (all.empty()) all[block * kBlockScans] = Row{};
    return all;
  }

 private:
  std::mt19937_64 engine_;
};

TEST(Varint, HasEveryNumber) {
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{63}, std::int64_t{64}, kMin, kMax}) {
    std::string bytes;
    put_varint(bytes, zigzag(number));
    std::size_t at = 0;
    const auto bits = get_varint(bytes, at, bytes.size());
    ASSERT_TRUE(bits);
    EXPECT_EQ(from_zigzag(*bits), number);
    EXPECT_EQ(at, bytes.size());
    at = 0;
    EXPECT_FALSE(get_varint(bytes, at, bytes.size() - 1));
    EXPECT_EQ(sum(kMax, difference(kMax, number)), number);
  }
  std::size_t at = 0;
  EXPECT_FALSE(get_varint(std::string(10, '\xff'), at, 10));  // more than 64 bits
}

TEST(Chunk, BlocksAreEquallyLongOnBothSidesOfZero) {
  EXPECT_EQ(block_of(0), 0);
  EXPECT_EQ(block_of(kBlockScans - 1), 0);
  EXPECT_EQ(block_of(kBlockScans), 1);
  EXPECT_EQ(block_of(-1), -1);
  EXPECT_EQ(block_of(-kBlockScans), -1);
  EXPECT_EQ(block_of(-kBlockScans - 1), -2);
  for (const std::int64_t block : {-2, 0, 7}) {
    EXPECT_EQ(block_of(first_scan_of(block)), block);
    EXPECT_EQ(block_of(last_scan_of(block)), block);
    EXPECT_EQ(last_scan_of(block) + 1, first_scan_of(block + 1));
  }
}

TEST(Chunk, EveryValueThatWentInComesOut) {
  for (unsigned seed = 0; seed < 80; ++seed) {
    Random random(seed);
    const std::int64_t block = random.below(1000) - 10;
    const Samples samples = random.samples(block);
    const std::string data = encoded(samples, seed, block);
    ASSERT_EQ(decoded(data, seed, block), samples) << "seed " << seed;
  }
}

TEST(Chunk, IsReadInAnyOrder) {
  Random random(1);
  const Samples samples = random.samples(7);
  const std::string data = encoded(samples, 3, 7);
  Decoder decoder;
  Chunk chunk(decoder, data, 3, 7);
  EXPECT_EQ(chunk.size(), samples.size());
  for (int i = 0; i < 5000; ++i) {
    const auto place = static_cast<std::size_t>(random.below(kBlockScans));
    const auto column = static_cast<std::size_t>(random.below(static_cast<std::int64_t>(kColumnCount)));
    const auto sample = samples.find(7 * kBlockScans + static_cast<std::int64_t>(place));
    ASSERT_EQ(chunk.has(place), sample != samples.end());
    if (sample != samples.end()) {
      ASSERT_EQ(chunk.value(column, place), sample->second[column]);
    }
  }
}

TEST(Chunk, RefusesWhatIsNotInItsPlace) {
  const std::string data = encoded({{kBlockScans, Row{}}}, 3, 1);
  Decoder decoder;
  EXPECT_NO_THROW(Chunk(decoder, data, 3, 1));
  EXPECT_THROW(Chunk(decoder, data, 4, 1), BadChunk);
  EXPECT_THROW(Chunk(decoder, data, 3, 2), BadChunk);
  Builder builder(3, 1);
  builder.add(kBlockScans + 1, Row{});
  EXPECT_THROW(builder.add(kBlockScans + 1, Row{}), std::logic_error);
  EXPECT_THROW(builder.add(2 * kBlockScans, Row{}), std::logic_error);
}

/// An error, or the same samples: some bits of a frame's header say nothing of what is in it.
TEST(Chunk, DamageIsAnErrorAndNeverAnotherValue) {
  Random random(2);
  const Samples samples = random.samples(0);
  const std::string data = encoded(samples, 1, 0);
  int errors = 0, tries = 0;
  const auto is_told = [&](const std::string& damaged) {
    ++tries;
    try {
      ASSERT_EQ(decoded(damaged, 1, 0), samples);
    } catch (const BadChunk&) {
      ++errors;
    }
  };
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (i > 200 && random.below(50) != 0) continue;
    std::string damaged = data;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << random.below(8)));
    is_told(damaged);
    is_told(data.substr(0, i));
  }
  EXPECT_GT(errors, tries * 9 / 10);
  for (const std::string& none : {std::string(), std::string("\1"), std::string("x"), std::string(1000, '\0')})
    EXPECT_THROW(decoded(none, 1, 0), BadChunk);
}

TEST(Chunk, SumsOfOtherColumnsComeOutWhicheverColumnsAreKept) {
  Random random(3);
  Samples samples;
  constexpr std::size_t kUsage = 0, kAnon = 1, kFile = 2, kShmem = 3, kInactive = 4, kActive = 5, kKernel = 7;
  static_assert(kColumns[kUsage] == "usage_kib" && kColumns[kFile] == "file_kib" && kColumns[kKernel] == "kernel_kib");
  for (std::int64_t scan_id = 0; scan_id < kBlockScans; ++scan_id) {
    Row& row = samples[scan_id];
    for (const std::size_t part : {kAnon, kShmem, kInactive, kActive}) row[part] = 4 * random.below(100'000);
    if (random.below(3) == 0) row[kShmem].reset();
    if (random.below(3) != 0) row[kFile] = row[kShmem].value_or(0) + *row[kInactive] + *row[kActive];
    if (random.below(9) != 0) row[kKernel] = random.below(100);
    row[kUsage] = *row[kAnon] + row[kFile].value_or(0) + row[kKernel].value_or(0) + 4 * random.below(10);
  }
  samples[3][kUsage] = kMin;
  samples[5][kActive] = kMax;
  const std::string data = encoded(samples, 1, 0);
  EXPECT_EQ(decoded(data, 1, 0), samples);
  Decoder decoder;
  const std::size_t all_bytes = Chunk(decoder, data, 1, 0).bytes();
  for (const std::size_t column : {kUsage, kFile, kShmem, std::size_t{20}}) {
    Chunk chunk(decoder, data, 1, 0, Columns().set(column));
    EXPECT_LE(chunk.bytes(), all_bytes);
    for (const std::int64_t scan_id : {1400, 7, 5, 1439, 0, 3})
      EXPECT_EQ(chunk.value(column, static_cast<std::size_t>(scan_id)), samples.at(scan_id)[column]) << column;
  }
  EXPECT_LT(Chunk(decoder, data, 1, 0, Columns().set(kShmem)).bytes(), all_bytes / 2);
}

/// A chunk with these columns, as the format has it.
std::string made(std::uint64_t samples, std::string_view heads, std::string_view bodies) {
  std::string payload;
  put_varint(payload, zigzag(1));
  put_varint(payload, zigzag(0));
  put_varint(payload, samples);
  for (std::int64_t i = 0; i < kBlockScans; i += 8)
    payload += static_cast<char>(i < static_cast<std::int64_t>(samples) ? 0xff : 0);
  put_varint(payload, heads.size() / 3);
  payload.append(heads).append(bodies);
  std::string data(1 + ZSTD_compressBound(payload.size()), '\1');
  data.resize(1 + ZSTD_compress(data.data() + 1, data.size() - 1, payload.data(), payload.size(), 1));
  return data;
}

TEST(Chunk, AColumnThatIsCutOffIsNullFromThereOn) {
  Decoder decoder;
  {  // differences: 5, 5 + 1, and no more
    Chunk chunk(decoder, made(8, std::string_view("\0\2\2", 3), "\x0a\2"), 1, 0);
    for (int i = 0; i < 2; ++i) {  // whatever was read before
      for (const std::size_t place : {0U, 1U, 2U, 2U, 7U, 1U})
        EXPECT_EQ(chunk.value(0, place), place == 0 ? Value(5) : place == 1 ? Value(6) : std::nullopt) << place;
    }
  }
  {  // a number that does not end
    Chunk chunk(decoder, made(8, std::string_view("\0\2\2", 3), "\x0a\x82"), 1, 0);
    EXPECT_EQ(chunk.value(0, 0), Value(5));
    EXPECT_EQ(chunk.value(0, 1), std::nullopt);
    EXPECT_EQ(chunk.value(0, 2), std::nullopt);
  }
  for (const std::string_view heads : {std::string_view("\0\1\0", 3), std::string_view("\0\6\0", 3)}) {  // nothing
    Chunk chunk(decoder, made(8, heads, ""), 1, 0);
    for (const std::size_t place : {3U, 0U, 7U}) EXPECT_EQ(chunk.value(0, place), std::nullopt);
  }
  {  // usage is what it has beyond anon, which is cut off
    Chunk chunk(decoder, made(8, std::string_view("\0\x11\1\1\2\1", 6), "\2\4"), 1, 0);
    EXPECT_EQ(chunk.value(0, 0), Value(3));
    EXPECT_EQ(chunk.value(1, 0), Value(2));
    EXPECT_EQ(chunk.value(0, 1), std::nullopt);
    EXPECT_EQ(chunk.value(0, 0), Value(3));
  }
  {  // a later version has it, this one has none
    Chunk chunk(decoder, made(8, std::string_view("\x2f\x12\1", 3), "\2"), 1, 0);
    EXPECT_EQ(chunk.value(0, 0), std::nullopt);
  }
}

TEST(Chunk, TakesFewBytesWhereLittleHappens) {
  Samples samples;
  for (std::int64_t scan_id = 0; scan_id < kBlockScans; ++scan_id) {
    Row& row = samples[scan_id];
    for (std::size_t i = 0; i < kColumnCount; ++i) row[i] = static_cast<std::int64_t>(1000 * i);
    row[0] = 1'000'000 + scan_id % 7;
  }
  EXPECT_LT(encoded(samples, 1, 0).size(), 300U);
}

}  // namespace
}  // namespace cgmm::archive
