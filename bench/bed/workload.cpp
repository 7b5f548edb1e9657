// SPDX-License-Identifier: Apache-2.0

// What runs in the containers of bench/bed/run: workload KIND DIR [NUMBER...]. Files are made in DIR. Sizes are in MiB.
// A kind that does not end by itself runs until it is killed.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

constexpr std::size_t kMib = 1 << 20;
constexpr std::size_t kBlock = 64 << 10;
constexpr std::size_t kPage = 4096;

struct Place {
  std::filesystem::path dir;
  std::vector<double> numbers;

  double number(std::size_t index) const { return numbers.at(index); }
  std::size_t bytes(std::size_t index) const { return static_cast<std::size_t>(number(index) * double{kMib}); }
};

void check(bool is_good, const std::filesystem::path& file) {
  if (!is_good) throw std::system_error(errno, std::system_category(), file);
}

void wait_s(double seconds) { ::usleep(static_cast<useconds_t>(seconds * 1e6)); }

[[noreturn]] void wait_for_ever() {
  for (;;) ::pause();
}

class File {
 public:
  File(std::filesystem::path path, int flags)
      : path_(std::move(path)), fd_(::open(path_.c_str(), flags | O_CLOEXEC, 0600)) {
    check(fd_ >= 0, path_);
  }
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int fd() const { return fd_; }
  void read_at(std::size_t offset) {
    check(::pread(fd_, buffer_.data(), kBlock, static_cast<off_t>(offset)) >= 0, path_);
  }
  void write_at(std::size_t offset) {
    check(::pwrite(fd_, buffer_.data(), kBlock, static_cast<off_t>(offset)) >= 0, path_);
  }
  void sync() { check(::fsync(fd_) == 0, path_); }
  void forget() { ::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED); }

 private:
  std::filesystem::path path_;
  int fd_;
  std::vector<char> buffer_ = std::vector<char>(kBlock, 'w');
};

/// Makes the file if an earlier start of the container has not made it. Nothing of it stays in memory.
std::filesystem::path make_data(const Place& place, std::size_t bytes) {
  const std::filesystem::path path = place.dir / "data";
  if (std::filesystem::exists(path) && std::filesystem::file_size(path) >= bytes) return path;
  File file(path, O_WRONLY | O_CREAT);
  for (std::size_t at = 0; at < bytes; at += kBlock) {
    file.write_at(at);
    if (at % (8 * kMib) != 0) continue;
    file.sync();
    file.forget();
  }
  file.sync();
  file.forget();
  return path;
}

/// Memory that is used, one page at a time. Never given back.
void hold(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(memory != MAP_FAILED, "memory");
  for (std::size_t at = 0; at < bytes; at += kPage) static_cast<char*>(memory)[at] = 1;
}

/// Holds a heap, and reads a small file again and again.
void service(const Place& place) {
  const std::size_t heap_bytes = place.bytes(0), file_bytes = place.bytes(1);
  hold(heap_bytes);
  File file(make_data(place, file_bytes), O_RDONLY);
  for (std::size_t at = 0;; at = (at + kBlock) % file_bytes) {
    file.read_at(at);
    wait_s(0.05);
  }
}

/// Holds more and more: a heap at the start, then so many MiB a second.
void leak(const Place& place) {
  hold(place.bytes(0));
  for (;;) {
    hold(std::max(place.bytes(1) / 10, kPage));
    wait_s(0.1);
  }
}

/// Writes so many MiB a second into four files in turn, and never reads them.
void log_writer(const Place& place) {
  constexpr std::size_t kFileBytes = 24 * kMib;
  for (int number = 0;; number = (number + 1) % 4) {
    File file(place.dir / ("log." + std::to_string(number)), O_WRONLY | O_CREAT | O_TRUNC);
    for (std::size_t at = 0; at < kFileBytes; at += kBlock) {
      file.write_at(at);
      wait_s(static_cast<double>(kBlock) / (place.number(0) * double{kMib}));
    }
  }
}

