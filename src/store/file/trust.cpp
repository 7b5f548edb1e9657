// SPDX-License-Identifier: Apache-2.0
#include "store/file/trust.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <string>
#include <system_error>

#include "store/refusal.hpp"

namespace cgmm::store {
namespace {

namespace fs = std::filesystem;

enum class Sticky { does_not_help, helps };

/// With an ACL, the mode's bits of the group say what any of its users and groups may do.
bool others_may_write(const fs::path& part, const struct stat& info) {
  if ((info.st_mode & S_IWOTH) != 0) return true;
  return (info.st_mode & S_IWGRP) != 0 &&
         (info.st_gid != 0 || ::lgetxattr(part.c_str(), "system.posix_acl_access", nullptr, 0) > 0);
}

void expect_roots(const fs::path& file, const fs::path& part, Sticky sticky) {
  struct stat info{};
  if (::lstat(part.c_str(), &info) != 0) return;  // whoever opens it will say why
  const auto refuse = [&](const std::string& why) {
    throw unusable(file, "others than root could exchange or write it: " + part.string() + " " + why,
                   S_ISDIR(info.st_mode) ? "keep it where only root may write"
                                         : "give that to root (chown root:root, chmod go-w)");
  };
  if (info.st_uid != 0) refuse("belongs to user " + std::to_string(info.st_uid));
  const bool is_kept = S_ISLNK(info.st_mode) || (sticky == Sticky::helps && (info.st_mode & S_ISVTX) != 0);
  if (is_kept || !others_may_write(part, info)) return;
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", info.st_mode & 07777U);
  refuse(std::string("has the mode ") + mode);
}

/// Every directory on the way, and every link: the way is gone as the kernel goes it. Returns where it leads.
fs::path expect_roots_path(const fs::path& file) {
  constexpr int kMostLinks = 40;  // as the kernel
  std::error_code error;
  const fs::path named = fs::absolute(file, error);
  std::deque<fs::path> names(named.begin(), named.end());
  fs::path part;
  for (int links = 0; !names.empty() && links <= kMostLinks; names.pop_front()) {
    if (names.front() == "..") {
      part = part.parent_path();
      continue;
    }
    const fs::path next = part / names.front();
    expect_roots(file, next, Sticky::helps);
    const fs::path target = fs::read_symlink(next, error);
    if (error) {
      part = next;
    } else {
      ++links;
      names.insert(names.begin() + 1, target.begin(), target.end());
    }
  }
  return names.empty() ? part : named;  // a loop of links: nothing can be opened there
}

}  // namespace

void expect_trusted(const fs::path& file) {
  if (::geteuid() != 0) return;
  const fs::path real = expect_roots_path(file);
  expect_roots(file, real.parent_path(), Sticky::does_not_help);
  for (const char* const end : {"", "-wal", "-shm", "-journal", ".lock", ".new"}) {
    expect_roots(file, real.string() + end, Sticky::does_not_help);
  }
}

}  // namespace cgmm::store
