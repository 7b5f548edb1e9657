// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a subcommand writes, at once or part by part.

#include <span>
#include <string>

#include "base/fd.hpp"

namespace cgmm::cli {

/// A new file takes the place of the old one when it is complete: what was there is never half of something. Pipes and
/// devices are written as they are. Each throws std::system_error if the file or the pipe refuses it.
class OutputFile {
 public:
  /// "": standard output.
  explicit OutputFile(std::string name);
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
  std::string real_name_, fresh_name_;  // "": it is written as it is
  base::Fd file_;
};

}  // namespace cgmm::cli
