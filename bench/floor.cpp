// SPDX-License-Identifier: Apache-2.0
#include "floor.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

namespace cgmm::bench {
namespace {

constexpr std::size_t kOtherDescriptors = 100;
constexpr std::size_t kBufferBytes = 64 * 1024;

std::size_t files_a_process() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return std::min<std::size_t>(limit.rlim_cur, 1 << 20) - kOtherDescriptors;
}

/// What every scan reads of a cgroup (src/kernel/v1.cpp, v2.cpp), and of a container more or instead.
struct ReadFiles {
  std::vector<const char*> of_all, of_container, of_others;
};
ReadFiles files_of(kernel::Version version) {
  if (version == kernel::Version::v1)
    return {.of_all = {"memory.stat", "memory.usage_in_bytes", "memory.kmem.usage_in_bytes", "memory.failcnt",
                       "memory.oom_control"},
            .of_container = {"memory.max_usage_in_bytes"},
            .of_others = {}};
  return {.of_all = {"memory.stat", "memory.current", "memory.swap.current", "memory.pressure"},
          .of_container = {"memory.events", "memory.peak"},
          .of_others = {"memory.events.local"}};
}

std::vector<std::filesystem::path> files_of(const Containers& containers, const ReadFiles& names) {
  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path& path : containers.recorded_paths()) {
    const bool is_container = path.parent_path().filename().string().starts_with("pod");
    for (const char* const name : names.of_all) files.push_back(path / name);
    for (const char* const name : is_container ? names.of_container : names.of_others) files.push_back(path / name);
  }
  return files;
}

std::vector<int> open_files(std::span<const std::filesystem::path> files) {
  std::vector<int> opened;  // held until the process ends
  for (const auto& file : files) {
    opened.push_back(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (opened.back() < 0) throw std::system_error(errno, std::system_category(), file);
  }
  return opened;
}

}  // namespace

Floor::Floor(const std::filesystem::path& cgroup, kernel::Version version, const Containers& containers) {
  const std::vector<std::filesystem::path> all = files_of(containers, files_of(version));
  held_files_ = static_cast<std::int64_t>(all.size());
  std::span<const std::filesystem::path> left = all;
  while (!left.empty()) {
    const auto part = left.first(std::min(left.size(), files_a_process()));
    left = left.subspan(part.size());
    workers_.emplace_back(cgroup, [part] {
      return Worker::Pass([files = open_files(part), buffer = std::vector<char>(kBufferBytes)](char) mutable {
        for (const int file : files) {
          if (::pread(file, buffer.data(), buffer.size(), 0) <= 0)
            throw std::runtime_error("the floor could not read a file");
        }
      });
    });
  }
  pass();  // the kernel makes a file's buffer when it is read first
}

std::int64_t Floor::pass() {
  std::int64_t taken_ns = 0;
  for (Worker& worker : workers_) taken_ns += worker.pass('r');
  return taken_ns;
}

}  // namespace cgmm::bench