/// A heap, a hot set, and a file: nine of ten reads are of the hot set. 100 reads a second.
void database(const Place& place) {
  const std::size_t hot_bytes = place.bytes(1), file_bytes = place.bytes(2);
  hold(place.bytes(0));
  File file(make_data(place, file_bytes), O_RDONLY);
  ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_RANDOM);
  std::minstd_rand random;
  for (;;) {
    const std::size_t among = random() % 10 != 0 ? hot_bytes : file_bytes;
    file.read_at(random() % (among / kBlock) * kBlock);
    wait_s(0.01);
  }
}

/// Reads a file twice, in half a minute or so, and ends.
void batch(const Place& place) {
  hold(place.bytes(0));
  const std::size_t file_bytes = place.bytes(1);
  File file(make_data(place, file_bytes), O_RDONLY);
  for (std::size_t read = 0; read < 2 * file_bytes; read += kBlock) {
    file.read_at(read % file_bytes);
    wait_s(30.0 / static_cast<double>(2 * file_bytes / kBlock));
  }
}

/// Appends so many MiB a second to a file up to a size. DIR is on a tmpfs.
void tmpfs_writer(const Place& place) {
  File file(place.dir / "spool", O_WRONLY | O_CREAT);
  const auto begin = static_cast<std::size_t>(::lseek(file.fd(), 0, SEEK_END));
  for (std::size_t at = begin; at < place.bytes(1); at += kBlock) {
    file.write_at(at);
    wait_s(static_cast<double>(kBlock) / (place.number(0) * double{kMib}));
  }
  wait_for_ever();
}

/// Maps a file, and reads pages of it at random: 500 a second.
void mapped(const Place& place) {
  const std::size_t bytes = place.bytes(0);
  const File file(make_data(place, bytes), O_RDONLY);
  void* memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.fd(), 0);
  check(memory != MAP_FAILED, "a mapped file");
  ::madvise(memory, bytes, MADV_RANDOM);  // else a disk that reads far ahead would do nothing else
  std::minstd_rand random;
  for (;;) {
    for (int page = 0; page < 50; ++page) {
      static_cast<void>(static_cast<const volatile char*>(memory)[random() % (bytes / kPage) * kPage]);
    }
    wait_s(0.1);
  }
}

/// Reads a file once, and does nothing more.
void idle(const Place& place) {
  const std::size_t bytes = place.bytes(0);
  File file(make_data(place, bytes), O_RDONLY);
  for (std::size_t at = 0; at < bytes; at += kBlock) file.read_at(at);
  wait_for_ever();
}

/// A heap with a garbage collector: grows to a size in half a minute, then gives three quarters back.
void garbage(const Place& place) {
  const std::size_t bytes = place.bytes(0), kept = bytes / 4;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(memory != MAP_FAILED, "memory");
  char* const heap = static_cast<char*>(memory);
  for (;;) {
    for (std::size_t at = 0; at < bytes; at += kBlock) {
      for (std::size_t page = at; page < at + kBlock && page < bytes; page += kPage) heap[page] = 1;
      wait_s(30.0 / static_cast<double>(bytes / kBlock));
    }
    ::madvise(heap + kept, bytes - kept, MADV_DONTNEED);
  }
}

void run(const std::string& kind, const Place& place) {
  if (kind == "pause") wait_for_ever();
  if (kind == "service") return service(place);
  if (kind == "leak") return leak(place);
  if (kind == "log") return log_writer(place);
  if (kind == "database") return database(place);
  if (kind == "batch") return batch(place);
  if (kind == "tmpfs") return tmpfs_writer(place);
  if (kind == "mapped") return mapped(place);
  if (kind == "idle") return idle(place);
  if (kind == "garbage") return garbage(place);
  throw std::runtime_error("there is no kind \"" + kind + "\"");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) throw std::runtime_error("usage: workload KIND DIR [NUMBER...]");
  Place place{.dir = argv[2]};
  for (int i = 3; i < argc; ++i) place.numbers.push_back(std::stod(argv[i]));
  run(argv[1], place);
} catch (const std::exception& error) {
  std::cerr << argv[0] << ": " << error.what() << '\n';
  return 1;
}
