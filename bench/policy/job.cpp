// SPDX-License-Identifier: Apache-2.0
#include "policy/job.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "stop.hpp"

namespace cgmm::bench::policy {
namespace {

constexpr std::size_t kPiece = 4 << 20;
constexpr std::uint64_t kAhead = 4;  // blocks

void check(bool is_good, const std::filesystem::path& file) {
  if (!is_good) throw std::system_error(errno, std::system_category(), file);
}

}  // namespace

Job::Job(Place place, const Start& start, Seen& seen)
    : place_(std::move(place)), start_(start), seen_(seen), random_(place_.seed), heap_(share(place_.heap), 'h') {}

std::uint64_t Job::share(double share) const {
  const auto bytes = static_cast<std::uint64_t>(share * static_cast<double>(place_.limit_bytes));
  return std::max(bytes / kBlock, std::uint64_t{1}) * kBlock;
}

double Job::elapsed_s() const { return static_cast<double>(daemon::steady_now_us() - began_us_) / 1e6; }

void Job::ready() {
  seen_.is_ready = true;
  while (start_.at_us == 0) ::usleep(5'000);
  began_us_ = start_.at_us;
  // Nor with all others of its policy.
  wait_until(began_us_ + place_.offset_us + static_cast<std::int64_t>(random_() % 50'000));
}

Pace::Pace(double per_second)
    : period_us_(static_cast<std::int64_t>(1e6 / per_second)), next_us_(daemon::steady_now_us()) {}

void Pace::wait() {
  next_us_ += period_us_;
  const std::int64_t now_us = daemon::steady_now_us();
  if (next_us_ < now_us - 1'000'000) next_us_ = now_us;
  if (next_us_ > now_us) wait_until(next_us_);
}

BlockFile::BlockFile(const std::filesystem::path& file, Order order, int more_flags)
    : fd_(::open(file.c_str(), O_RDWR | O_CLOEXEC | more_flags, 0600)),
      order_(order),
      block_count_(0),
      buffer_(kBlock, 'w') {
  check(static_cast<bool>(fd_), file);
  block_count_ = std::filesystem::file_size(file) / kBlock;
  ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_RANDOM);
}

void BlockFile::read(std::uint64_t block) {
  if (order_ == Order::sequential && block % kAhead == 0) look_ahead(block);
  check(::pread(fd_.get(), buffer_.data(), kBlock, static_cast<off_t>(block * kBlock)) >= 0, "a workload's file");
}

void BlockFile::look_ahead(std::uint64_t block) {
  const auto advise = [&](std::uint64_t first, int advice) {
    ::posix_fadvise(fd_.get(), static_cast<off_t>(first % block_count_ * kBlock), kAhead * kBlock, advice);
  };
  // Nothing of that is in memory, because it was read more than a limit ago. But the kernel would count a refault.
  advise(block + 2 * kAhead, POSIX_FADV_DONTNEED);
  advise(block + kAhead, POSIX_FADV_WILLNEED);
}

void BlockFile::write(std::uint64_t block) {
  check(::pwrite(fd_.get(), buffer_.data(), kBlock, static_cast<off_t>(block * kBlock)) >= 0, "a workload's file");
}

void BlockFile::read_all() {
  for (std::uint64_t block = 0; block < block_count_; ++block) read(block);
}

void make_file(const std::filesystem::path& file, std::uint64_t bytes, std::span<const char> head) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  base::Fd fd(::open(file.c_str(), kFlags | O_DIRECT, 0700));
  if (!fd) fd = base::Fd(::open(file.c_str(), kFlags, 0700));
  check(static_cast<bool>(fd), file);
  const std::unique_ptr<void, decltype(&std::free)> memory(std::aligned_alloc(4096, kPiece), &std::free);
  if (memory == nullptr) throw std::bad_alloc();
  const std::span<char> piece(static_cast<char*>(memory.get()), kPiece);
  std::ranges::generate(piece, [random = std::minstd_rand()]() mutable { return static_cast<char>(random() >> 8); });
  for (std::uint64_t at = 0; at < bytes; at += kPiece) {
    check_stop();
    if (at < head.size()) std::ranges::copy(head.subspan(at, std::min(kPiece, head.size() - at)), piece.begin());
    const std::size_t size = std::min(kPiece, bytes - at);
    check(::write(fd.get(), piece.data(), size) == static_cast<ssize_t>(size), file);
  }
  check(::fsync(fd.get()) == 0, file);
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
}

void forget_file(const std::filesystem::path& file) {
  const base::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  ::fsync(fd.get());
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
}

}  // namespace cgmm::bench::policy
