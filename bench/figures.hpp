// SPDX-License-Identifier: Apache-2.0
#pragma once

// Numbers measured several times, and tables of them that are aligned for a terminal and Markdown at once.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cgmm::bench {

/// One number, measured again and again.
class Measured {
 public:
  void add(double value) { values_.push_back(value); }
  bool empty() const { return values_.empty(); }
  double median() const;
  double mean() const;
  double least() const;
  double most() const;

 private:
  std::vector<double> values_;
};

/// "12.3", with so many digits after the point.
std::string fixed(double value, int digits = 1);
/// "12.3 (11.9-13.0)": the median, the least and the most, each divided by `unit`.
std::string spread(const Measured& measured, double unit, int digits = 1);

class Table {
 public:
  explicit Table(std::vector<std::string> head) : rows_{std::move(head)} {}
  /// As many cells as the head has; those that are missing are empty.
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// The first column to the left, the others to the right.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// A bound, and whether it was met.
struct Bound {
  std::string what;
  double at_most = 0;
  double measured = 0;
  int digits = 1;
};
std::string table_of(const std::vector<Bound>& bounds);

/// Where and when, in a line: machine, kernel, commit, date.
std::string provenance(const std::string& commit);

/// Prints the section ("## title", then `text`), and puts it into the file in place of the one that has its title.
void publish(const std::filesystem::path& results, const std::string& title, const std::string& text);

}  // namespace cgmm::bench
