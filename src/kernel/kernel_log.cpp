// SPDX-License-Identifier: Apache-2.0
#include "kernel/kernel_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "kernel/parse.hpp"

namespace cgmm::kernel {
namespace {

using base::throw_errno;

constexpr std::size_t kReadBytes = 16'384;  // a record has at most 8 KiB; if the buffer is too small, read() fails
constexpr int kMaxReads = 64;               // reads without a record in one call: /dev/zero never ends
constexpr const char* kBootId = "/proc/sys/kernel/random/boot_id";

}  // namespace

std::optional<LogRecord> parse_record(std::string_view raw) {
  std::array<std::uint64_t, 3> numbers{};
  for (std::uint64_t& number : numbers) {
    const auto taken = take_number(raw);
    if (!taken || !drop_prefix(raw, ",")) return std::nullopt;
    number = *taken;
  }
  if (numbers[0] > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  LogRecord record{.priority = static_cast<unsigned>(numbers[0]),
                   .sequence = numbers[1],
                   .at_us = static_cast<std::int64_t>(numbers[2])};
  const std::size_t end_of_prefix = raw.find(';');
  const std::size_t end_of_line = std::min(raw.find('\n'), raw.size());
  if (end_of_prefix == 0 || end_of_prefix >= end_of_line) return std::nullopt;
  record.continued = raw[0] == 'c' || raw[0] == '+';
  const std::string_view text = raw.substr(end_of_prefix + 1, end_of_line - end_of_prefix - 1);
  record.text = unescaped(text.substr(0, 4 * kMaxLogText), "\\x", 2, 16);  // so it writes what is not printable
  record.text.resize(std::min({record.text.find('\0'), record.text.size(), kMaxLogText}));
  return record;
}

KernelLog::KernelLog(std::string path, Start start)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) {
  struct stat status{};
  if (!fd_ || ::fstat(fd_.get(), &status) != 0) throw_errno(errno, path_);
  if (S_ISDIR(status.st_mode)) throw_errno(EISDIR, path_);
  is_device_ = S_ISCHR(status.st_mode);
  is_pipe_ = S_ISFIFO(status.st_mode);
  device_ = status.st_rdev;
  if (start == Start::end && ::lseek(fd_.get(), 0, SEEK_END) < 0 && errno != ESPIPE) throw_errno(errno, path_);
}

std::string KernelLog::what_else() const {
  constexpr unsigned kMajor = 1, kMinor = 11;  // Documentation/admin-guide/devices.txt
  if (!is_device_) return "no device: it may be a copy of the kernel log, but is not the log itself";
  if (major(device_) == kMajor && minor(device_) == kMinor) return "";
  return "device " + std::to_string(major(device_)) + ":" + std::to_string(minor(device_)) +
         " and not the kernel's log (device 1:11)";
}

KernelLog::Read KernelLog::read() {
  if (auto record = std::exchange(held_, std::nullopt)) {
    return {.what = Read::What::record, .record = std::move(*record)};
  }
  for (int reads = 0; reads < kMaxReads; ++reads) {
    if (auto record = take_line()) return tell(std::move(*record));
    std::array<char, kReadBytes> chunk;
    const ssize_t got = ::read(fd_.get(), chunk.data(), chunk.size());
    if (got > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(got));
    } else if (got == 0 || errno == EAGAIN) {
      return {};
    } else if (errno == EPIPE) {
      overrun_ = true;
    } else if (errno != EINTR) {
      throw_errno(errno, path_);
    }
  }
  return {};
}

/// The next record in the buffer. The device returns one record per read(), a file any part of its text. A record
/// begins with a line; following lines that begin with a space are skipped.
std::optional<LogRecord> KernelLog::take_line() {
  while (done_ < buffer_.size()) {
    const std::size_t end = buffer_.find('\n', done_);
    if (end == std::string::npos) break;
    const std::string_view line = std::string_view(buffer_).substr(done_, end - done_);
    done_ = end + 1;
    if (std::exchange(skips_line_, false)) continue;
    if (auto record = parse_record(line)) return record;
  }
  buffer_.erase(0, done_);
  done_ = 0;
  if (buffer_.size() >= kReadBytes) {
    buffer_.clear();
    skips_line_ = true;
  }
  return std::nullopt;
}

/// Returns the record. If records were lost before it, returns that first.
KernelLog::Read KernelLog::tell(LogRecord record) {
  const auto last = std::exchange(last_sequence_, record.sequence);
  const std::uint64_t jump = last && record.sequence > *last ? record.sequence - *last - 1 : 0;
  const bool overrun = std::exchange(overrun_, false);
  if (!overrun && jump == 0) return {.what = Read::What::record, .record = std::move(record)};
  held_ = std::move(record);
  return {.what = Read::What::overrun, .record = {}, .lost_count = jump};
}

std::string KernelLog::find() {
  constexpr const char* kOwn = "/dev/kmsg";
  constexpr const char* kOfHost = "/host/dev/kmsg";
  return ::access(kOwn, F_OK) != 0 && ::access(kOfHost, F_OK) == 0 ? kOfHost : kOwn;
}

std::string KernelLog::boot_id() {
  std::ifstream file(kBootId);
  std::string id;
  if (!std::getline(file, id)) throw_errno(errno, kBootId);
  return id;
}

}  // namespace cgmm::kernel
