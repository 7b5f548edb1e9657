// SPDX-License-Identifier: Apache-2.0
#include "containers.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

#include "base/fd.hpp"
#include "kernel/hierarchy.hpp"
#include "stop.hpp"

namespace cgmm::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLeftBytes = 16 * 1024;  // page cache in a container whose process has gone
constexpr std::size_t kLiveBytes = 16 * 4096;  // of either kind of memory, of one that is busy
constexpr useconds_t kRest_us = 1'000'000;
constexpr const char* kLimit = "536870912";

fs::path writable_root() {
  std::ifstream stream("/proc/self/mountinfo");
  const std::string mounts(std::istreambuf_iterator<char>(stream), {});
  for (const std::string& root : kernel::memory_hierarchy_roots(mounts)) {
    if (::access((root + "/cgroup.procs").c_str(), W_OK) == 0) return root;
  }
  throw std::runtime_error("this benchmark makes cgroups: it needs root and a writable memory hierarchy, v1 or v2");
}

/// With all above it that are not there yet. On v2 a cgroup has memory files only where its parent hands them down.
void make_cgroup(const fs::path& directory) {
  if (fs::exists(directory)) return;
  const fs::path parent = directory.parent_path();
  make_cgroup(parent);
  const fs::path control = parent / "cgroup.subtree_control";
  if (fs::exists(control) && !(std::ofstream(control) << "+memory" << std::flush))
    throw std::system_error(errno, std::system_category(), control);
  fs::create_directory(directory);
}

/// A cgroup is busy for a moment after its last process.
void remove_cgroup(const fs::path& directory) {
  for (int tries = 0; ::rmdir(directory.c_str()) != 0 && errno == EBUSY && tries < 500; ++tries) ::usleep(10'000);
}

base::Fd open_file(const fs::path& file) {
  base::Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) throw std::system_error(errno, std::system_category(), file);
  return fd;
}

void write_at(const base::Fd& file, std::span<const char> bytes, std::size_t at) {
  if (::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)) < 0) {
    throw std::system_error(errno, std::system_category(), "a container's file");
  }
}

/// Goes from one to the next, so no container has a process afterwards.
int leave_page_cache(const std::vector<fs::path>& cgroups, const fs::path& file) {
  const base::Fd fd = open_file(file);
  const std::vector<char> bytes(kLeftBytes, 'x');
  for (std::size_t i = 0; i < cgroups.size(); ++i) {
    std::ofstream(cgroups[i] / "cgroup.procs") << "0" << std::flush;
    write_at(fd, bytes, i * kLeftBytes);
  }
  return ::fdatasync(fd.get());
}

int live(const fs::path& file) {
  const base::Fd fd = open_file(file);
  const std::vector<char> bytes(kLiveBytes, 'y');
  void* const mapped = ::mmap(nullptr, kLiveBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return 1;
  for (;;) {
    std::fill_n(static_cast<char*>(mapped), kLiveBytes, 'z');
    write_at(fd, bytes, 0);
    ::usleep(kRest_us);
    ::madvise(mapped, kLiveBytes, MADV_DONTNEED);
  }
}

fs::path services_of(const fs::path& kubepods) { return kubepods.parent_path() / "system.slice"; }

fs::path service_path(const fs::path& kubepods, std::size_t i) {
  return services_of(kubepods) / ("service-" + std::to_string(i) + ".service");
}

}  // namespace

Playground::Playground() : top_(writable_root() / ("cgmm-bench-" + std::to_string(::getpid()))) {
  make_cgroup(kubepods() / "burstable");
}

kernel::Version Playground::version() const { return kernel::open_hierarchy(top_).version; }

Playground::~Playground() {
  std::error_code error;
  remove_cgroup(kubepods() / "burstable");
  remove_cgroup(kubepods());
  for (const auto& one : fs::directory_iterator(top_, error)) {
    if (one.is_directory()) remove_cgroup(one.path());
  }
  remove_cgroup(top_);
  if (fs::exists(top_, error)) std::fprintf(stderr, "could not remove %s\n", top_.c_str());
}

fs::path Playground::beside(const char* name) const {
  make_cgroup(top_ / name);
  return top_ / name;
}

fs::path container_path(const fs::path& kubepods, std::size_t i) {
  char name[128];
  std::snprintf(name, sizeof name, "pod%08zx-0f0c-4a3b-9d11-5e7a64c0b1f2/%064zx", i / 2, i);
  return kubepods / "burstable" / name;
}

void make_container(const fs::path& kubepods, std::size_t i) { make_cgroup(container_path(kubepods, i)); }

void remove_container(const fs::path& kubepods, std::size_t i) {
  const fs::path directory = container_path(kubepods, i);
  remove_cgroup(directory);
  ::rmdir(directory.parent_path().c_str());
}

Containers::Containers(const Playground& playground, std::size_t count, Load load, const fs::path& directory)
    : kubepods_(playground.kubepods()), count_(count) {
  try {
    for (std::size_t i = 0; i < count_; ++i) {
      check_stop();
      make_container(kubepods_, i);
    }
    std::vector<fs::path> filled = paths();
    const char* const limit_file = playground.version() == kernel::Version::v1 ? "memory.limit_in_bytes" : "memory.max";
    for (const fs::path& one : filled) std::ofstream(one / limit_file) << kLimit << std::flush;
    for (std::size_t i = 0; i < service_count(); ++i) {
      make_cgroup(service_path(kubepods_, i));
      filled.push_back(service_path(kubepods_, i));
    }
    Child filler({}, [&] { return leave_page_cache(filled, directory / "left"); });
    if (filler.wait() != 0) throw std::runtime_error("page cache could not be filled in " + directory.string());
    for (std::size_t i = 0; load == Load::busy && i < count_; ++i) {
      check_stop();
      live_.emplace_back(container_path(kubepods_, i), [&] { return live(directory / ("live-" + std::to_string(i))); });
      wait_for(kRest_us / static_cast<std::int64_t>(std::max<std::size_t>(count_, 1)));  // not all in the same instant
    }
  } catch (...) {
    live_.clear();
    remove();
    throw;
  }
}

Containers::~Containers() {
  live_.clear();
  remove();
}

void Containers::remove() const {
  for (std::size_t i = 0; i < count_; ++i) remove_container(kubepods_, i);
  for (std::size_t i = 0; i < service_count(); ++i) remove_cgroup(service_path(kubepods_, i));
  remove_cgroup(services_of(kubepods_));
}

std::vector<fs::path> Containers::paths() const {
  std::vector<fs::path> paths;
  for (std::size_t i = 0; i < count_; ++i) paths.push_back(container_path(kubepods_, i));
  return paths;
}

std::vector<fs::path> Containers::recorded_paths() const {
  std::vector<fs::path> all = paths();
  for (std::size_t i = 0; i < count_; i += 2) all.push_back(container_path(kubepods_, i).parent_path());
  for (std::size_t i = 0; i < service_count(); ++i) all.push_back(service_path(kubepods_, i));
  return all;
}

}  // namespace cgmm::bench
