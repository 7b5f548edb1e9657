// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a subcommand writes, at once or part by part.

#include <sys/types.h>

#include <span>
#include <string>

#include "base/fd.hpp"

namespace cgmm::cli {

/// A new file takes the place of the old one when it is complete: what was there is never half of something. Pipes and
/// devices are written as they are. Each throws std::system_error if the file or the pipe refuses it.
class OutputFile {
 public:
  /// "": standard output. A new file has this mode, less what the umask takes away; one that is replaced keeps its own.
  explicit OutputFile(std::string name, mode_t mode = 0644);
  /// Removes what is not complete.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::span<const std::string> parts);
  /// It is complete.
  void finish();

 private:
  void open();

  std::string name_;
  mode_t mode_;
  std::string real_name_, fresh_name_;  // "": it is written as it is
  base::Fd file_;
};

}  // namespace cgmm::cli
