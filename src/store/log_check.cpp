// SPDX-License-Identifier: Apache-2.0
#include "store/log_check.hpp"

#include <sqlite3.h>

#include <array>
#include <cstring>
#include <fstream>
#include <vector>

namespace cgmm::store {
namespace {

constexpr std::size_t kHeader_bytes = 32;
constexpr std::size_t kFrameHeader_bytes = 24;
constexpr std::uint32_t kMagic = 0x377f0682;  // the lowest bit: checksums are of big-endian words

std::uint32_t word(const unsigned char* bytes, bool big_endian) {
  return big_endian ? std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3]
                    : std::uint32_t{bytes[3]} << 24 | std::uint32_t{bytes[2]} << 16 | std::uint32_t{bytes[1]} << 8 | bytes[0];
}

struct Sum {
  std::uint32_t first = 0, second = 0;
  friend bool operator==(const Sum&, const Sum&) = default;
};

Sum add(Sum sum, const unsigned char* bytes, std::size_t count, bool big_endian) {
  for (std::size_t i = 0; i < count; i += 8) {
    sum.first += word(bytes + i, big_endian) + sum.second;
    sum.second += word(bytes + i + 4, big_endian) + sum.first;
  }
  return sum;
}

bool read_next(std::ifstream& in, unsigned char* to, std::size_t count) {
  in.read(reinterpret_cast<char*>(to), static_cast<std::streamsize>(count));
  return in.gcount() == static_cast<std::streamsize>(count);
}

/// Of SQLite's index of the log: words in the machine's byte order, the salts as they are in the log.
constexpr int kIndexPart_bytes = 32'768;
constexpr std::size_t kIndexHeader_bytes = 48;  // there are two, alike unless somebody is writing
constexpr std::size_t kFrameCountAt = 16, kSumAt = 24, kSaltsAt = 32;

}  // namespace

LogIndex log_index(SQLite::Database& database) {
  sqlite3_file* file = nullptr;
  database.check(sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, &file));
  volatile void* mapped = nullptr;
  if (file->pMethods->iVersion < 2 || file->pMethods->xShmMap(file, 0, kIndexPart_bytes, 0, &mapped) != SQLITE_OK || mapped == nullptr) return {};
  std::array<unsigned char, 2 * kIndexHeader_bytes> headers;
  std::memcpy(headers.data(), const_cast<const void*>(mapped), headers.size());
  if (std::memcmp(headers.data(), &headers[kIndexHeader_bytes], kIndexHeader_bytes) != 0) return {};
  LogIndex index;
  std::memcpy(&index.frame_count, &headers[kFrameCountAt], sizeof index.frame_count);
  std::memcpy(index.sum.data(), &headers[kSumAt], sizeof index.sum);
  std::memcpy(index.salts.data(), &headers[kSaltsAt], sizeof index.salts);
  return index;
}

bool is_log_sound(const std::filesystem::path& log, const LogIndex& index) {
  if (index.frame_count == 0) return true;
  std::ifstream in(log, std::ios::binary);
  if (!in) return true;  // it is not there, which is another matter
  std::array<unsigned char, kHeader_bytes> header;
  if (!read_next(in, header.data(), header.size())) return false;
  const bool big_endian = (word(header.data(), true) & 1U) != 0;
  Sum sum = add({}, header.data(), 24, big_endian);
  if ((word(header.data(), true) & ~1U) != kMagic || sum != Sum{word(&header[24], true), word(&header[28], true)}) return false;
  if (std::memcmp(&header[16], index.salts.data(), index.salts.size()) != 0) return false;
  std::vector<unsigned char> frame(kFrameHeader_bytes + word(&header[8], true));
  for (std::uint32_t left = index.frame_count; left > 0; --left) {
    if (!read_next(in, frame.data(), frame.size())) return false;
    sum = add(add(sum, frame.data(), 8, big_endian), &frame[kFrameHeader_bytes], frame.size() - kFrameHeader_bytes, big_endian);
    if (std::memcmp(&frame[8], index.salts.data(), index.salts.size()) != 0 || sum != Sum{word(&frame[16], true), word(&frame[20], true)}) return false;
  }
  return sum == Sum{index.sum[0], index.sum[1]};
}

}  // namespace cgmm::store
