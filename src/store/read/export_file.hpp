// SPDX-License-Identifier: Apache-2.0
#pragma once

// A SQLite file for any program: the tables scan, cgroup and sample, with plain columns and without an archive.

#include <filesystem>
#include <memory>

#include "store/read/samples_export.hpp"

namespace cgmm::store {

class ExportFile {
 public:
  /// It gets its name when it is complete; until then it has `name` with ".new-" and a number. Throws StoreError, also
  /// where there is something of this name: nothing is overwritten.
  explicit ExportFile(std::filesystem::path name);
  /// Removes what is not complete.
  ~ExportFile();
  ExportFile(const ExportFile&) = delete;
  ExportFile& operator=(const ExportFile&) = delete;

  /// All that the export has. Throws StoreError.
  void write(SamplesExport& from);

 private:
  struct Impl;
  void fill(SamplesExport& from);
  void finish();

  std::filesystem::path name_, fresh_name_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cgmm::store
