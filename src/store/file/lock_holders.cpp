// SPDX-License-Identifier: Apache-2.0
#include "store/file/lock_holders.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "base/text.hpp"
#include "store/file/open.hpp"

namespace cgmm::store {
namespace {

/// As in /proc/locks: "08:01:131".
std::string device_and_inode(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return "";
  char text[64];
  std::snprintf(text, sizeof text, "%02x:%02x:%ju", ::major(info.st_dev), ::minor(info.st_dev),
                static_cast<std::uintmax_t>(info.st_ino));
  return text;
}

std::string name_of_process(long pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

}  // namespace

std::string lock_holders(const std::filesystem::path& file) {
  const std::string real = resolved(file).string();
  std::string text;
  for (const char* const suffix : {"", "-wal", "-shm"}) {
    const std::string path = real + suffix, wanted = device_and_inode(path);
    if (wanted.empty()) continue;
    std::set<long> pids;
    bool is_nameless = false;
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
      // "1: POSIX  ADVISORY  READ 812 08:01:131 120 127"; "->" after the number: it only waits for the lock.
      std::istringstream words(line);
      std::string number, kind, strength, access, inode;
      long pid = 0;
      if (!(words >> number >> kind >> strength >> access >> pid >> inode) || kind == "->" || inode != wanted) continue;
      if (pid > 0 && pid != ::getpid()) pids.insert(pid);
      is_nameless = is_nameless || kind == "OFDLCK";  // a lock of the open file, which several processes may have
    }
    for (const long pid : pids) {
      text += (text.empty() ? "pid " : ", pid ") + std::to_string(pid) + " (" +
              base::escape_for_terminal(name_of_process(pid)) + ") holds a lock of " + path;
    }
    if (is_nameless) {
      text += std::string(text.empty() ? "" : ", ") + "a process that /proc/locks does not name holds a lock of " +
              path + " (`fuser` lists who has it open)";
    }
  }
  return text;
}

}  // namespace cgmm::store
