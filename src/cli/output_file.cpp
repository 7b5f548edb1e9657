// SPDX-License-Identifier: Apache-2.0
#include "cli/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/commands.hpp"

namespace cgmm::cli {
namespace {

/// `name`: no string, because to copy one takes memory, and a program that gets none ends at once, with the new file
/// left.
void expect(bool success, const char* name) {
  if (!success) throw std::system_error(errno, std::generic_category(), name);
}

/// A database or its write-ahead log. False where it may not be read.
bool is_of_sqlite(const base::Fd& file) {
  const base::Fd readable(::open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY | O_CLOEXEC));
  char begin[16];
  if (!readable || ::pread(readable.get(), begin, sizeof begin, 0) != static_cast<ssize_t>(sizeof begin)) return false;
  const std::string_view text(begin, sizeof begin);
  return text == std::string_view("SQLite format 3\0", 16) || text.starts_with("\x37\x7f\x06\x82") ||
         text.starts_with("\x37\x7f\x06\x83");
}

}  // namespace

OutputFile::OutputFile(std::string name, mode_t mode) : name_(std::move(name)), mode_(mode) {
  if (!name_.empty()) open();
}

void OutputFile::open() {
  // Opened, so that the kernel decides what may be written, and which link may be followed.
  // Without waiting for somebody to read, if it is a pipe.
  base::Fd old(::open(name_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!old && errno == ENXIO) throw std::system_error(errno, std::generic_category(), name_ + ": nobody reads from it");
  struct stat was{};
  expect(old ? ::fstat(old.get(), &was) == 0 : errno == ENOENT, name_.c_str());
  if (old && !S_ISREG(was.st_mode)) {
    expect(::fcntl(old.get(), F_SETFL, 0) == 0, name_.c_str());  // whoever reads may be slow
    file_ = std::move(old);
    return;
  }
  if (old && is_of_sqlite(old))
    throw UsageError("--output " + name_ + ": a SQLite database, such as a history, is not overwritten");
  std::error_code error;
  const std::filesystem::path real =
      old ? std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(old.get()), error)
          : std::filesystem::path(name_);
  if (error) throw std::system_error(error, name_);
  real_name_ = real.string();
  std::string fresh_name = real_name_ + ".new-" + std::to_string(::getpid());
  file_ = base::Fd(::open(fresh_name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_));
  expect(static_cast<bool>(file_), old ? fresh_name.c_str() : name_.c_str());
  fresh_name_ = std::move(fresh_name);  // takes no memory: nothing may fail between the file and its name
  if (!old) return;
  [[maybe_unused]] const int ignored = ::fchown(file_.get(), was.st_uid, was.st_gid);  // if we may
  if (::fchmod(file_.get(), was.st_mode & 0777) == 0) return;
  const int code = errno;
  ::unlink(fresh_name_.c_str());
  throw std::system_error(code, std::generic_category(), name_);
}

OutputFile::~OutputFile() {
  if (!fresh_name_.empty()) ::unlink(fresh_name_.c_str());
}

void OutputFile::write(std::span<const std::string> parts) {
  const int fd = file_ ? file_.get() : STDOUT_FILENO;
  for (std::string_view text : parts) {
    while (!text.empty()) {
      const ssize_t written = ::write(fd, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      expect(written >= 0, name_.empty() ? "standard output" : name_.c_str());
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
}

void OutputFile::finish() {
  if (fresh_name_.empty()) return;
  expect(::fsync(file_.get()) == 0, name_.c_str());
  expect(::close(file_.release()) == 0, name_.c_str());
  expect(::rename(fresh_name_.c_str(), real_name_.c_str()) == 0, name_.c_str());
  fresh_name_.clear();
}

}  // namespace cgmm::cli
