// SPDX-License-Identifier: Apache-2.0
#include "store/log_check.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace cgmm::store {
namespace {

constexpr std::size_t kHeader_bytes = 32;
constexpr std::size_t kFrameHeader_bytes = 24;
constexpr std::uint32_t kMagic = 0x377f0682;  // the lowest bit: checksums are of big-endian words

std::uint32_t word(const unsigned char* bytes, bool big_endian) {
  return big_endian
             ? std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3]
             : std::uint32_t{bytes[3]} << 24 | std::uint32_t{bytes[2]} << 16 | std::uint32_t{bytes[1]} << 8 | bytes[0];
}

struct Sum {
  std::uint32_t first = 0, second = 0;
  friend bool operator==(const Sum&, const Sum&) = default;
};

template <bool kSwapped>
Sum add(Sum sum, const unsigned char* bytes, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 8) {
    std::array<std::uint32_t, 2> words;
    std::memcpy(words.data(), bytes + i, sizeof words);
    if constexpr (kSwapped) words = {__builtin_bswap32(words[0]), __builtin_bswap32(words[1])};
    sum.first += words[0] + sum.second;
    sum.second += words[1] + sum.first;
  }
  return sum;
}

Sum add(Sum sum, const unsigned char* bytes, std::size_t count, bool big_endian) {
  const bool swapped = big_endian == (std::endian::native == std::endian::little);
  return swapped ? add<true>(sum, bytes, count) : add<false>(sum, bytes, count);
}

/// A file from its beginning, some frames at a time.
class Input {
 public:
  explicit Input(const std::filesystem::path& file)
      : fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)), buffer_(kBuffer_bytes) {}
  ~Input() {
    if (fd_ >= 0) ::close(fd_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  bool is_open() const { return fd_ >= 0; }
  /// The next `count` bytes, until the next call; nullptr: there are not as many.
  const unsigned char* next(std::size_t count) {
    if (buffer_.size() < count) buffer_.resize(count);
    if (end_ - begin_ < count) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= std::exchange(begin_, 0);
    }
    while (end_ - begin_ < count) {
      const ssize_t got = ::read(fd_, buffer_.data() + end_, buffer_.size() - end_);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return nullptr;
      end_ += static_cast<std::size_t>(got);
    }
    return buffer_.data() + std::exchange(begin_, begin_ + count);
  }

 private:
  static constexpr std::size_t kBuffer_bytes = 65'536;
  int fd_;
  std::vector<unsigned char> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // of what has been read and not asked for
};

/// Of SQLite's index of the log: words in the machine's byte order, the salts as they are in the log.
constexpr int kIndexPart_bytes = 32'768;
constexpr std::size_t kIndexHeader_bytes = 48;  // there are two, alike unless somebody is writing
constexpr std::size_t kFrameCountAt = 16, kSumAt = 24, kSaltsAt = 32;

}  // namespace

LogIndex log_index(SQLite::Database& database) {
  sqlite3_file* file = nullptr;
  database.check(sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, &file));
  volatile void* mapped = nullptr;
  if (file->pMethods->iVersion < 2 || file->pMethods->xShmMap(file, 0, kIndexPart_bytes, 0, &mapped) != SQLITE_OK ||
      mapped == nullptr)
    return {};
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
  Input in(log);
  if (!in.is_open()) return true;  // it is not there, which is another matter
  const unsigned char* const header = in.next(kHeader_bytes);
  if (header == nullptr) return false;
  const bool big_endian = (word(header, true) & 1U) != 0;
  Sum sum = add({}, header, 24, big_endian);
  if ((word(header, true) & ~1U) != kMagic || sum != Sum{word(&header[24], true), word(&header[28], true)})
    return false;
  if (std::memcmp(&header[16], index.salts.data(), index.salts.size()) != 0) return false;
  const std::size_t page_bytes = word(&header[8], true);
  for (std::uint32_t left = index.frame_count; left > 0; --left) {
    const unsigned char* const frame = in.next(kFrameHeader_bytes + page_bytes);
    if (frame == nullptr) return false;
    sum = add(add(sum, frame, 8, big_endian), &frame[kFrameHeader_bytes], page_bytes, big_endian);
    if (std::memcmp(&frame[8], index.salts.data(), index.salts.size()) != 0 ||
        sum != Sum{word(&frame[16], true), word(&frame[20], true)})
      return false;
  }
  return sum == Sum{index.sum[0], index.sum[1]};
}

}  // namespace cgmm::store
